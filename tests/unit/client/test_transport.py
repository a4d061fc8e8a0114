"""The transport: addresses, and everything that can answer in place of our server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.clients import Connect
from tests.support.tls import make_signed_certificate
from tests.unit.client.conftest import opened
from tests.unit.client.playing import JOB_ID, Play, Stage, job

from tonearm import client as face
from tonearm.client import Client, ServerAddress, exchange
from tonearm.errors import ServerUnreachable


@contextmanager
def banner(words: bytes) -> Iterator[str]:
    """A server that says *words* to whoever connects, and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def greet() -> None:
            open_connections = []
            listener.settimeout(0.02)
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connection.sendall(words)
                open_connections.append(connection)
            for connection in open_connections:
                connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://host/", "http://host"),
        ("https://host/music/", "https://host/music"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_addresses_are_read(url: str, shown: str) -> None:
    """Host, port and base path are kept; a slash at the end is not."""
    assert str(ServerAddress.parse(url)) == shown


@pytest.mark.parametrize(
    "url",
    ["", "host:8080", "ftp://host", "http://", "http://a:b@host", "http://host?x", "http://h#x", "http://h:99999",
     "http://h/a b", "http://h/\r\nX: y", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    """A wrong address is an error before anything is sent."""
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own words for some of them
        ServerAddress.parse(url)


def test_a_server_that_is_not_there_is_named(connect: Connect) -> None:
    """The error says where nothing answers, and why."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with connect(url, sleep=lambda _: None) as client, pytest.raises(ServerUnreachable, match=url) as caught:
        client.stats()

    assert "refused" in str(caught.value)


def test_a_name_that_does_not_resolve_is_unreachable(connect: Connect) -> None:
    """A host that is unknown is as good as not there."""
    with connect("http://nowhere.invalid", sleep=lambda _: None) as client, pytest.raises(ServerUnreachable):
        client.stats()


@pytest.mark.parametrize("words", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 70_000])
def test_something_that_does_not_speak_http_is_unreachable(connect: Connect, words: bytes) -> None:
    """Another program on the port ends in the same clear error."""
    with (
        banner(words) as url,
        connect(url, sleep=lambda _: None, timeout=1) as client,
        pytest.raises(ServerUnreachable),
    ):
        client.stats()


def test_a_server_that_says_nothing_runs_into_the_timeout(connect: Connect) -> None:
    """Silence is not waited for without end."""
    with (
        banner(b"") as url,
        connect(url, sleep=lambda _: None, timeout=0.05) as client,
        pytest.raises(ServerUnreachable, match="timed out"),
    ):
        client.stats()


def test_a_certificate_is_believed_if_the_machine_believes_who_signed_it(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who signed another's is told in the error, before anything was said."""
    certificate = make_signed_certificate(tmp_path)
    with opened(Stage(tls=certificate.serving())) as stage:
        stage.plays(Play(200, {"success": True, "job": job()}))
        with connect(stage.url, sleep=lambda _: None) as client, pytest.raises(ServerUnreachable, match="CERTIFICATE"):
            client.job(JOB_ID)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
        with connect(stage.url) as client:
            assert client.job(JOB_ID).id == JOB_ID

    assert len(stage.heard) == 1


def test_what_is_said_once_has_a_connection_of_its_own(stage: Stage, client: Client) -> None:
    """One that is kept may be closed by the server at the very moment, and nobody would know what had arrived."""
    stage.plays(Play(200, {"success": True, "job": job(), "message": "done", "jobId": JOB_ID}))

    client.job(JOB_ID)
    client.job(JOB_ID)
    client.delete(JOB_ID)

    first, second, removal = (heard.line for heard in stage.heard)
    assert first == second != removal


@pytest.mark.parametrize(
    "play",
    [
        Play(200, b"<html>hello</html>", {"Content-Type": "text/html"}),
        Play(301, b"", {"Location": "/elsewhere", "Content-Type": "text/plain"}),
        Play(200, b'{"half":', {}),
        Play(200, ["a list"]),
        Play(200, {"success": True, "job": {"id": 5}}),
        Play(500, b"[]"),
        Play(500, b'\xff{"error": "x"}'),
        Play(200, b"\x1f\x8b not gzip", {"Content-Encoding": "gzip"}),
    ],
)
def test_another_program_is_not_taken_for_a_server(stage: Stage, client: Client, play: Play) -> None:
    """Pages, redirects and JSON of another shape say that this is not our server."""
    stage.plays(play)

    with pytest.raises(ServerUnreachable, match="is not a Tonearm server"):
        client.job(JOB_ID)


def test_an_answer_without_end_is_cut(stage: Stage, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer fills the memory."""
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 10)
    stage.plays(Play(200, {"success": True, "job": "long enough"}))

    with pytest.raises(ServerUnreachable, match="too long"):
        client.job(JOB_ID)


def test_the_public_names_are_these() -> None:
    """What the package hands on is a promise."""
    assert len(face.__all__) == len(set(face.__all__))
    assert set(face.__all__) >= {"Action", "AsyncClient", "Client", "Job", "Receipt", "ServerAddress", "Stats", "Track"}
