"""The throttle: how much passes in which time, who goes first, and what changes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.fetch.throttle import BITE_S, BURST_S, LEAST_BUFFER, Bucket, Lane, Throttle

KB = 1_000


def drain(bucket: Bucket, since: float, until: float, step: float) -> int:
    """Take all that the bucket gives between two times, looking every *step* seconds."""
    passed, now = 0, since
    while now < until:
        while taken := bucket.take(1 << 20, now):
            passed += taken
        now += step
    return passed


@given(st.integers(200, 200_000_000), st.floats(0.001, 0.15), st.floats(0, 100))
def test_the_limit_is_kept_within_two_hundredths_over_ten_seconds(limit: int, step: float, begin: float) -> None:
    """However often the loop comes by, also after a rest, and never more than a burst and a bite above."""
    passed = drain(Bucket(limit, 0.0), begin, begin + 10, step)
    assert limit * 9.8 <= passed <= limit * (10 + BURST_S + BITE_S) + 1


def test_nothing_is_saved_up_but_a_burst() -> None:
    """An hour of silence is worth a fifth of a second."""
    bucket = Bucket(100 * KB, 0.0)
    assert drain(bucket, 3_600.0, 3_600.001, 1.0) <= 100 * KB * (BURST_S + BITE_S)


def test_a_bite_is_small_under_a_small_limit_and_whole_under_a_large_one() -> None:
    """What a buffer of 512 KiB holds takes ten seconds at 50 kB/s, in pieces of a twentieth of a second."""
    assert Bucket(50 * KB, 0.0).take(512 * 1024, 1.0) == 2_500
    assert Bucket(100_000 * KB, 0.0).take(256 * 1024, 1.0) == 256 * 1024
    assert Bucket(1, 0.0).take(512 * 1024, 1.0) == 1


def test_the_wait_is_what_is_owed() -> None:
    """And afterwards there is something."""
    bucket = Bucket(1_000, 0.0)
    assert bucket.take(50, 1.0) == 50
    while bucket.take(50, 1.0):
        pass
    wait = bucket.wait_s()
    assert 0 < wait <= BITE_S
    assert bucket.take(50, 1.0 + wait * 0.9) == 0
    assert bucket.take(50, 1.0 + wait * 1.1) == 50


def test_a_debt_under_a_high_limit_is_no_burden_under_a_low_one() -> None:
    """After 100 MB/s, the first byte at 10 kB/s comes within a bite."""
    bucket = Bucket(100_000 * KB, 0.0)
    while bucket.take(5_000 * KB, 1.0):
        pass
    bucket.change(10 * KB, 1.0)
    assert bucket.wait_s() <= BITE_S
    bucket.change(0, 1.0)
    assert (bucket.take(12, 1.0), bucket.wait_s()) == (12, 0)


@pytest.mark.parametrize(("limit", "expected"), [(0, 524_288), (50 * KB, LEAST_BUFFER), (2_000 * KB, 120_000)])
def test_what_may_run_ahead_of_the_reader_follows_the_limit(limit: int, expected: int) -> None:
    """A twentieth of a second or so, and never more than usual."""
    assert Throttle(limit).read_buffer(524_288) == expected
    assert Throttle(100_000 * KB).read_buffer(524_288) == 524_288


class Hand:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def turn(hand: Hand, throttle: Throttle, seconds: float) -> None:
    """Let time pass in small steps, serving who waits; the throttle's own timer would only do so later."""
    for _ in range(round(seconds / 0.01)):
        hand.now += 0.01
        throttle._come_back(0.0)
        while throttle._coming is not None and not isinstance(throttle._coming, asyncio.TimerHandle):  # noqa: ASYNC110 - turns of the loop
            await asyncio.sleep(0)


async def pump(lane: Lane, size: int, piece: int, passed: list[int]) -> None:
    """Pass *size* bytes that come in pieces, as a transfer does."""
    while size:
        left = min(piece, size)
        while left:
            bite = await lane.take(left)
            passed[0] += bite
            left -= bite
            size -= bite


@contextmanager
def transfers(throttle: Throttle, *kinds: tuple[int, int]) -> Iterator[list[list[int]]]:
    """Transfers of (size, piece) that run beside each other; gives what each has passed."""
    passed = [[0] for _ in kinds]
    tasks = [
        asyncio.ensure_future(pump(throttle.lane(), size, piece, mine))
        for (size, piece), mine in zip(kinds, passed, strict=True)
    ]
    yield passed
    for task in tasks:
        task.cancel()


