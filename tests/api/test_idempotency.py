"""Idempotency keys over HTTP: saying a submission again, and what is no key."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Answer, Api

TRACK = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}


async def say(api: Api, key: str, body: dict[str, Any] | bytes, path: str = "") -> Answer:
    """Submit under a key; bytes are sent as they are."""
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    if isinstance(body, bytes):
        return await api.call("POST", path, data=body, headers=headers)
    return await api.call("POST", path, json=body, headers=headers)


async def test_the_same_request_under_a_key_gets_the_same_answer(api: Api) -> None:
    """Status, headers and body, also when the job has been deleted since."""
    body = {"job": TRACK, "checkDuplicate": False}
    first = await say(api, "k-1", body)
    assert first.status == 201

    again = await say(api, "k-1", body, "/")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    await api.call("DELETE", f"/{first.body['jobId']}")
    assert (await say(api, "k-1", body)).body == first.body
    assert (await api.call("GET")).body["count"] == 0


async def test_space_and_order_make_no_other_body(api: Api) -> None:
    """What counts is what the JSON says."""
    first = await say(api, "k", b'{"job":{"type":"track","trackId":11,"quality":"LOW"},"priority":"high"}')
    again = await say(api, "k", b'{ "priority": "high", "job": {"quality":"LOW", "trackId":11, "type":"track"} }')

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body


async def test_another_body_under_a_key_is_a_mismatch(api: Api) -> None:
    """422 IDEMPOTENCY_MISMATCH, and nothing is added."""
    await say(api, "k", {"job": TRACK})
    answer = await say(api, "k", {"job": {**TRACK, "trackId": 12}})

    assert (answer.status, answer.body["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    assert (await api.call("GET")).body["count"] == 1


@pytest.mark.parametrize(
    "key", ["", "a" * 256, "schlüssel", "tab\there"], ids=["empty", "long", "not ASCII", "control"]
)
async def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    """400 INVALID_FIELD that names the header."""
    answer = await say(api, key, {"job": TRACK})

    assert (answer.status, answer.body["code"]) == (400, "INVALID_FIELD")
    assert answer.body["field"] == "Idempotency-Key"


async def test_two_keys_are_refused(api: Api) -> None:
    """Nobody knows which one is meant."""
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await api.call("POST", json={"job": TRACK}, headers=headers)

    assert (answer.status, answer.body["field"]) == (400, "Idempotency-Key")


async def test_a_key_of_every_printable_sign_is_one(api: Api) -> None:
    """From `!` to `~`, 255 in all at most."""
    key = "".join(map(chr, range(33, 127)))

    assert (await say(api, key, {"job": TRACK})).status == 201
    assert (await say(api, "x" * 255, {"job": {**TRACK, "trackId": 12}})).status == 201


async def test_an_invalid_body_is_not_remembered(api: Api) -> None:
    """The key can be used for the corrected one."""
    assert (await say(api, "k", {"job": {**TRACK, "trackId": 0}})).status == 400
    assert (await say(api, "k", {"job": TRACK})).status == 201


async def test_saying_it_again_costs_nothing_of_the_rate(serve: Serve) -> None:
    """Also when the rate is used up."""
    api = await serve(QUEUE_RATE_LIMIT_PER_MIN="1")
    body = {"job": TRACK}
    for _ in range(4):
        assert (await say(api, "k", body)).status == 201
    assert (await say(api, "other", {"job": {**TRACK, "trackId": 12}})).status == 429
