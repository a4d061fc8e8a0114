"""The server in an event loop: listening, refusing to start, base path, unix socket, TLS, stopping."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.api.conftest import Serve
from tests.api.serving import Api

from tonearm.api import ApiServer, create_app
from tonearm.clock import SystemClock
from tonearm.errors import SetupError
from tonearm.settings import load
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite

JOB = {"job": {"type": "track", "trackId": 1, "quality": "LOW"}}


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that is never called."""


async def start(**flags: str) -> ApiServer:
    """A server that listens and has nothing to say."""
    server = ApiServer(_nothing, load(flags))
    await server.start()
    return server


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """An empty store in memory."""
    opened = await open_sqlite(None, SystemClock())
    yield opened
    await opened.close()


@asynccontextmanager
async def listening(store: Store, **flags: str) -> AsyncIterator[ApiServer]:
    """The real application on the address of these settings."""
    settings = load(flags)
    server = ApiServer(create_app(store, settings, SystemClock()), settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(1_000)


async def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(api: Api) -> None:
    """The first server goes on."""
    with pytest.raises(SetupError, match=rf"Port {api.port} of 127\.0\.0\.1 is in use: .*PORT"):
        await start(PORT=str(api.port))

    assert (await api.call("GET", "//healthz")).status == 200


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"HOST": "no-such-host.invalid", "PORT": "0"}, "HOST=no-such-host.invalid"),
        ({"HOST": "192.0.2.1", "PORT": "0"}, "192.0.2.1"),
        ({"TLS_KEY": "/nowhere/key.pem", "PORT": "0"}, "TLS_CERT"),
        ({"TLS_CERT": "/nowhere/cert.pem", "PORT": "0"}, "TLS_CERT"),
        ({"UNIX_SOCKET": "/etc/passwd"}, "not a socket"),
        ({"UNIX_SOCKET": "/nowhere/api.sock"}, "UNIX_SOCKET=/nowhere/api.sock"),
        ({"UNIX_SOCKET": "/tmp/" + "a" * 200}, "UNIX_SOCKET=/tmp/aaa"),
    ],
)
async def test_an_address_that_cannot_be_had_is_an_error_that_names_it(flags: dict[str, str], told: str) -> None:
    """SetupError, not a stack."""
    with pytest.raises(SetupError, match=told):
        await start(**flags)


async def test_addresses_are_where_it_listens() -> None:
    """With PORT=0 the port that the system gave; every address of the host; with the base path."""
    server = await start(HOST="127.0.0.1", PORT="0", BASE_PATH="/music")
    (address,) = server.addresses
    await server.stop(100)

    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("/music")
    assert ":0/" not in address


async def test_ipv6_is_served() -> None:
    """HOST=::1, written with brackets or without."""
    for host in ("::1", "[::1]"):
        server = await start(HOST=host, PORT="0")
        assert server.addresses[0].startswith("http://[::1]:")
        await server.stop(100)


async def test_the_base_path_may_be_taken_off_by_the_proxy_or_not(serve: Serve) -> None:
    """Both kinds of proxies find the same routes, with and without a slash; names that only begin so do not."""
    api = await serve(BASE_PATH="/music")
    for path in (
        "//music/api/download-queue",
        "//music/api/download-queue/",
        "//api/download-queue",
        "//music",
        "//music/",
    ):
        async with api.http.get(api.url + path[1:]) as answer:
            assert answer.status == 200
    assert (await api.call("GET", "//musical/api/download-queue")).status == 404


async def test_a_unix_socket_serves_and_is_removed(store: Store, tmp_path: Path) -> None:
    """Owner and group may call; over it every client is `local`; a socket that a dead server left is replaced."""
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with listening(store, UNIX_SOCKET=str(path)) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert server.addresses == (f"unix:{path}",)
        with pytest.raises(SetupError, match="Another server listens"):
            await start(UNIX_SOCKET=str(path))
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http:
            async with http.post("http://localhost/api/download-queue", json=JOB) as answer:
                location = answer.headers["Location"]
            async with http.get(f"http://localhost{location}") as answer:
                assert (await answer.json())["job"]["client"] == "local"
    assert not path.exists()


async def openssl(*arguments: str | Path) -> None:
    """Make a key or a certificate."""
    made = await asyncio.create_subprocess_exec("openssl", *map(str, arguments), stderr=asyncio.subprocess.DEVNULL)
    assert await made.wait() == 0


async def certificate(cert: Path, key: Path) -> None:
    """Make a certificate for this machine, and the key that belongs to it."""
    await openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-out", cert, "-keyout", key),
    )


async def test_tls_is_spoken_with_a_certificate(store: Store, tmp_path: Path) -> None:
    """TLS_CERT and TLS_KEY make it HTTPS."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    await certificate(cert, key)
    context = ssl.create_default_context(cafile=str(cert))
    async with listening(store, PORT="0", TLS_CERT=str(cert), TLS_KEY=str(key)) as server:
        (address,) = server.addresses
        assert address.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession() as http, http.get(f"{address}/healthz", ssl=context) as answer:
            assert answer.status == 200


async def test_a_key_that_does_not_open_is_an_error_and_no_question(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One of another certificate, and one that wants a password, for which nobody waits at a terminal."""
    cert, key, other, locked = (tmp_path / f"{name}.pem" for name in ("cert", "key", "other", "locked"))
    await certificate(cert, key)
    await openssl("genrsa", "-out", other, "2048")
    await openssl("rsa", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked)
    for wrong in (other, locked):
        with pytest.raises(SetupError, match=r"TLS_CERT=\S+, TLS_KEY="):
            await start(PORT="0", TLS_CERT=str(cert), TLS_KEY=str(wrong))
    assert "pass phrase" not in capfd.readouterr().err


async def test_a_key_that_is_none_is_an_error_that_names_the_settings(tmp_path: Path) -> None:
    """Garbage in TLS_CERT, or no file, is a message with its path, not a stack."""
    garbage = tmp_path / "cert.pem"
    garbage.write_text("garbage")

    for wrong in (garbage, tmp_path / "none.pem"):
        with pytest.raises(SetupError, match=f"TLS_CERT={wrong}"):
            await start(PORT="0", TLS_CERT=str(wrong))


async def test_signals_stay_with_the_program(api: Api) -> None:
    """The server installs no handlers."""
    assert api.server.addresses
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_stop_gives_open_requests_their_time_and_ends_without_them() -> None:
    """A request that never ends is cut off after the grace; nobody new is let in; stop again is harmless."""
    began = asyncio.Event()

    async def endless(_scope: object, _receive: object, _send: object) -> None:
        began.set()
        await asyncio.Event().wait()

    server = ApiServer(endless, load({"PORT": "0"}))
    await server.start()
    host, _, port = server.addresses[0].removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await began.wait()
    async with asyncio.timeout(10):
        await server.stop(100)
        await server.stop(100)
        assert b"200 OK" not in await reader.read()
    writer.close()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))


async def test_stop_before_start_is_harmless() -> None:
    """A start that failed elsewhere may still call it."""
    server = ApiServer(_nothing, load())

    await server.stop(100)

    assert list(server.addresses) == []


async def test_answers_do_not_wait_for_acknowledgements(api: Api) -> None:
    """The sockets name their protocol, by which asyncio knows to turn Nagle's algorithm off (40 ms an answer)."""
    assert api.server._server is not None
    protocols = {bound.proto for server in api.server._server.servers for bound in server.sockets}

    assert protocols == {socket.IPPROTO_TCP}
