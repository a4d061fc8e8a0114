"""Cancel, pause and delete in every phase of a track, an album's resolving and the waits between two attempts.

The connection is closed at the server's side, and the disk is compared with what it was before. A phase that works on a
thread is held there; it ends as long work ends, at its next checkpoint (tests/unit/library/test_stopping.py).
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog, cut, silent, slow, usual
from tests.support.counts import count
from tests.support.processes import children
from tests.support.server import Tonearm, free_port, tonearm, until
from tests.support.unreachable import Unreachable, unreachable

from tonearm.policy import REST_AFTER

ACTIONS = ["cancel", "pause", "delete"]
TIMES = count(2, 20)
"""How often each of them, in each phase."""
SOON = 3.0
"""Seconds in which a cancel, pause or delete has taken effect; the promise is 2."""
OTHERS = 2_000
"""The first of the tracks that find out about a host."""
COVER = 1_000
"""And the track's number: where its cover is."""


@dataclass(frozen=True)
class Stand:
    """What a test works with: the server under test, its catalog, where it is held, and hosts that do not answer."""

    server: Tonearm
    catalog: ScriptedCatalog
    hold: Hold
    dark: Unreachable

    def listing(self) -> list[tuple[str, int]]:
        """Every file and folder below the library, stage included, with the sizes of the files."""
        found = list[tuple[str, int]]()
        for folder, folders, names in os.walk(self.server.library):
            found += [(str(Path(folder, name)), 0) for name in folders]
            for name in names:
                with suppress(FileNotFoundError):
                    found.append((str(Path(folder, name)), Path(folder, name).stat().st_size))
        return sorted(found)

    def received(self) -> int:
        """Bytes of the downloads in the stage: parts, or what became of them when they were tagged."""
        stages = [
            list(stage.glob("part")) or list(stage.glob("tagged.*")) for stage in self.server.stage.glob("*/job-*")
        ]
        return sum(path.stat().st_size for paths in stages for path in paths)

    def decodes(self) -> int:
        """Files that are being decoded."""
        return sum(len(children(decoder)) for decoder in children(self.server.pid))

    def busy(self) -> int:
        """Connections to a host which has not answered, or not to the end, and decodes."""
        return self.catalog.open + self.dark.waiting() + self.decodes()


Trouble = Callable[[Stand, int], Awaitable[None] | None]
Reached = Callable[[Stand, int, str], bool | Awaitable[bool]]


@dataclass(frozen=True)
class Phase:
    """How track (or album) number n comes to stand in a phase, and how the test knows that it does."""

    name: str
    trouble: Trouble
    reached: Reached
    breakage: Callable[[Hold], str | None] = lambda _: None
    type: str = "track"
    back_off_ms: int = 1_500
    """Longer than a test needs to find the job waiting."""

    def __str__(self) -> str:
        return self.name


def _asked(path: str, times: int = 1) -> Reached:
    return lambda stand, number, _: stand.catalog.count(path.format(number)) >= times


def _held(phase: str) -> Phase:
    """A phase whose thread is held."""
    return Phase(
        phase, lambda *_: None, lambda stand, _, job: stand.hold.stands(phase, job), lambda hold: hold.at(phase)
    )


def _in_the_dark(stand: Stand, number: int) -> None:
    stand.catalog.add_track(number, media_url=f"http://{stand.dark.netloc}/{number}")


async def _at_a_resting_host(stand: Stand, number: int) -> None:
    """Others have found out that nobody listens where the media are."""
    media = f"http://127.0.0.1:{free_port()}/{number}"
    stand.catalog.add_track(number, media_url=media)
    for other in range(OTHERS, OTHERS + REST_AFTER):
        stand.catalog.add_track(other, media_url=media)
    others = [await stand.server.submit("track", OTHERS + other, maxRetries=0) for other in range(REST_AFTER)]
    for job in others:
        await stand.server.wait_for(job, "failed")


async def _rests(stand: Stand, _: int, job: str) -> bool:
    last = (await stand.server.job(job))["history"][-1]
    return last["event"] == "released" and "is resting until" in last["message"]


async def _waits(stand: Stand, _: int, job: str) -> bool:
    record = await stand.server.job(job)
    return record["status"] == "queued" and "nextRetryAt" in record


def _second_page(stand: Stand, number: int) -> None:
    lines = [{"id": number, "title": "One"}, {"id": number, "title": "Two"}]
    stand.catalog.add_album(number, lines, page_size=1)
    stand.catalog.reply(f"/albums/{number}", usual(), silent())


