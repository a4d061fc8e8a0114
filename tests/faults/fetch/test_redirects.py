"""Where requests are led, where they are not, and what goes with them."""

from __future__ import annotations

import socket

import pytest
from tests.faults.fetch.conftest import LIMITS, LOOPBACK, Stage
from tests.support.origin import Origin, Seen, Visit, answer, redirect
from tests.support.tls import Certificate

from tonearm.errors import BadAnswer, BlockedAddress
from tonearm.fetch import Fetcher, HostPort
from tonearm.model import Media

TOKEN = {"Authorization": "Bearer catalog"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_with_the_range_kept(stage: Stage, status: int) -> None:
    """Relative or absolute, to wherever the file is."""

    async def moved(visit: Visit) -> None:
        known = {"/song": redirect("../a/b?c=%7e", status), "/a/b?c=%7e": answer(200, b"music")}
        await known[visit.request.target](visit)

    async with Origin(moved) as origin:
        assert (await stage.download(f"{origin.url}/song")).size == 5
    assert stage.body() == b"music"


@pytest.mark.parametrize(("length", "arrives"), [(5, True), (6, False)])
async def test_five_redirects_are_followed_and_a_sixth_is_not(stage: Stage, length: int, arrives: bool) -> None:  # noqa: FBT001 - a table
    """A chain may be long, not endless."""

    async def chain(visit: Visit) -> None:
        step = int(visit.request.target.removeprefix("/"))
        await (answer(200, b'{"a": 1}') if step == length else redirect(f"/{step + 1}"))(visit)

    async with Origin(chain) as origin:
        if arrives:
            assert await stage.fetcher.json(f"{origin.url}/0") == {"a": 1}
        else:
            with pytest.raises(BadAnswer, match="more than 5 times"):
                await stage.fetcher.json(f"{origin.url}/0")
            assert len(origin.seen) == 6


async def test_a_circle_of_redirects_ends(stage: Stage) -> None:
    """Each round is a step like any other."""
    async with Origin(redirect("/song")) as origin:
        with pytest.raises(BadAnswer, match="more than 5 times"):
            await stage.download(f"{origin.url}/song")


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/song",
        "data:audio/flac,x",
        "javascript:alert(1)",
        "http://user:secret@127.0.0.1/song",
        "http://[::1/",
        "http://127.0.0.1:99999/",
    ],
)
async def test_a_redirect_to_what_is_never_fetched_ends_there(stage: Stage, target: str) -> None:
    """Other schemes, credentials and nonsense are refused after a redirect as before one."""
    async with Origin(redirect(target)) as origin:
        with pytest.raises(BadAnswer):
            await stage.download(f"{origin.url}/song")
        assert len(origin.seen) == 1


async def test_a_redirect_to_a_private_address_ends_there(stage: Stage) -> None:
    """The catalog's own host may be private; where it leads to may not."""
    async with Origin(answer(200, b"secret")) as inside, Origin(redirect(f"{inside.url}/admin")) as origin:
        async with Fetcher(LIMITS, allow=[HostPort("127.0.0.1", origin.port)]) as stage.fetcher:
            with pytest.raises(BlockedAddress, match=f"^127.0.0.1:{inside.port} leads to 127.0.0.1, which is not"):
                await stage.download(f"{origin.url}/song")
        assert inside.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_private_host_that_nobody_named_is_never_connected_to(stage: Stage, host: str) -> None:
    """By address or by name, in any spelling, and not by the name of another that is allowed."""
    async with Origin(answer(200, b"secret")) as inside:
        async with Fetcher(LIMITS, allow=[HostPort("music.example")]) as stage.fetcher:
            with pytest.raises(BlockedAddress):
                await stage.fetcher.json(f"http://{host}:{inside.port}/")
        assert inside.connections == 0


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_an_address_in_an_odd_spelling_is_never_connected_to(stage: Stage, host: str) -> None:
    """Numbers that systems read as 127.0.0.1 are refused as they stand."""
    async with Origin(answer(200, b"secret")) as inside, Fetcher(LIMITS) as stage.fetcher:
        with pytest.raises((BlockedAddress, BadAnswer)):
            await stage.fetcher.json(f"http://{host}:{inside.port}/")
        assert inside.connections == 0


