"""Attack 23: line breaks and other tricks on their way into a header of an answer."""

from __future__ import annotations

import json
import re

import pytest
from tests.api.conftest import Serve
from tests.api.serving import PREFIX

ODD = (
    "x\r\nSet-Cookie: a=b",
    "x\nLocation: http://evil.example/",
    'x"; filename=evil.exe',
    "\x00",
    "\u2028",
    "é",
    "x" * 200,
)
LOCATION = re.compile(rb"/music/api/download-queue/job-\d+-[a-z0-9]+")


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
async def test_nothing_that_is_sent_reaches_a_header_of_an_answer(serve: Serve, text: str) -> None:
    """Location is a path with an id of ours; a title, a key of idempotency, a host or a query is not in it."""
    api = await serve(BASE_PATH="/music", QUEUE_TRUSTED_PROXIES="127.0.0.1", QUEUE_ALLOWED_HOSTS="music.example")
    job = {"type": "track", "trackId": 1, "quality": "LOW", "trackTitle": text, "artistName": text, "albumTitle": text}
    body = json.dumps({"job": job}).encode()
    plain = text.encode("ascii", "ignore").replace(b"\r", b"").replace(b"\n", b"")[:90]
    head = (
        f"POST {PREFIX}?next=http://evil.example/%0d%0aSet-Cookie:a=b HTTP/1.1\r\nHost: music.example\r\n"
        "X-Forwarded-Host: music.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: //evil.example\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\nIdempotency-Key: "
    )
    answers = [await api.raw(head.encode() + key + b"\r\n\r\n" + body) for key in (b"k-" + plain.strip(b"\x00"), b"k")]
    for answer in answers:
        lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
        names = {line.partition(b":")[0].lower() for line in lines[1:]}
        assert not names & {b"set-cookie", b"content-disposition"}
        assert b"evil" not in b"".join(lines)
        told = [line.partition(b": ")[2] for line in lines if line.lower().startswith(b"location:")]
        assert all(LOCATION.fullmatch(place) for place in told)
    assert any(b"\r\nlocation: " in answer.lower() for answer in answers)
