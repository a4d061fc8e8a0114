"""What nobody expected: it becomes an answer without a stack, a line in the log, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs
from tests.api.serving import Api

from tonearm.errors import StoreDamaged, StoreDiskFull, StoreFull, StoreUnavailable


async def _broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a secret place: /srv/private")


async def test_an_accident_in_a_route_is_500_and_its_stack_is_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INTERNAL, not a word of the exception in the answer, and the next request is served."""
    job_id = await api.submit()
    with monkeypatch.context() as patch, capture_logs() as logged:
        patch.setattr(api.store, "job", _broken)
        answer = await api.call("GET", f"/{job_id}")

    assert answer.status == 500
    assert answer.body == {
        "success": False,
        "error": "Internal error; the server's log says more",
        "code": "INTERNAL",
    }
    errors = [line for line in logged if line["log_level"] == "error"]
    assert [line["path"] for line in errors] == [f"/api/download-queue/{job_id}"]
    assert errors[0]["exc_info"]
    assert (await api.call("GET", f"/{job_id}")).status == 200


@pytest.mark.parametrize(
    ("call", "request_line", "body"),
    [
        ("submit", "POST ", {"job": {"type": "track", "trackId": 1, "quality": "LOW"}}),
        ("jobs", "GET ", None),
        ("job", "GET /job-1-a", None),
        ("tracks", "GET /job-1-a/tracks", None),
        ("cancel", "PATCH /job-1-a", {"action": "cancel"}),
        ("delete", "DELETE /job-1-a", None),
    ],
)
async def test_a_store_that_is_away_is_503_never_404(
    api: Api, monkeypatch: pytest.MonkeyPatch, call: str, request_line: str, body: object
) -> None:
    """STORE_UNAVAILABLE with Retry-After: the answer is unknown."""

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(api.store, call, away)
    answer = await api.call(*request_line.split(" "), json=body)

    assert (answer.status, answer.body["code"]) == (503, "STORE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_damaged_store_is_told_as_what_it_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to do about it is for who runs the server, so it is in the log."""

    async def damaged(*_: object, **__: object) -> None:
        raise StoreDamaged("Put a backup in its place")

    monkeypatch.setattr(api.store, "job", damaged)
    with capture_logs() as logged:
        answer = await api.call("GET", "/job-1-a")

    assert (answer.status, answer.body["code"]) == (503, "STORE_UNAVAILABLE")
    assert "damaged" in answer.body["error"]
    assert [line["error"] for line in logged if line["log_level"] == "error"] == ["Put a backup in its place"]


@pytest.mark.parametrize("error", [StoreDamaged("damaged"), StoreFull("full"), StoreDiskFull("full")], ids=repr)
async def test_what_refuses_every_request_is_one_line_a_minute(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: StoreUnavailable
) -> None:
    """Pages ask again and again; the log has room for what else happens."""

    async def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api.store, "job", broken)
    with capture_logs() as logged:
        for _ in range(3):
            assert (await api.call("GET", "/job-1-a")).status == 503
    monkeypatch.setattr("tonearm.api.trouble.TOLD_EVERY_S", 0.0)
    with capture_logs() as later:
        assert (await api.call("GET", "/job-1-a")).status == 503

    assert [[line["error"] for line in lines if "error" in line] for lines in (logged, later)] == [[str(error)]] * 2


async def test_a_client_that_goes_away_in_its_body_is_no_error(api: Api) -> None:
    """The log stays quiet and the server goes on."""
    with capture_logs() as logged:
        _, writer = await asyncio.open_connection(api.host, api.port)
        writer.write(
            b"POST /api/download-queue HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"job"'
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(10):
            while not any(line["event"] == "The client went away" for line in logged):
                assert (await api.call("GET", "//healthz")).status == 200

    assert not [line for line in logged if line["log_level"] in ("error", "warning")]
