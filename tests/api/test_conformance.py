"""The server answers as its document says: schemathesis asks it whatever that allows, and much that it does not.

A real `tonearm serve` with a living worker, over each store, with keys on, so that it does not matter which keys are
made and revoked meanwhile. Every operation is asked by itself, and then in chains that follow the links.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from tests.support.catalog import ScriptedCatalog, answer
from tests.support.counts import ALL, count
from tests.support.music import Music
from tests.support.redis_server import RedisServer
from tests.support.server import Json, Tonearm

from tonearm.api.idempotency import HEADER
from tonearm.api.openapi import document
from tonearm.api.paths import EVENTS

pytestmark = pytest.mark.timeout(count(120, 900))

DESCRIBED = schemathesis.openapi.from_dict(document("")).exclude(path=EVENTS)
"""What the server serves as /openapi.json, but for the stream, which has no whole answer to look at."""
DESCRIBED.config.phases.coverage.enabled = ALL
EXAMPLES = count(6, 1_000)
"""For each operation and store; beside them, with `--all`, every boundary value by itself."""
CHAINS = count(2, 60)
"""Of several operations, each with an example."""

UNFORESEEN = {
    *("INVALID_CURSOR", "NOT_FOUND", "WRONG_STATE", "IDEMPOTENCY_MISMATCH", "PAYLOAD_TOO_LARGE", "FILE_UNAVAILABLE")
}
"""Refusals of what no schema can tell from right input: they hang on what was said before, or on bytes."""
TAKEN = ("There is a key named", "There are ")
"""What begins the refusal of a key whose name another has, or which is one too many."""


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Write whole numbers as such: to a schema `5.0` is one, to the server, which keeps types apart, it is none."""
    if isinstance(body, dict):
        return {name: map_body(_, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() and abs(body) < 2**53 else body


@schemathesis.hook
def filter_path_parameters(_: schemathesis.HookContext | None, path_parameters: dict[str, Any] | None) -> bool:
    """Leave out the empty ones and those with a slash: such a path is that of another operation, or of none."""
    return not any(value == "" or "/" in unquote(str(value)) for value in (path_parameters or {}).values())


def right_input_is_accepted(
    ctx: schemathesis.CheckContext, response: Response, case: schemathesis.Case[Any]
) -> bool | None:
    """Unless what is wrong about it is unforeseen."""
    if response.status_code >= 400:
        refused = response.json()
        if refused["code"] in UNFORESEEN or refused["error"].startswith(TAKEN):
            return None
    return positive_data_acceptance(ctx, response, case)


def wrong_input_is_refused(
    ctx: schemathesis.CheckContext, response: Response, case: schemathesis.Case[Any]
) -> bool | None:
    """As a whole, also because it is too long, or in a batch each wrong job in its place. An empty limit is none."""
    if response.status_code == 413 or re.search(r"[?&]limit=(&|$)", response.request.url or ""):
        return None
    if response.status_code == 200 and case.operation.definition.raw["operationId"] == "submitBatch":
        answered = [result["success"] for result in response.json()["results"]]
        if case.meta is not None and case.meta.generation.mode is GenerationMode.NEGATIVE:
            assert not all(answered), "a wrong job was accepted"
        return None
    return negative_data_rejection(ctx, response, case)


STRICTER: list[schemathesis.CheckFunction] = [positive_data_acceptance, negative_data_rejection]
OWN: list[schemathesis.CheckFunction] = [right_input_is_accepted, wrong_input_is_refused]
"""What stands in their place."""


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, music: Music
) -> Iterator[dict[str, Any]]:
    """How a running server is called: its address and a key. Its loop is a thread's, since schemathesis waits."""
    asking: dict[str, Any] = {}
    sound = music(seconds=1).read_bytes()
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        try:
            async with AsyncExitStack() as stack:
                asking.update(await _start(stack, request.param, tmp_path_factory.mktemp("server"), sound))
                ready.set()
                await asyncio.to_thread(done.wait)
        finally:
            ready.set()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    yield asking
    done.set()
    thread.join()


async def _start(stack: AsyncExitStack, store: str, folder: Path, sound: bytes) -> dict[str, Any]:
    catalog = await stack.enter_async_context(ScriptedCatalog())
    for number in (11, 12):
        catalog.add_track(number, body=sound)
    catalog.add_album(5, [11, 12])
    catalog.reply("/search", answer({"results": [{"type": "album", "id": 5, "title": "Scripts"}]}), forever=True)
    many: Json = {"QUEUE_MAX_SIZE": 1_000_000, "QUEUE_CRITICAL_SIZE": 1_000_000}
    if store == "redis":
        many["REDIS_URL"] = stack.enter_context(RedisServer()).url
    running = await stack.enter_async_context(Tonearm(folder, catalog.url, **many))
    for kind, number in (("track", 11), ("album", 5)):
        await running.wait_for(await running.submit(kind, number), "completed")
    _, key = await running.call("POST", "/keys", json={"name": "root", "scope": "admin"})
    return {"base_url": running.url, "headers": {"Authorization": f"Bearer {key['key']}"}}


@DESCRIBED.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case: schemathesis.Case[Any], server: dict[str, Any]) -> None:
    """Status, type, headers and body; wrong input is refused, right input accepted, and no failure is the server's."""
    case.call_and_validate(**server, excluded_checks=STRICTER, additional_checks=OWN)


def test_chains_of_requests_are_answered_as_the_document_says(server: dict[str, Any]) -> None:
    """What was made is there, what was deleted is gone, and a page leads to the next."""
    found: list[str] = []
    followed = Counter[str]()
    chains: list[Chain] = []

    class Chain(DESCRIBED.as_state_machine()):  # type: ignore[misc]  # a class that is made from the document
        def setup(self) -> None:
            chains.append(self)

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:  # noqa: ARG002  # of schemathesis
            return server

        def step(self, input: Any) -> Any:  # noqa: A002  # its name in schemathesis
            if not filter_path_parameters(None, input.case.path_parameters):
                return None  # that is what a link brings
            if not input.case.meta.is_negative_at(ParameterLocation.HEADER):
                input.case.headers.pop(HEADER, None)  # said again, it brings a job of an earlier chain, perhaps deleted
            if input.transition is not None and input.is_applied:
                followed[input.transition.id] += 1
            return super().step(input)

        def validate_response(self, response: Response, case: schemathesis.Case[Any], **_: Any) -> None:
            try:
                recorder = self.recorder
                case.validate_response(response, excluded_checks=STRICTER, additional_checks=OWN, recorder=recorder)
            except* Failure as failures:
                found.append(f"{failures.exceptions}\n{case.as_curl_command()}")

    quiet = settings(max_examples=CHAINS, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    while len(chains) < CHAINS:
        with suppress(Flaky):  # what a link brings is another id each time, which ends a run, and is no finding
            run_state_machine_as_test(Chain, settings=quiet)
    assert not found, "\n\n".join(found)
    assert sum(followed.values()) > CHAINS
