"""Media over HTTP: ranges, validators and lengths, byte for byte, from a real server process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.api.catalog.collection import Collection, FolderServer

Serve = Callable[[], FolderServer]


@pytest.fixture
def content(collection: Collection) -> bytes:
    return collection.put("1.flac", 1, 5.0, title="1", artist="A", album="B").read_bytes()


def test_a_file_is_sent_whole_with_its_validators(content: bytes, serve: Serve) -> None:
    """Length, type, a strong ETag, the date of the file; HEAD says the same without the body."""
    server = serve()
    answer = server.get("media/1")
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-type"] == "audio/flac"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["last-modified"].endswith("GMT")
    head = server.get("media/1", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}


def test_a_download_continues_where_it_stopped(content: bytes, serve: Serve) -> None:
    """206 with the rest while the tag is the same; the whole when it is another; 416 behind the end."""
    server = serve()
    etag = server.get("media/1").headers["etag"]
    size = len(content)
    rest = server.get("media/1", headers={"Range": "bytes=1000-", "If-Range": etag})
    assert (rest.status, rest.body) == (206, content[1000:])
    assert rest.headers["content-range"] == f"bytes 1000-{size - 1}/{size}"
    assert rest.headers["content-length"] == str(size - 1000)
    assert rest.headers["etag"] == etag
    other = server.get("media/1", headers={"Range": "bytes=1000-", "If-Range": '"other"'})
    assert (other.status, other.body) == (200, content)
    middle = server.get("media/1", headers={"Range": "bytes=10-19"})
    assert (middle.status, middle.body) == (206, content[10:20])
    behind = server.get("media/1", headers={"Range": f"bytes={size}-"})
    assert (behind.status, behind.headers["content-range"]) == (416, f"bytes */{size}")
    several = server.get("media/1", headers={"Range": "bytes=0-1,5-6"})
    assert (several.status, several.body) == (200, content)
    unchanged = server.get("media/1", headers={"If-None-Match": etag})
    assert (unchanged.status, unchanged.body) == (304, b"")


def test_the_tag_outlives_the_server(content: bytes, serve: Serve) -> None:
    """A download may continue after the catalog was started anew."""
    server = serve()
    etag = server.get("media/1").headers["etag"]
    assert server.stop() == 0
    assert serve().get("media/1", headers={"Range": "bytes=0-9", "If-Range": etag}).body == content[:10]


def test_a_client_that_goes_away_leaves_nothing_open(content: bytes, serve: Serve) -> None:
    """The server stops reading the file, and closes it."""
    server = serve()
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(b"GET /media/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(10) == b"HTTP/1.1 2"
    folder = Path(f"/proc/{server.pid}/fd")
    while any(os.path.realpath(link).endswith("1.flac") for link in folder.iterdir()):
        assert server.get("/").status == 200
    assert server.get("media/1").body == content
