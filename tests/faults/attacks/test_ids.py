"""Attack 19: ids of jobs that are paths, patterns, headers or far too long."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.api.serving import Api

ODD = (
    *("..", "../..", "../../etc/passwd", "..\\..\\x", "/etc/passwd", "~root", "job-1-a/../job-2-b", "./job-1-a"),
    *("job-1-a\r\nSet-Cookie: a=b", "job-1-a\n", "job-1-a\x00", "*", "job-*", "job-[0-9]-?", "{job-1-a}", "job-1-a'--"),
    *("job-" + "1" * 10_000 + "-a", "job-1-" + "a" * 10_000, "JOB-1-A", "job-\u0661-a", "job-1-\uff41", " job-1-a"),
)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
async def test_an_odd_id_is_no_job_and_touches_none(api: Api, odd: str) -> None:
    """A 4xx in our own form for every method, nothing of it in a header, and the job that is there stays as it was."""
    job_id = await api.submit()
    before = await api.job(job_id)
    for method, rest in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/tracks"), ("GET", "/archive")):
        path = f"/api/download-queue/{quote(odd, safe='')}{rest}"
        body = b'{"action": "cancel"}' if method == "PATCH" else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
        answer = await api.raw(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 405")), answer[:200]
        assert b'"success":false' in answer
        assert b"set-cookie" not in answer.partition(b"\r\n\r\n")[0].lower()

    assert await api.job(job_id) == before
