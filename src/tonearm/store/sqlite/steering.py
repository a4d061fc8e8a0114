"""Steering: how people control the whole queue, kept in `meta` so that it outlives every process.

A field that is as the settings say has no row.
"""

from __future__ import annotations

from tonearm.model import Control, ControlChange
from tonearm.store.sqlite.unit import Unit

_PAUSED, _BANDWIDTH, _CONCURRENT = "control:paused", "control:bandwidth_limit", "control:max_concurrent"


def control(unit: Unit) -> Control:
    """Return what holds now (`Store.control`)."""
    kept: dict[str, int] = dict(unit.all("SELECT key, value FROM meta WHERE key BETWEEN 'control:' AND 'control:~'"))
    return Control(bool(kept.get(_PAUSED, 0)), kept.get(_BANDWIDTH), kept.get(_CONCURRENT))


def steer(unit: Unit, change: ControlChange) -> Control:
    """Change some of it (`Store.steer`)."""
    before = control(unit)
    after = change.applied(before)
    if after == before:
        return after
    values = {
        _PAUSED: 1 if after.paused else None,
        _BANDWIDTH: after.bandwidth_limit,
        _CONCURRENT: after.max_concurrent,
    }
    for key, value in values.items():
        if value is None:
            unit.run("DELETE FROM meta WHERE key = ?", key)
        else:
            unit.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value)
    unit.woke = True
    return after
