"""The audit: every index and figure that the scripts keep beside the records, derived from the records again.

It reads everything, so it is for tests and `doctor`, not for a loop. What changes while it reads looks like a
difference, so it looks twice and says what was the same both times.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from tonearm.model import State
from tonearm.store.base import OPEN_ALBUMS
from tonearm.store.redis.desk import Desk
from tonearm.store.redis.reading import named, task_of
from tonearm.store.task import Task, Unreadable
from tonearm.store.weights import Sums

_RANKS = 2**48
_ROOM = {"track": math.inf, "resolve": OPEN_ALBUMS}


class _Aside(msgspec.Struct, frozen=True):
    """What was set aside, as far as it is told (`lua/set_aside.lua`)."""

    task: str
    reason: str


_ASIDE = msgspec.json.Decoder(_Aside)


class _Committed(msgspec.Struct, frozen=True):
    """What a task has committed, as far as it is indexed."""

    path: str


_COMMITTED = msgspec.json.Decoder(_Committed)
_DIGITS = 12

Entries = dict[str, dict[str, float]]
"""The members of each ordered set, by its name, with their scores."""


async def audit(desk: Desk) -> tuple[str, ...]:
    """Say each difference between the records and what was derived from them (`Store.audit`)."""
    first = await _look(desk)
    if not first:
        return ()
    again = set(await _look(desk))
    return tuple(difference for difference in first if difference in again)


async def _look(desk: Desk) -> list[str]:
    queue = await _Queue.read(desk)
    return list(queue.differences())


class _Queue:
    """All keys of one queue, by kind."""

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}
        self.unreadable: list[str] = []
        self.sets: Entries = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.others: dict[str, str] = {}
        self.aside: list[str] = []

    @classmethod
    async def read(cls, desk: Desk) -> _Queue:
        """Read all of it."""
        queue = cls()
        cursor = "0"
        while True:
            cursor, keys = await desk.link.call("SCAN", cursor, "MATCH", f"{_escaped(desk.prefix)}*", "COUNT", 1_000)
            await asyncio.gather(*(queue._take(desk, name, name.removeprefix(desk.prefix)) for name in set(keys)))
            if cursor == "0":
                return queue

    async def _take(self, desk: Desk, name: str, short: str) -> None:
        kind = await desk.link.call("TYPE", name)
        if kind == "hash":
            flat = await desk.link.call("HGETALL", name)
            if short.startswith("task:"):
                self._add(short, flat)
            else:
                self.hashes[short] = named(flat)
        elif kind == "zset":
            flat = await desk.link.call("ZRANGE", name, 0, -1, "WITHSCORES")
            self.sets[short] = {member: float(score) for member, score in zip(flat[::2], flat[1::2], strict=True)}
        elif short == "set_aside":
            self.aside = await desk.link.call("LRANGE", name, 0, 19)
        else:
            self.others[short] = kind

    def _add(self, short: str, flat: list[str]) -> None:
        try:
            task = task_of(flat)
        except (Unreadable, TypeError, ValueError) as error:
            self.unreadable.append(f"{short}: {error}")
            return
        self.tasks[task.seq] = task

    def differences(self) -> Iterator[str]:
        """Say each difference."""
        for what in self.unreadable:
            yield f"The record {what} cannot be read"
        sums = Sums()
        expected: Entries = defaultdict(dict)
        for task in self.tasks.values():
            sums.add(task)
            for name, member, score in places_of(task):
                expected[name][member] = score
            committed = self.hashes.get(f"text:{task.seq}", {}).get("publication")
            if committed is not None and (digest := _digest_of(committed)) is not None:
                expected["filed"][f"{digest}:{task.seq}"] = 0
        for name, client, tag in self._turns():
            expected[name][client] = tag
        yield from self._compare_sets(expected)
        yield from self._compare_figures(sums)
        yield from self._compare_names()
        yield from self._find_strays()
        for text in self.aside:
            yield _set_aside(text)

    def _turns(self) -> Iterator[tuple[str, str, float]]:
        """Say where each lane stands (`lua/parts/fair.lua`): set, client, start tag of its next task."""
        for kind, client, lane in self._lanes():
            held = int(lane["held"])
            if int(lane["entries"]) > 0 and held < _ROOM[kind] and "closed" not in lane:
                yield f"open:{kind}:{min(int(lane['healthy']), 1)}", client, float(lane["tag"])
            elif int(lane["entries"]) == 0 and held == 0:
                yield f"idle:{kind}", client, float(lane["tag"])

    def _lanes(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        for name, values in self.hashes.items():
            if name.startswith("lane:"):
                _, kind, client = name.split(":", 2)
                yield kind, client, values

    def _compare_sets(self, expected: Entries) -> Iterator[str]:
        derived = {name for name in self.sets if name.split(":")[0] in _DERIVED}
        for name in sorted(derived | expected.keys()):
            kept, wanted = self.sets.get(name, {}), expected.get(name, {})
            for member in sorted(kept.keys() | wanted.keys()):
                if kept.get(member) != wanted.get(member):
                    yield f"The index {name} has {member} at {kept.get(member)}, the records say {wanted.get(member)}"

    def _compare_figures(self, sums: Sums) -> Iterator[str]:
        for what, name in (("counter", "counters"), ("client", "clients")):
            kept: dict[tuple[str, ...], int] = {(key,): int(v) for key, v in self.hashes.get(name, {}).items()}
            yield from sums.differences(what, kept)
        lanes: dict[tuple[str, ...], int] = {}
        for kind, client, values in self._lanes():
            lanes |= {(client, kind, figure): int(values[figure]) for figure in ("entries", "healthy", "held")}
        yield from sums.differences("lane", lanes)
        for task in self.tasks.values():
            if task.is_album:
                yield from sums.album_differences(task)

    def _compare_names(self) -> Iterator[str]:
        ids = {task.id: str(task.seq) for task in self.tasks.values() if task.parent is None}
        tokens = {task.token: str(task.seq) for task in self.tasks.values() if task.token is not None}
        yield from _compare("ids", self.hashes.get("ids", {}), ids)
        yield from _compare("tokens", self.hashes.get("tokens", {}), tokens)
        same: dict[str, list[int]] = defaultdict(list)
        for task in self.tasks.values():
            if task.parent is None and not task.final:
                same[f"{task.client}:{task.type}:{task.catalog_id}:{task.quality}"].append(task.seq)
        numbers = {what: " ".join(map(str, sorted(seqs))) for what, seqs in same.items()}
        yield from _compare("same", self.hashes.get("same", {}), numbers)
        for key, seq in self.hashes.get("names", {}).items():
            owner = self.tasks.get(int(seq))
            if owner is None or (owner.final and owner.parent is None):
                yield f"The name {key} is reserved by a task that is gone, or a job that is final"

    def _find_strays(self) -> Iterator[str]:
        seqs = {str(task.seq) for task in self.tasks.values()}
        jobs = {str(task.seq) for task in self.tasks.values() if task.parent is None}
        for name, kind in self.others.items():
            start, _, seq = name.partition(":")
            if start == "history" and seq not in jobs:
                yield f"There are history lines without a job: {name}"
            elif start not in _OTHERS:
                yield f"The key {name} ({kind}) is none of ours"
        for name in self.hashes:
            start, _, seq = name.partition(":")
            if start == "text" and seq not in seqs:
                yield f"There are texts without a task: {name}"
        yield from self._find_stray_pages(jobs)
        for kind, client, lane in self._lanes():
            if "closed" in lane and client not in self.sets.get("spent", {}):
                yield f"The lane {kind} of {client} is closed though its client may go on"
        for task in self.tasks.values():
            yield from self._judge_album(task) if task.is_album else self._judge_track(task)

    def _find_stray_pages(self, jobs: set[str]) -> Iterator[str]:
        """Pages of tracks that arrived (`lua/parts/pages.lua`) and that nothing enters or forgets."""
        waiting = {f"{kind}:{member}" for kind in ("arriving", "arrived") for member in self.sets.get(kind, {})}
        kept = {name for name in self.hashes if name.startswith(("arriving:", "arrived:"))}
        for name in sorted(waiting ^ kept):
            yield f"The pages {name} are not there, or in no index"
        for seq in sorted(self.sets.get("arrived", {}).keys() - jobs):
            yield f"There are tracks on their way to an album that is not here: {seq}"

    def _arriving(self, album: Task) -> bool:
        return album.entered < album.track_count and str(album.seq) in self.sets.get("arrived", {})

    def _judge_track(self, track: Task) -> Iterator[str]:
        orphanages = self.others.get("orphans")
        if track.parent is not None and track.parent not in self.tasks and orphanages is None:
            yield f"The track {track.id} has no album, and its album is not being removed"

    def _judge_album(self, album: Task) -> Iterator[str]:
        if not album.resolved or album.chore is not None or self._arriving(album):
            return
        waits = State.WAITING in (album.state, album.came_from)
        if waits and album.completed_tracks + album.failed_tracks + album.cancelled_tracks == album.entered:
            yield f"Every track of {album.id} is final, and it has not ended"
        if album.entered != album.track_count and (album.final or waits):
            yield f"{album.id} has {album.entered} tracks, its list {album.track_count}, and nothing mends it"


def _set_aside(text: str) -> str:
    try:
        aside = _ASIDE.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return f"A record could not be read and was set aside: {text[:200]}"
    return f"The record of {aside.task or 'a task'} could not be read and was set aside: {aside.reason}"


def _digest_of(committed: str) -> str | None:
    """By which a record names the file that it has committed (`lua/parts/filed.lua`)."""
    try:
        path = _COMMITTED.decode(committed).path
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()[:_DIGITS]


def _escaped(prefix: str) -> str:
    return "".join(f"\\{sign}" if sign in "*?[]\\" else sign for sign in prefix)


def _compare(name: str, kept: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(kept.keys() | wanted.keys()):
        if kept.get(key) != wanted.get(key):
            yield f"{name} has {key} as {kept.get(key)}, the records say {wanted.get(key)}"


_DERIVED = frozenset(
    {"jobs", "finished", "unfinished", "processing", "queued", "paused", "entries", "album", "chores", "due"}
    | {"leases", "held", "suspects", "open", "idle", "filed"}
)
_OTHERS = frozenset({"history", "events", "wakes", "discarders", "endings_of", "orphans"})


def places_of(task: Task) -> Iterator[tuple[str, str, float]]:
    """Say where a task stands in the indexes (`lua/parts/places.lua`): set, member, score."""
    seq = str(task.seq)
    yield from _track_places(task, seq) if task.parent is not None else _job_places(task, seq)
    if task.state == State.DELAYED:
        yield "due", seq, _number(task.due_at)
    elif task.state == State.ACTIVE:
        yield "leases", seq, _number(task.lease_until)
        yield f"held:{task.worker}", seq, task.seq
        if task.suspect:
            yield "suspects", seq, task.seq


def _number(value: int | None) -> int:
    return -1 if value is None else value


def _track_places(task: Task, seq: str) -> Iterator[tuple[str, str, float]]:
    album, place = f"album:{task.parent}", _number(task.position)
    yield f"{album}:tracks", seq, place
    if task.state != State.COMPLETED:
        yield f"{album}:open", seq, place
    if task.state == State.READY:
        yield f"{album}:{'suspects' if task.suspect else 'ready'}", seq, place
    elif task.state in (State.ACTIVE, State.COMPLETED, State.FAILED):
        yield f"{album}:{task.state}", seq, place


def _job_places(task: Task, seq: str) -> Iterator[tuple[str, str, float]]:
    yield "jobs", seq, task.seq
    if task.chore is not None:
        yield "chores", seq, task.seq
    if task.final:
        shelf = "partial" if task.outcome == "partial" else task.state
        yield f"finished:{shelf}", f"{task.finished_at:015d}:{task.seq:015d}", 0
        return
    yield "unfinished", seq, task.seq
    status = State(task.state).status.value
    if status == "processing":
        yield "processing", f"{_number(task.started_at):015d}:{task.seq:015d}", 0
    elif status == "queued":
        yield "queued", f"{task.priority}:{task.seq:015d}", 0
    else:
        yield "paused", seq, task.seq
    lane, healthy = task.entry()
    if lane is not None:
        rank = task.priority * 2 + int(task.is_album)
        yield f"entries:{lane}:{healthy}:{task.client}", seq, rank * _RANKS + task.seq
