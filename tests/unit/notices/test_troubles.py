"""Troubles: told once when they last, and anew only after they were away for long."""

from __future__ import annotations

from dataclasses import replace

from tests.support.clock import FakeClock

from tonearm.model import RestingHost, RestKind, WorkerRecord
from tonearm.notices.troubles import LASTS_MS, OVER_MS, Trouble, TroubleKind, Watch, troubles_of

CATALOG = "catalog.example:443"
WELL = WorkerRecord("den-1", "den", True, 0, 0, 0, 4, disk_free=900, disk_min=100)
FULL = Trouble(TroubleKind.DISK, "full")


def kinds(*workers: WorkerRecord) -> list[str]:
    return [trouble.kind for trouble in troubles_of(workers, CATALOG)]


def resting(kind: RestKind, host: str = CATALOG) -> WorkerRecord:
    return replace(WELL, resting=(RestingHost(host, 1, kind),))


def test_what_workers_show() -> None:
    """A disk that is too full, a catalog that cannot be reached, and that nobody works."""
    dead = replace(WELL, alive=False)
    assert kinds(WELL, dead) == []
    assert kinds(replace(WELL, disk_free=99), dead) == ["disk"]
    assert kinds(resting(RestKind.UNREACHABLE)) == ["catalog"]
    assert kinds(dead, dead) == ["worker"]


def test_what_is_no_trouble() -> None:
    """A host that asked for time, one that is not the catalog, a disk nobody has looked at, a queue without workers."""
    assert kinds(resting(RestKind.RETRY_AFTER), resting(RestKind.UNREACHABLE, "media.example:443")) == []
    assert kinds(replace(WELL, disk_free=None)) == []
    assert kinds() == []


def test_a_trouble_is_told_once_when_it_has_lasted() -> None:
    """Not before, and not again while it goes on."""
    clock = FakeClock()
    watch = Watch(clock)
    assert watch.judge([FULL], ()) == ([], ())
    clock.advance(LASTS_MS - 1)
    assert watch.judge([FULL], ()) == ([], ())
    clock.advance(1)
    assert watch.judge([FULL, FULL], ()) == ([FULL], ("disk",))
    clock.advance(10 * OVER_MS)
    assert watch.judge([FULL], ("disk",)) == ([], ("disk",))


def test_what_comes_and_goes_is_one_trouble() -> None:
    """Its beginning counts anew each time it was away; once told, it is over only after it was away for long."""
    clock = FakeClock()
    watch = Watch(clock)
    watch.judge([FULL], ())
    clock.advance(LASTS_MS - 1)
    watch.judge([], ())
    clock.advance(1)
    assert watch.judge([FULL], ()) == ([], ())

    for _ in range(3):
        assert watch.judge([], ("disk",)) == ([], ("disk",))
        clock.advance(OVER_MS - 1)
        assert watch.judge([FULL], ("disk",)) == ([], ("disk",))
    watch.judge([], ("disk",))
    clock.advance(OVER_MS)
    assert watch.judge([], ("disk",)) == ([], ())


def test_what_is_certain_is_told_at_once() -> None:
    """And words of a later version about what was told harm nothing."""
    refused = Trouble(TroubleKind.CATALOG, "refuses us", certain=True)
    assert Watch(FakeClock()).judge([refused], ("comet",)) == ([refused], ("catalog",))