async def test_a_name_that_changes_its_address_is_checked_at_every_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: what counts is the address that is connected to, however often the name was right before."""
    lookup = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: lookup("127.0.0.1" if "." in host else host, *rest, **more)
    )
    async with Origin(answer(200, b"secret")) as inside, Fetcher(LIMITS) as stage.fetcher:
        with pytest.raises(BlockedAddress, match=r"^rebound\.example:"):
            await stage.fetcher.json(f"http://rebound.example:{inside.port}/")
        assert inside.connections == 0


async def test_a_connection_of_an_allowed_host_is_not_used_for_another_name(stage: Stage) -> None:
    """A kept connection to 127.0.0.1 opens no door for `localhost`, which nobody named."""
    async with Origin(answer(200, b'{"a": 1}')) as origin:
        assert await stage.fetcher.json(origin.url) == {"a": 1}
        with pytest.raises(BlockedAddress):
            await stage.fetcher.json(f"http://localhost:{origin.port}/")
        assert await stage.fetcher.json(origin.url) == {"a": 1}
        assert origin.connections == 1


async def test_credentials_and_own_headers_stay_with_their_host(stage: Stage) -> None:
    """Another port is another host; a request that comes back carries them again."""
    async with Origin(answer(200, b"music")) as other, Origin(redirect(f"{other.url}/there")) as catalog:
        secrets = {HostPort("127.0.0.1", catalog.port): TOKEN}
        async with Fetcher(LIMITS, allow=[LOOPBACK], credentials=secrets) as stage.fetcher:
            own = {"Cookie": "a=b", "X-Key": "k", "Referer": "r", "User-Agent": "player", "Host": "evil", "Range": "x"}
            await stage.download(Media(f"{catalog.url}/song", headers=own))
            other.script = redirect(f"{catalog.url}/back")
            catalog.script = answer(200, b"{}")
            await stage.fetcher.json(f"{other.url}/away")

    first, back = catalog.seen
    assert pick(first, "authorization", "cookie", "x-key", "referer", "user-agent") == {
        "authorization": "Bearer catalog",
        "cookie": "a=b",
        "x-key": "k",
        "referer": "r",
        "user-agent": "player",
    }
    assert (first.headers["host"], "range" in first.headers) == (f"127.0.0.1:{catalog.port}", False)
    assert pick(back, "authorization") == {"authorization": "Bearer catalog"}
    for seen in other.seen:
        assert pick(seen, "authorization", "cookie", "x-key", "referer") == {}
        assert seen.headers["user-agent"] == "tonearm"


async def test_headers_of_the_medium_win_over_the_configured_ones(stage: Stage) -> None:
    """A catalog that gives a token for one file means it; there is one Authorization then."""
    async with Origin(answer(200, b"music")) as catalog:
        secrets = {HostPort("127.0.0.1", catalog.port): TOKEN}
        async with Fetcher(LIMITS, allow=[LOOPBACK], credentials=secrets) as stage.fetcher:
            await stage.download(Media(f"{catalog.url}/song", headers={"authorization": "Bearer file"}))
    assert catalog.seen[0].headers["authorization"] == "Bearer file"


async def test_no_secret_follows_from_https_to_http(stage: Stage, certificate: Certificate) -> None:
    """Not even to a host and port that credentials are configured for, nor back to the first one."""
    async with (
        Origin(answer(200, b"{}")) as plain,
        Origin(redirect(f"{plain.url}/"), ssl_context=certificate.serving()) as secure,
    ):
        secrets = {HostPort("127.0.0.1", origin.port): TOKEN for origin in (plain, secure)}
        async with Fetcher(
            LIMITS, allow=[LOOPBACK], credentials=secrets, ssl_context=certificate.trusting()
        ) as stage.fetcher:
            await stage.fetcher.json(f"{secure.url}/")
            await stage.fetcher.json(f"{plain.url}/")
    assert [pick(seen, "authorization") for seen in secure.seen] == [{"authorization": "Bearer catalog"}]
    assert [bool(pick(seen, "authorization")) for seen in plain.seen] == [False, True]


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "a\nb", "a\r\n\r\nGET /x", "a\0b"])
async def test_a_header_that_would_break_the_request_is_refused(stage: Stage, value: str) -> None:
    """A catalog cannot smuggle a second header, or a second request."""
    async with Origin(answer(200, b"music")) as origin:
        with pytest.raises(BadAnswer, match="a header is not valid"):
            await stage.download(Media(f"{origin.url}/song", headers={"X-Key": value}))
        assert origin.seen == []


async def test_cookies_are_neither_kept_nor_sent(stage: Stage) -> None:
    """Every request stands for itself."""
    async with Origin(answer(200, b"{}", {"Set-Cookie": "track=you; Path=/"})) as origin:
        await stage.fetcher.json(origin.url)
        await stage.fetcher.json(origin.url)
    assert ["cookie" in seen.headers for seen in origin.seen] == [False, False]


def pick(seen: Seen, *names: str) -> dict[str, str]:
    return {name: seen.headers[name] for name in names if name in seen.headers}
