"""Fair share between clients: start-time fair queuing (Goyal, Vin, Cheng: "Start-Time Fair Queuing", SIGCOMM 1996).

A client has one lane per kind of claim. The lane's tag is the start tag of its next task: one unit after the one
before, but never behind the virtual time, which is the start tag of the task that was served last. Who is picked is
the open lane with the lowest tag. So a client that just arrived waits for at most one task of each of the others,
and one that was away has saved nothing up. Which entry of the lane comes next is a question of `claims`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tonearm.model import TaskKind
from tonearm.store.base import OPEN_ALBUMS, PAGE
from tonearm.store.sqlite.unit import Unit

_ENDLESS = 2**31
_ROOM = {TaskKind.TRACK.value: _ENDLESS, TaskKind.RESOLVE.value: OPEN_ALBUMS}


def virtual_time(unit: Unit, kind: str) -> int:
    """Return the start tag of the task of this kind that was served last."""
    row = unit.one("SELECT value FROM meta WHERE key = ?", f"virtual:{kind}")
    return 0 if row is None else int(row[0])


def _set_virtual_time(unit: Unit, kind: str, tag: int) -> None:
    unit.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", f"virtual:{kind}", tag)


def shift(unit: Unit, client: str, kind: str, *, entries: int, healthy: int, held: int) -> None:
    """Change the figures of a lane by these differences; a lane that opens starts at the virtual time."""
    row = unit.one("SELECT tag, entries, healthy, held, room FROM lane WHERE client = ? AND kind = ?", client, kind)
    tag, had_entries, had_healthy, had_held, room = row or (0, 0, 0, 0, _ROOM[kind])
    was_open = had_entries > 0 and had_held < room
    is_open = had_entries + entries > 0 and had_held + held < room
    if is_open and not was_open:
        tag = max(tag, virtual_time(unit, kind))
    if entries > 0 or held < 0 or (is_open and not was_open):
        unit.woke = True  # also where a client that has all it may hold gets room
    unit.run(
        "INSERT OR REPLACE INTO lane (client, kind, tag, entries, healthy, held, room) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(client, kind, tag, had_entries + entries, had_healthy + healthy, had_held + held, room),
    )


def line(unit: Unit, kind: str, *, healthy: bool) -> Iterator[tuple[str, int]]:
    """Say whose turn it is, and whose after that, each with what it holds; *healthy*: suspects are passed over.

    Nothing may be written while it is read.
    """
    yield from unit.db.execute(
        "SELECT client, held FROM lane WHERE kind = ? AND entries > 0 AND held < room AND healthy >= ? "
        "ORDER BY tag, client",
        (kind, int(healthy)),
    )


def close(unit: Unit, client: str) -> None:
    """Give a client no turn until `reopen`, whatever waits in its lanes."""
    unit.run("UPDATE lane SET room = 0 WHERE client = ?", client)


def reopen(unit: Unit, client: str) -> None:
    """Give a client turns again."""
    for kind, room in _ROOM.items():
        unit.run("UPDATE lane SET room = ? WHERE client = ? AND kind = ?", room, client, kind)


def serve(unit: Unit, client: str, kind: str) -> None:
    """Charge the client one unit for the task that it is given now; one that was passed over has saved nothing up."""
    row = unit.one("SELECT tag FROM lane WHERE client = ? AND kind = ?", client, kind)
    if row is None:
        return
    tag = max(row[0], virtual_time(unit, kind))
    _set_virtual_time(unit, kind, tag)
    unit.run("UPDATE lane SET tag = ? WHERE client = ? AND kind = ?", tag + 1, client, kind)


def forget_idle(unit: Unit) -> None:
    """Drop lanes that have nothing to do and nothing to answer for, at most `PAGE` of each kind.

    A tag ahead of the virtual time is remembered as long as anybody else is waiting; when nobody is, the busy period is
    over and the virtual time catches up.
    """
    for kind in _ROOM:
        if unit.one("SELECT 1 FROM lane WHERE kind = ? AND entries > 0 AND held < room", kind) is None:
            ahead = unit.one(
                "SELECT tag FROM lane WHERE kind = ? AND entries = 0 AND held = 0 ORDER BY tag DESC LIMIT 1", kind
            )
            if ahead is not None and ahead[0] > virtual_time(unit, kind):
                _set_virtual_time(unit, kind, ahead[0])
        idle = unit.all(
            "SELECT client FROM lane WHERE kind = ? AND entries = 0 AND held = 0 AND tag <= ? LIMIT ?",
            *(kind, virtual_time(unit, kind), PAGE),
        )
        for (client,) in idle:
            unit.run("DELETE FROM lane WHERE client = ? AND kind = ?", client, kind)