PHASES = [
    Phase(
        "resolving",
        lambda stand, number: stand.catalog.reply(f"/albums/{number}", silent(), forever=True),
        _asked("/albums/{}"),
        type="album",
    ),
    Phase("resolving, second page", _second_page, _asked("/albums/{}", 2), type="album"),
    Phase(
        "asking the catalog",
        lambda stand, number: stand.catalog.reply(f"/tracks/{number}", silent(), forever=True),
        _asked("/tracks/{}"),
    ),
    Phase("connecting", _in_the_dark, lambda stand, *_: stand.dark.waiting() == 1),
    Phase(
        "waiting for headers",
        lambda stand, number: stand.catalog.reply(f"/media/{number}", silent(), forever=True),
        _asked("/media/{}"),
    ),
    Phase(
        "transferring",
        lambda stand, number: stand.catalog.reply(f"/media/{number}", slow(60_000), forever=True),
        lambda stand, *_: stand.received() > 50_000,
    ),
    Phase(
        "transferring, silent",
        lambda stand, number: stand.catalog.reply(f"/media/{number}", silent(after=100_000), forever=True),
        lambda stand, *_: stand.received() == 100_000,
    ),
    _held("verify"),
    Phase(
        "fetching the cover",
        lambda stand, number: stand.catalog.reply(f"/media/{COVER + number}", silent(), forever=True),
        lambda stand, number, _: stand.catalog.count(f"/media/{COVER + number}") == 1,
    ),
    _held("tag"),
    Phase("decoding", lambda *_: None, lambda stand, *_: stand.decodes() == 1, lambda hold: hold.decoder()),
    Phase(
        "waiting to retry",
        lambda stand, number: stand.catalog.reply(f"/media/{number}", cut(after=100_000, rate=400_000)),
        _waits,
    ),
    Phase("resting", _at_a_resting_host, _rests, back_off_ms=600),
]


@pytest.fixture
def dark() -> Iterator[Unreachable]:
    """A host that takes no connection."""
    with unreachable() as port:
        yield port


@pytest.mark.timeout(400)
@pytest.mark.parametrize("phase", PHASES, ids=str)
async def test_it_stops_where_it_stands(
    tmp_path: Path, noise: Noise, hold: Hold, dark: Unreachable, phase: Phase
) -> None:
    """Cancelled or deleted, it leaves not a byte; paused, it keeps them all and goes on from them."""
    async with (
        ScriptedCatalog() as catalog,
        tonearm(
            tmp_path / "server",
            catalog.url,
            breakage=phase.breakage(hold),
            QUEUE_RETRY_BACKOFF_MS=phase.back_off_ms,
            QUEUE_FETCH_ALLOW="127.0.0.1",
        ) as server,
    ):
        stand = Stand(server, catalog, hold, dark)
        for number, action in enumerate(ACTIONS * TIMES, 1):
            content = noise(number % 3).read_bytes()
            _offer(catalog, number, content)
            if (trouble := phase.trouble(stand, number)) is not None:
                await trouble
            before = stand.listing()
            job = await server.submit(phase.type, number)
            await until(f"it is {phase}, to {action} it", lambda: phase.reached(stand, number, job))  # noqa: B023 - awaited here
            if action == "pause":
                await _pause(stand, number, job, content)
            else:
                await _end(stand, job, action, before)


def _offer(catalog: ScriptedCatalog, number: int, content: bytes) -> None:
    catalog.add_track(COVER + number, body=b"no picture")
    catalog.add_track(number, body=content, coverUrl=f"media/{COVER + number}", trackNumber=number)
    catalog.add_album(number, [number])


async def _end(stand: Stand, job: str, action: str, before: list[tuple[str, int]]) -> None:
    """Cancel or delete it, and look at what is left."""
    if action == "delete":
        assert (await stand.server.call("DELETE", f"/{job}"))[0] == 200
        assert (await stand.server.call("GET", f"/{job}"))[0] == 404
    else:
        await stand.server.act(job, action)
        assert (await stand.server.wait_for(job, seconds=SOON))["status"] == "cancelled"
    await until("every connection is closed", lambda: not stand.busy(), seconds=SOON)
    await until("every byte is gone", lambda: stand.listing() == before, seconds=SOON)


async def _pause(stand: Stand, number: int, job: str, content: bytes) -> None:
    """Pause it, look at what is kept, and let it go on to its end."""
    server, catalog = stand.server, stand.catalog
    had = stand.received()
    await server.act(job, "pause")
    assert (await server.wait_for(job, "paused", seconds=SOON))["status"] == "paused"
    await until("every connection is closed", lambda: not stand.busy(), seconds=SOON)
    kept = stand.received()
    assert kept >= had

    asked = len(catalog.requests)
    for path in (f"/albums/{number}", f"/tracks/{number}", f"/media/{number}", f"/media/{COVER + number}"):
        catalog.heal(path)
    _offer(catalog, number, content)
    stand.hold.let_go()
    await server.act(job, "resume")
    record = await server.wait_for(job)
    stand.hold.close()

    assert record["status"] == "completed", record
    (media,) = [seen for seen in catalog.requests[asked:] if seen.path == f"/media/{number}"]
    assert media.headers.get("Range") == (f"bytes={min(kept, len(content) - 1)}-" if kept else None)
    assert record["files"] == [f"Scripted/Scripts/{number:02} Track {number}.flac"]
    assert server.staged() == []
