"""The asynchronous client: the same methods as the other, many calls at a time, and calls that are given up."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import until
from tests.unit.client.playing import JOB_ID, Play, Stage, job

from tonearm import client as face
from tonearm.client import AsyncClient, AsyncDownload, Client, Download
from tonearm.client.async_transport import KEPT_CONNECTIONS
from tonearm.errors import ServerUnreachable

ANSWER = Play(200, {"success": True, "job": job(), "message": "done", "jobId": JOB_ID})
ZIP = {"Content-Type": "application/zip"}
EVENT = f'id: 1\nevent: removed\ndata: {{"id": "{JOB_ID}"}}\n\n'.encode()
STREAM = Play(200, EVENT, {"Content-Type": "text/event-stream"}, hang=True)


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(stage.url, timeout=60) as client:
        yield client


def public(kind: type) -> dict[str, Any]:
    return {name: found for name, found in vars(kind).items() if not name.startswith("_")}


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(("kind", "other"), [(Client, AsyncClient), (Download, AsyncDownload)])
def test_both_clients_have_the_same_methods(kind: type, other: type) -> None:
    """The same names, parameters and words; only what is iterated and downloaded is asynchronous."""
    assert set(public(kind)) == set(public(other))
    for name, method in public(kind).items():
        twin = getattr(other, name)
        ours, theirs = inspect.signature(method), inspect.signature(twin)
        assert list(theirs.parameters.values()) == list(ours.parameters.values()), name
        answered = str(theirs.return_annotation).replace("AsyncIterator", "Iterator")
        assert answered.replace("AsyncDownload", "Download") == ours.return_annotation, name
        assert inspect.iscoroutinefunction(twin) or inspect.isasyncgenfunction(twin), name
        assert twin.__doc__, name


def test_both_clients_are_made_alike() -> None:
    """But for the sleep of tests, which is awaited in one of them."""
    ours, theirs = (inspect.signature(kind).parameters for kind in (Client, AsyncClient))

    assert {**ours, "sleep": None} == {**theirs, "sleep": None}


def test_a_name_that_the_package_does_not_have_is_missed() -> None:
    """Names that are loaded late do not make others up."""
    with pytest.raises(AttributeError, match="AsyncNothing"):
        face.AsyncNothing  # type: ignore[attr-defined]  # noqa: B018 - that is what is tested


async def test_calls_run_side_by_side_over_so_many_connections(stage: Stage, client: AsyncClient) -> None:
    """Each has its answer, and a machine with many jobs to ask about does not flood the server."""
    stage.plays(ANSWER)

    answers = await asyncio.gather(*(client.job(JOB_ID) for _ in range(3 * KEPT_CONNECTIONS)))

    assert {answer.id for answer in answers} == {JOB_ID}
    assert 1 < len({heard.line for heard in stage.heard}) <= KEPT_CONNECTIONS


async def test_a_repetition_takes_a_new_connection(stage: Stage, client: AsyncClient) -> None:
    """When a kept connection fails, the others are as old as it is."""
    stage.plays(ANSWER)
    await asyncio.gather(*(client.job(JOB_ID) for _ in range(4)))
    kept = {heard.line for heard in stage.heard}
    stage.plays(Play(cut=True), ANSWER)

    assert (await client.job(JOB_ID)).id == JOB_ID
    assert len(kept) > 1
    assert stage.heard[-2].line in kept
    assert stage.heard[-1].line not in kept


@pytest.mark.parametrize(
    "held",
    [Play(mute=True), Play(200, b'{"success": true, ', hang=True)],
    ids=["before the answer", "in the middle of the answer"],
)
async def test_a_call_that_is_cancelled_leaves_nothing_behind(stage: Stage, client: AsyncClient, held: Play) -> None:
    """Its connection is closed at once, and the next call is not answered with what was meant for it."""
    stage.plays(ANSWER, held, ANSWER)
    await client.job(JOB_ID)
    call = asyncio.create_task(client.stats())
    await until("the server has the request", lambda: len(stage.heard) == 2)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await until("the connection is closed", lambda: stage.left == [stage.heard[1].line])
    assert (await client.job(JOB_ID)).id == JOB_ID
    first, cancelled, last = (heard.line for heard in stage.heard)
    assert first == cancelled != last


async def test_what_waits_for_a_limit_can_be_cancelled(stage: Stage, client: AsyncClient) -> None:
    """Nothing is said any more."""
    stage.plays(Play(429, {"success": False, "error": "No", "code": "RATE_LIMITED"}, {"Retry-After": "20"}), ANSWER)
    call = asyncio.create_task(client.job(JOB_ID))
    await until("the server has the request", lambda: stage.heard)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await client.job(JOB_ID)).id == JOB_ID
    assert len(stage.heard) == 2


async def test_events_that_are_cancelled_close_their_stream(stage: Stage, client: AsyncClient) -> None:
    """Other calls go on beside them, and after them."""
    stage.plays(STREAM, ANSWER)
    seen: list[str | None] = []

    async def listen() -> None:
        async for event in client.events():
            seen.append(event.event_id)  # noqa: PERF401 - what was seen counts although it does not end

    listening = asyncio.create_task(listen())
    await until("an event came", lambda: seen)
    assert (await client.job(JOB_ID)).id == JOB_ID

    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening

    await until("the stream is closed", lambda: stage.left == [stage.heard[0].line])
    assert (await client.job(JOB_ID)).id == JOB_ID


async def test_events_that_nobody_wants_any_more_close_their_stream(stage: Stage, client: AsyncClient) -> None:
    """As soon as their iterator is closed."""
    stage.plays(STREAM)

    async with aclosing(client.events()) as events:  # type: ignore[type-var]  # an AsyncIterator that has aclose
        assert (await anext(events)).event_id == "1"

    await until("the stream is closed", lambda: stage.left)


async def test_a_download_that_is_cancelled_is_not_kept(stage: Stage, client: AsyncClient, tmp_path: Path) -> None:
    """Neither the part that came, nor the connection."""
    content = bytes(1_000_000)
    stage.plays(Play(200, content, ZIP | {"Content-Length": "2000000"}, hang=True))
    came: list[int] = []
    download = await client.archive(JOB_ID)
    saving = asyncio.create_task(download.save(tmp_path / "music.zip", came.append))
    await until("half of it came", lambda: came and came[-1] == len(content))

    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving

    await until("the connection is closed", lambda: stage.left)
    assert names_in(tmp_path) == []


async def hear(client: AsyncClient) -> None:
    async for _ in client.events():
        pass


@pytest.mark.parametrize("use", [lambda client: client.job(JOB_ID), hear])
async def test_a_client_that_is_closed_ends_what_it_did(stage: Stage, use: Callable[[AsyncClient], Any]) -> None:
    """Nothing opens a connection after that."""
    stage.plays(STREAM)
    client = AsyncClient(stage.url, timeout=60)
    using = asyncio.ensure_future(use(client))
    await until("the server has the request", lambda: stage.heard)

    await client.close()

    with pytest.raises((RuntimeError, ServerUnreachable)):
        await using
    with pytest.raises(RuntimeError, match="the client is closed"):
        await client.stats()
    assert len(stage.heard) == 1