async def test_transfers_get_equal_shares_however_their_bytes_come() -> None:
    """One in pieces of 256 KiB, one in records of 16 KiB and one in packets of 1,400 bytes."""
    hand = Hand()
    throttle = Throttle(3_000 * KB, hand)
    with transfers(throttle, (1 << 30, 262_144), (1 << 30, 16_384), (1 << 30, 1_400)) as passed:
        await turn(hand, throttle, 10)
        assert sum(mine for (mine,) in passed) == pytest.approx(30_000 * KB, rel=0.03)
        for (mine,) in passed:
            assert mine == pytest.approx(10_000 * KB, rel=0.05)


async def test_a_small_track_is_not_kept_waiting_by_large_ones() -> None:
    """Its 100 kB beside three large transfers take what a quarter of the limit takes, and not one of theirs."""
    hand = Hand()
    throttle = Throttle(1_000 * KB, hand)
    with transfers(throttle, *[(1 << 30, 262_144)] * 3) as large:
        await turn(hand, throttle, 5)
        with transfers(throttle, (100 * KB, 262_144)) as small:
            await turn(hand, throttle, 0.45)
            assert small[0][0] == 100 * KB
        assert sum(mine for (mine,) in large) > 4_500 * KB


async def test_a_raised_limit_wakes_who_waits() -> None:
    """Also one that was lifted altogether."""
    hand = Hand()
    throttle = Throttle(1, hand)
    lane = throttle.lane()
    await drain_lane(lane)
    for limit in (1_000_000_000, 0):
        waiting = asyncio.ensure_future(lane.take(1_000 * KB))
        await asyncio.sleep(0)
        assert not waiting.done()
        throttle.change(limit)
        await turn(hand, throttle, 0.01)
        assert await waiting == 1_000 * KB
        throttle.change(1)
        await drain_lane(lane)


async def test_a_cancelled_transfer_waits_no_longer_and_holds_up_nobody() -> None:
    """Its place in the queue is passed over."""
    hand = Hand()
    throttle = Throttle(1_000, hand)
    await drain_lane(throttle.lane())
    first = asyncio.ensure_future(throttle.lane().take(10))
    second = asyncio.ensure_future(throttle.lane().take(10))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert first.cancelled()
    await turn(hand, throttle, 0.05)
    assert await second == 10


async def test_clocks_stand_still_exactly_while_the_throttle_holds() -> None:
    """Entered when it begins to wait, left when the bytes may pass or the transfer is cancelled."""
    story: list[str] = []

    @contextmanager
    def standing() -> Iterator[None]:
        story.append("stands")
        try:
            yield
        finally:
            story.append("goes")

    hand = Hand()
    throttle = Throttle(1_000, hand)
    lane = throttle.lane(standing)
    for ending in ("served", "cancelled"):
        await drain_lane(lane)
        story.clear()
        waiting = asyncio.ensure_future(lane.take(10))
        await asyncio.sleep(0)
        assert story == ["stands"]
        if ending == "cancelled":
            waiting.cancel()
        else:
            await turn(hand, throttle, 0.05)
        await asyncio.wait([waiting])
        assert story == ["stands", "goes"]


async def drain_lane(lane: Lane) -> None:
    """Use up what may pass now, so that the next one has to wait."""
    while True:
        taking = asyncio.ensure_future(lane.take(50))
        await asyncio.sleep(0)
        if not taking.done():
            taking.cancel()
            await asyncio.wait([taking])
            return


async def test_without_a_limit_nobody_is_asked_and_everything_passes() -> None:
    """In one piece, and at once."""
    lane = Throttle().lane()
    assert not lane.limited
    assert await lane.take(1 << 30) == 1 << 30


async def test_the_timer_comes_back_by_itself() -> None:
    """With the real clock: more than a burst takes at least as long as the limit says."""
    throttle = Throttle(100 * KB)
    passed = [0]
    began = asyncio.get_running_loop().time()
    await pump(throttle.lane(), 30 * KB, 262_144, passed)
    took = asyncio.get_running_loop().time() - began
    assert passed == [30 * KB]
    assert took >= (30 * KB - 100 * KB * (BURST_S + BITE_S)) / (100 * KB)
