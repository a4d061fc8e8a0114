"""Continuing: the bytes of an earlier attempt are kept exactly when they belong to what the server has now."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.faults.fetch.conftest import LIMITS, LOOPBACK, Stage
from tests.support.clock import FakeClock
from tests.support.nginx import nginx
from tests.support.origin import Origin, Script, Visit, answer, head

from tonearm.errors import ConnectionFailed, Corrupt, HttpStatus
from tonearm.fetch import Fetcher, mark_of
from tonearm.model import Media

SONG = os.urandom(3_000_000)
OTHER = os.urandom(3_000_000)
CUT = 1_234_567
V1 = {"ETag": '"v1"'}


def cut(headers: Mapping[str, str], at: int = CUT, body: bytes = SONG) -> Script:
    """A script that announces all of *body* and hangs up after *at* bytes."""

    async def script(visit: Visit) -> None:
        await visit.send(head(200, {"Content-Length": str(len(body)), **headers}) + body[:at])

    return script


def rest(start: int, headers: Mapping[str, str] = V1, body: bytes = SONG, *, said: str | None = None) -> Script:
    """A script that sends *body* from *start* on as 206; *said* replaces its Content-Range."""
    content_range = said or f"bytes {start}-{len(body) - 1}/{len(body)}"
    return answer(206, body[start:], {"Content-Range": content_range, **headers})


def once(first: Script, after: Script) -> Script:
    """A script that answers the next request with *first* and all that follow with *after*."""
    left = [first]

    async def script(visit: Visit) -> None:
        await (left.pop() if left else after)(visit)

    return script


async def attempt(stage: Stage, origin: Origin, script: Script) -> int:
    """Fetch while the origin runs *script*, which fails; the bytes that are left."""
    origin.script = script
    with pytest.raises(ConnectionFailed):
        await stage.download(f"{origin.url}/song.flac")
    return mark_of(stage.folder)


async def test_a_cut_transfer_goes_on_where_it_stopped(stage: Stage) -> None:
    """Every byte that arrived is kept, and only the rest is asked for, under the validator of the first answer."""
    async with Origin(cut(V1)) as origin:
        assert await attempt(stage, origin, cut(V1)) == CUT
        origin.script = rest(CUT)
        digest = hashlib.sha256(SONG).hexdigest()
        received = await stage.download(Media(f"{origin.url}/song.flac?new=signature", checksum=f"sha256:{digest}"))
    assert received.resumed_from == CUT
    assert stage.body() == SONG
    asked = origin.seen[1].headers
    assert (asked["range"], asked["if-range"]) == (f"bytes={CUT}-", '"v1"')


async def test_a_medium_with_a_last_modified_alone_is_continued_by_it(stage: Stage) -> None:
    """A date that is older than the answer is as strong as a tag."""
    dates = {"Last-Modified": "Sun, 23 Nov 2025 11:00:00 GMT", "Date": "Sun, 23 Nov 2025 12:00:00 GMT"}
    async with Origin(cut(dates)) as origin:
        await attempt(stage, origin, cut(dates))
        origin.script = rest(CUT, dates)
        assert (await stage.download(f"{origin.url}/song.flac")).resumed_from == CUT
    assert origin.seen[1].headers["if-range"] == dates["Last-Modified"]
    assert stage.body() == SONG


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}])
async def test_without_a_strong_validator_it_starts_again(stage: Stage, headers: Mapping[str, str]) -> None:
    """Nobody could tell whether the rest belongs to the beginning."""
    async with Origin(cut(headers)) as origin:
        await attempt(stage, origin, cut(headers))
        origin.script = answer(200, SONG)
        assert (await stage.download(f"{origin.url}/song.flac")).resumed_from == 0
    assert "range" not in origin.seen[1].headers
    assert stage.body() == SONG


async def test_a_200_in_place_of_the_rest_is_taken_as_the_new_beginning(stage: Stage) -> None:
    """A changed file, or a server without ranges, costs no second request and leaves nothing of the old bytes."""
    async with Origin(cut(V1)) as origin:
        await attempt(stage, origin, cut(V1))
        origin.script = answer(200, OTHER[:2_000_000], {"ETag": '"v2"'})
        assert (await stage.download(f"{origin.url}/song.flac")).resumed_from == 0
    assert len(origin.seen) == 2
    assert stage.body() == OTHER[:2_000_000]


@pytest.mark.parametrize(
    "wrong",
    [
        rest(CUT, said=f"bytes {CUT + 1}-{len(SONG) - 1}/{len(SONG)}"),
        rest(CUT, said=f"bytes 0-{len(SONG) - 1}/{len(SONG)}"),
        rest(CUT, said=f"bytes {CUT}-{len(SONG)}/{len(SONG) + 1}"),
        rest(CUT, said=f"bytes {CUT}-{len(SONG) - 2}/{len(SONG)}"),
        rest(CUT, said=f"bytes {CUT}-{len(SONG) - 1}/*"),
        rest(CUT, said="bytes"),
        rest(CUT, {"ETag": '"v2"'}),
        rest(CUT, {**V1, "Content-Encoding": "gzip"}),
        answer(206, SONG[CUT:], V1),
        answer(206, SONG[CUT + 1 :], {**V1, "Content-Range": f"bytes {CUT}-{len(SONG) - 1}/{len(SONG)}"}),
        answer(416, headers={"Content-Range": f"bytes */{len(SONG)}"}),
    ],
)
async def test_a_rest_that_does_not_fit_is_not_used(stage: Stage, wrong: Script) -> None:
    """A wrong range, another tag, another length or a 416: the old bytes are dropped and it is asked again, plainly."""
    async with Origin(cut(V1)) as origin:
        await attempt(stage, origin, cut(V1))
        origin.script = once(wrong, answer(200, SONG, V1))
        assert (await stage.download(f"{origin.url}/song.flac")).resumed_from == 0
    assert ["range" in seen.headers for seen in origin.seen] == [False, True, False]
    assert stage.body() == SONG


async def test_a_part_that_nobody_asked_for_is_not_a_file(stage: Stage) -> None:
    """A 206 to a plain request is an answer without meaning."""
    async with Origin(rest(0)) as origin:
        with pytest.raises(HttpStatus, match="206"):
            await stage.download(f"{origin.url}/song.flac")
    assert len(origin.seen) == 1


async def test_an_error_keeps_the_bytes_for_later(stage: Stage) -> None:
    """A 503 in place of the rest says nothing about what is on disk."""
    async with Origin(cut(V1)) as origin:
        await attempt(stage, origin, cut(V1))
        origin.script = answer(503)
        with pytest.raises(HttpStatus):
            await stage.download(f"{origin.url}/song.flac")
        assert mark_of(stage.folder) == CUT


async def test_a_whole_part_is_confirmed_by_its_last_byte(stage: Stage, tmp_path: Path) -> None:
    """Between the last byte and the library a crash costs one byte, and a changed file is noticed."""
    with nginx(tmp_path / "web") as web:
        song = web.root / "song.flac"
        song.write_bytes(SONG)
        await stage.download(f"{web.url}/song.flac")
        assert (await stage.download(f"{web.url}/song.flac")).resumed_from == len(SONG) - 1
        assert stage.body() == SONG
        song.write_bytes(OTHER + b"!")
        assert (await stage.download(f"{web.url}/song.flac")).resumed_from == 0
        assert [(seen.status, seen.body_bytes) for seen in web.requests(3)] == [
            (200, len(SONG)),
            (206, 1),
            (200, len(OTHER) + 1),
        ]
    assert stage.body() == OTHER + b"!"


async def test_bytes_of_another_boot_are_thrown_away(tmp_path: Path) -> None:
    """A power cut may leave zeros where bytes were written."""
    clock = FakeClock(boot="before")
    async with Origin(cut(V1)) as origin:
        for boot in ("before", "after"):
            clock.reboot(boot)
            async with Fetcher(LIMITS, allow=[LOOPBACK], clock=clock) as fetcher:
                with pytest.raises(ConnectionFailed):
                    await Stage(tmp_path, fetcher).download(f"{origin.url}/song.flac")
    assert ["range" in seen.headers for seen in origin.seen] == [False, False]


async def test_bytes_that_turn_out_wrong_are_not_continued_again(stage: Stage) -> None:
    """If the continued file fails its checksum, the next attempt starts from nothing."""
    async with Origin(cut(V1)) as origin:
        await attempt(stage, origin, cut(V1))
        origin.script = rest(CUT, body=OTHER)
        media = Media(f"{origin.url}/song.flac", checksum=f"sha256:{hashlib.sha256(SONG).hexdigest()}")
        with pytest.raises(Corrupt):
            await stage.download(media)
        assert stage.names() == set()
        origin.script = answer(200, SONG, V1)
        await stage.download(media)
    assert stage.body() == SONG


async def test_a_much_interrupted_file_is_whole_and_hardly_a_byte_is_sent_twice(stage: Stage, tmp_path: Path) -> None:
    """Five cancels in the middle: each attempt begins exactly where the disk ends."""
    with nginx(tmp_path / "web", "limit_rate 400k;") as web:
        (web.root / "song.flac").write_bytes(SONG)
        marks = [0]
        for _ in range(5):
            await stage.interrupt(f"{web.url}/song.flac")
            marks.append(mark_of(stage.folder))
        received = await stage.download(f"{web.url}/song.flac")
        ranges = [seen.range for seen in web.requests(6)]
    assert marks == sorted(set(marks))
    assert ranges == ["", *(f"bytes={mark}-" for mark in marks[1:])]
    assert received.resumed_from == marks[-1]
    assert stage.body() == SONG
