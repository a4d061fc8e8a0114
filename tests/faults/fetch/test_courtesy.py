"""Courtesy on real sockets: who is turned away makes no connection, and every request is one of ours."""

from __future__ import annotations

from contextlib import suppress

import pytest
from tests.faults.fetch.conftest import LIMITS, LOOPBACK, Stage
from tests.support.origin import Origin, Visit, answer, head, redirect
from tests.support.server import free_port
from tests.support.tls import Certificate

from tonearm.errors import BlockedAddress, ConnectionFailed, FetchError, HostResting, HttpStatus, Timeout
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.policy import REST_AFTER, RetryRules

JSON = answer(200, b"{}")
BUSY = answer(429, headers={"Retry-After": "60"})


async def fail(fetcher: Fetcher, url: str, times: int) -> FetchError:
    """Ask so often, in vain; the last error."""
    for _ in range(times):
        with pytest.raises(FetchError) as failed:
            await fetcher.json(url)
    return failed.value


@pytest.mark.parametrize("status", [429, 500, 503, 599])
async def test_a_host_that_named_a_time_is_not_connected_to_before(stage: Stage, status: int) -> None:
    """Whatever is asked of it: JSON, a picture or media; another port of the machine goes on."""
    async with Origin(answer(status, headers={"Retry-After": "60"})) as busy, Origin(JSON) as other:
        with pytest.raises(HttpStatus):
            await stage.fetcher.json(f"{busy.url}/tracks/1")

        for call in (stage.fetcher.json, stage.fetcher.picture, stage.download):
            with pytest.raises(HostResting, match=f"^{HostPort.of(busy.url)} asked for no request until") as turned:
                await call(f"{busy.url}/x")
            assert 55_000 < turned.value.wait_ms <= 60_001
        assert await stage.fetcher.json(f"{other.url}/tracks/1") == {}
        assert (busy.connections, len(busy.seen)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {}), (503, {"Retry-After": "soon"}), (404, {"Retry-After": "60"}), (200, {"Retry-After": "60"})],
)
async def test_no_hold_without_a_time_or_for_another_status(
    fetcher: Fetcher, status: int, headers: dict[str, str]
) -> None:
    """The ladder of the task alone decides then."""
    async with Origin(answer(status, b"{}", headers)) as origin:
        for _ in range(2):
            with suppress(HttpStatus):
                await fetcher.json(origin.url)
        assert len(origin.seen) == 2


async def test_a_redirect_to_a_host_that_is_left_alone_ends_there(fetcher: Fetcher) -> None:
    """The first host is asked, the second is not connected to."""
    async with Origin(BUSY) as busy, Origin(redirect(f"{busy.url}/there")) as first:
        await fail(fetcher, busy.url, 1)
        with pytest.raises(HostResting, match=f"^{HostPort.of(busy.url)} "):
            await fetcher.json(first.url)
        assert (len(first.seen), busy.connections) == (1, 1)


async def test_a_429_behind_a_redirect_holds_the_host_that_said_it(fetcher: Fetcher) -> None:
    """Not the one that led there."""
    async with Origin(BUSY) as busy, Origin(redirect(f"{busy.url}/there")) as first:
        await fail(fetcher, first.url, 1)
        first.script = JSON
        assert await fetcher.json(first.url) == {}
        assert isinstance(await fail(fetcher, busy.url, 1), HostResting)


async def test_a_port_that_nobody_listens_on_makes_the_host_rest() -> None:
    """Five refusals in a row; the host is free for all as soon as one request after the rest has got through."""
    port = free_port()
    async with Fetcher(LIMITS, allow=[LOOPBACK], rules=RetryRules(backoff_ms=100)) as fetcher:
        url = f"http://127.0.0.1:{port}/tracks/1"
        error = await fail(fetcher, url, REST_AFTER)
        assert isinstance(error, ConnectionFailed)
        error = await fail(fetcher, url, 1)
        assert isinstance(error, HostResting)
        assert error.message.endswith(f"No connection to 127.0.0.1:{port}: Connection refused")


async def test_a_handshake_that_fails_counts_as_no_connection(certificate: Certificate) -> None:
    """A certificate that is not trusted lets nobody through, however often it is tried."""
    async with Origin(JSON, ssl_context=certificate.serving()) as origin, Fetcher(LIMITS, allow=[LOOPBACK]) as fetcher:
        await fail(fetcher, origin.url, REST_AFTER)
        assert isinstance(await fail(fetcher, origin.url, 1), HostResting)


async def test_a_connection_that_is_made_and_broken_is_no_failure_to_connect(fetcher: Fetcher) -> None:
    """Nor is silence: the host is there, and each task has its own tries."""

    async def reset(visit: Visit) -> None:
        visit.reset()

    async with Origin(reset) as origin:
        error = await fail(fetcher, origin.url, REST_AFTER + 2)
        assert isinstance(error, ConnectionFailed)
        assert len(origin.seen) == REST_AFTER + 2


async def test_a_silent_host_is_no_failure_to_connect() -> None:
    """It took the connection."""

    async def silent(visit: Visit) -> None:
        await visit.gone()

    limits = FetchLimits(connect_ms=1_000, silence_ms=50)
    async with Origin(silent) as origin, Fetcher(limits, allow=[LOOPBACK]) as fetcher:
        assert isinstance(await fail(fetcher, origin.url, REST_AFTER + 1), Timeout)


async def test_an_address_that_we_refuse_is_no_failure_to_connect() -> None:
    """Nobody was asked."""
    async with Fetcher(LIMITS) as fetcher:
        assert isinstance(await fail(fetcher, "http://127.0.0.1:1/", REST_AFTER + 1), BlockedAddress)


async def test_a_kept_connection_that_was_closed_meanwhile_costs_nobody_anything(fetcher: Fetcher) -> None:
    """Its end and our request met on the way: asked once more, on a new connection."""

    async def close_at_the_second(visit: Visit) -> None:
        if [seen.connection for seen in origin.seen].count(visit.request.connection) == 1:
            await JSON(visit)

    async with Origin(close_at_the_second) as origin:
        for _ in range(3):
            assert await fetcher.json(origin.url) == {}
        assert [seen.connection for seen in origin.seen] == [1, 1, 2, 2, 3]


async def test_a_new_connection_that_is_closed_without_an_answer_is_not_asked_again(fetcher: Fetcher) -> None:
    """One attempt is one request: who counts us at the server comes to the same number."""

    async def close(visit: Visit) -> None:
        del visit

    async with Origin(close) as origin:
        error = await fail(fetcher, origin.url, 1)
        assert error.message == f"{HostPort.of(origin.url)} closed the connection before the end"
        assert len(origin.seen) == 1


async def test_a_repetition_asks_courtesy_too(fetcher: Fetcher) -> None:
    """A hold that came while the request was under way keeps it from being sent a second time."""

    async def hold_and_close(visit: Visit) -> None:
        if len(origin.seen) == 1:
            await JSON(visit)
        else:
            fetcher.courtesy.hold(HostPort.of(origin.url), 60_000)

    async with Origin(hold_and_close) as origin:
        await fetcher.json(origin.url)
        assert isinstance(await fail(fetcher, origin.url, 1), HostResting)
        assert len(origin.seen) == 2


async def test_an_answer_of_which_half_a_head_came_is_not_asked_for_again(fetcher: Fetcher) -> None:
    """On a new connection."""

    async def half(visit: Visit) -> None:
        await visit.send(head(200)[:9])

    async with Origin(half) as origin:
        await fail(fetcher, origin.url, 1)
        assert len(origin.seen) == 1
