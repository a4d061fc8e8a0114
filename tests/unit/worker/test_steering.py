"""Steering: what people set wins over the settings, and is gone when they take it back."""

from __future__ import annotations

import pytest

from tonearm.fetch import Throttle
from tonearm.model import Control
from tonearm.settings import Settings
from tonearm.worker.slots import Slots
from tonearm.worker.steering import Steering


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (Control(), (3, 50_000)),
        (Control(max_concurrent=9), (9, 50_000)),
        (Control(bandwidth_limit=0), (3, 0)),
        (Control(bandwidth_limit=7, max_concurrent=1), (1, 7)),
    ],
)
async def test_what_people_set_wins_and_none_means_the_setting(control: Control, expected: tuple[int, int]) -> None:
    """Zero is a value: no limit. Said again, nothing is different; taken back, the settings hold."""
    settings = Settings(QUEUE_MAX_CONCURRENT=3, QUEUE_BANDWIDTH_LIMIT=50_000)
    slots, throttle = Slots(3), Throttle(50_000)
    steering = Steering(slots, throttle, settings)
    assert steering.follow(control) is (expected != (3, 50_000))
    assert (slots.limit, throttle.limit) == expected
    assert not steering.follow(control)
    steering.follow(Control())
    assert (slots.limit, throttle.limit) == (3, 50_000)


async def test_a_pause_of_the_whole_queue_is_known_until_it_ends() -> None:
    """So that the worker can say why it claims nothing."""
    steering = Steering(Slots(3), Throttle(0), Settings())
    assert steering.follow(Control(paused=True))
    assert steering.paused
    assert steering.follow(Control())
    assert not steering.paused
