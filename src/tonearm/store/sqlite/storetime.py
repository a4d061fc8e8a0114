"""Store time: milliseconds that neither stop nor run back when somebody sets the clock.

While a process runs, store time is an anchor plus the time elapsed since, and the wall clock is used for showing
only. The anchor is kept in the database. The next process of the same boot goes on from it exactly; after
another boot only the wall clock can say how long it was off, and it is believed within reason: never backwards, and
a step of more than a year counts as none.
"""

from __future__ import annotations

import apsw

from tonearm.clock import Clock

LONGEST_OFF_MS = 365 * 86_400_000
"""The longest time a machine is believed to have been off, milliseconds."""

ANCHOR_EVERY_MS = 1_000
"""How often a running process refreshes the anchor at most, milliseconds."""

SHOWN_WITHIN_MS = 1_000
"""How far a shown time may be off before it follows the wall clock, milliseconds: a slewed clock changes no record."""

_NEWEST = """
SELECT max(coalesce((SELECT at FROM event ORDER BY seq DESC LIMIT 1), 0),
           coalesce((SELECT max(updated_at) FROM task WHERE state = 'active'), 0),
           coalesce((SELECT last_heartbeat FROM worker ORDER BY last_heartbeat DESC LIMIT 1), 0))
"""


class StoreTime:
    """The time of one store in one process."""

    def __init__(self, clock: Clock, db: apsw.Connection) -> None:
        self._clock = clock
        self._elapsed = clock.elapsed_ms()
        self._store, self._shift = self._begin(db)
        self._kept = self._store

    def now(self) -> int:
        """Return store time, milliseconds."""
        return self._store + self._clock.elapsed_ms() - self._elapsed

    def shift(self) -> int:
        """Return what has to be added to a stored time to show it as wall time, milliseconds.

        It moves in steps, when the wall clock was set: two looks at one record show the same times.
        """
        shift = self._clock.wall_ms() - self.now()
        if abs(shift - self._shift) > SHOWN_WITHIN_MS:
            self._shift = shift
        return self._shift

    def keep_due(self) -> bool:
        """Whether the anchor is older than `ANCHOR_EVERY_MS`."""
        return self.now() - self._kept >= ANCHOR_EVERY_MS

    def keep(self, db: apsw.Connection) -> None:
        """Write the anchor, inside the transaction that is open."""
        now = self.now()
        anchor: dict[str, int | str] = {
            "anchor:store": now,
            "anchor:wall": self._clock.wall_ms(),
            "anchor:elapsed": self._clock.elapsed_ms(),
            "anchor:boot": self._clock.boot_id(),
            "anchor:shift": self._shift,
        }
        db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", anchor.items())
        self._kept = now

    def _begin(self, db: apsw.Connection) -> tuple[int, int]:
        anchor = dict(db.execute("SELECT key, value FROM meta WHERE key LIKE 'anchor:%'"))
        if not anchor:
            return self._clock.wall_ms(), 0
        if anchor["anchor:boot"] == self._clock.boot_id():
            passed = self._elapsed - anchor["anchor:elapsed"]
        else:
            passed = self._clock.wall_ms() - anchor["anchor:wall"]
            if passed > LONGEST_OFF_MS:
                passed = 0
        ((newest,),) = db.execute(_NEWEST)
        return max(int(anchor["anchor:store"]) + max(0, int(passed)), int(newest)), int(anchor.get("anchor:shift", 0))
