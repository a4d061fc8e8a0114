"""`tonearm webhooks` against a scripted server: the newest deliveries, and a test."""

from __future__ import annotations

from typing import Any

from tests.unit.cli.conftest import Run
from tests.unit.client.playing import Play, Stage

NOW = 1_763_900_000_000


def delivery(**changes: Any) -> dict[str, Any]:
    """One that was received an hour ago."""
    told = {"id": "msg_1", "event": "job.completed", "address": "https://hooks.example", "at": NOW - 3_600_000}
    return {**told, "status": "delivered", "attempts": 1, "answer": "received", **changes}


def answer(*deliveries: dict[str, Any], **changes: Any) -> Play:
    """What the server says."""
    told = {"success": True, "addresses": ["https://hooks.example"], "signed": True, "waiting": 1, "timestamp": NOW}
    return Play(200, {**told, "deliveries": list(deliveries), **changes})


def test_each_delivery_is_a_line_with_what_came_of_it(tonearm: Run, stage: Stage) -> None:
    """Why it was not received stands there, if it was not; a note says how many wait."""
    failed = {"status": "waiting", "attempts": 3, "answer": "hooks.example answered 500", "id": "msg_2"}
    stage.plays(answer(delivery(event="queue.drained", **failed), delivery()))

    ended = tonearm("webhooks", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        (
            "msg_2  queue.drained     waiting    1 h 0 min ago  https://hooks.example  tried 3 times  "
            "hooks.example answered 500"
        ),
        "msg_1  job.completed     delivered  1 h 0 min ago  https://hooks.example  tried once",
    ]
    assert ended.err == "1 address is told, signed. 1 webhook waits.\n"


def test_that_nobody_is_told_and_that_nothing_is_signed_is_said(tonearm: Run, stage: Stage) -> None:
    """With the settings that change it."""
    stage.plays(answer(addresses=[], waiting=0))
    assert "QUEUE_WEBHOOK_URLS" in tonearm("webhooks", "--server", stage.url).err
    stage.plays(answer(addresses=["https://a.example", "https://b.example"], signed=False, waiting=2))
    said = tonearm("webhooks", "--server", stage.url).err
    assert said == "2 addresses are told, not signed (QUEUE_WEBHOOK_SECRET). 2 webhooks wait.\n"


def test_a_test_is_asked_for_once_and_its_deliveries_are_named(tonearm: Run, stage: Stage) -> None:
    """As lines, or as JSON."""
    stage.plays(Play(202, {"success": True, "message": "Test queued", "deliveryIds": ["msg_1", "msg_2"]}))

    assert tonearm("webhooks", "--test", "--server", stage.url).out.splitlines() == ["msg_1", "msg_2"]
    assert [(heard.method, heard.path) for heard in stage.heard] == [("POST", "/api/download-queue/webhooks")]
    assert tonearm("webhooks", "--test", "--server", stage.url, "--json").documents == [
        {"id": "msg_1"},
        {"id": "msg_2"},
    ]


def test_a_test_of_nobody_is_refused(tonearm: Run, stage: Stage) -> None:
    """The server's words, and the code of a refusal."""
    stage.plays(Play(400, {"success": False, "error": "Nobody is told", "code": "WRONG_STATE"}))

    ended = tonearm("webhooks", "--test", "--server", stage.url)
    assert (ended.code != 0, "Nobody is told" in ended.err) == (True, True)
