"""How the speed of a transfer is told, and how limits read."""

from __future__ import annotations

import pytest

from tonearm.fetch.limits import in_seconds, in_units
from tonearm.fetch.progress import WINDOW_S, Speedometer


def test_the_speed_starts_at_nothing() -> None:
    """Bytes of an earlier attempt are no speed."""
    assert Speedometer(100.0, 5_000).at(100.0, 5_000) == 0.0


def test_the_speed_is_that_of_the_last_seconds() -> None:
    """A fast beginning is forgotten when the window has passed."""
    meter = Speedometer(0.0, 0)
    assert meter.at(1.0, 10_000) == pytest.approx(10_000)
    for second in range(2, 10):
        speed = meter.at(float(second), 10_000 + (second - 1) * 100)
    assert speed == pytest.approx(100)


def test_a_transfer_that_stands_slows_down_to_nothing() -> None:
    """While no byte comes the speed falls, and is zero after the window."""
    meter = Speedometer(0.0, 0)
    speeds = [meter.at(1.0, 1_000)]
    while speeds[-1] > 0:
        speeds.append(meter.at(1.0 + len(speeds) * 0.25, 1_000))
    assert speeds == sorted(speeds, reverse=True)
    assert (len(speeds) - 1) * 0.25 <= WINDOW_S + 0.25


@pytest.mark.parametrize(("limit_ms", "text"), [(30_000, "30s"), (1_500, "1.5s"), (100, "0.1s"), (300_000, "300s")])
def test_a_limit_reads_in_seconds(limit_ms: int, text: str) -> None:
    """Whole seconds without a fraction, fractions as they are."""
    assert in_seconds(limit_ms) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1_023, "1023 bytes"), (8 << 20, "8 MiB"), (4 << 30, "4 GiB"), (1536, "1.5 KiB")]
)
def test_a_size_reads_in_its_unit(size: int, text: str) -> None:
    """The largest unit that is not below one."""
    assert in_units(size) == text
