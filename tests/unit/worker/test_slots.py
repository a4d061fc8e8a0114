"""Slots: a worker never does more at a time than it may."""

from __future__ import annotations

import asyncio

from tonearm.worker.slots import RESOLVES, Slots


async def test_a_seat_takes_a_transfer_slot_until_the_last_byte() -> None:
    """Claimed tasks count at once, and finishing ones not any more."""
    slots = Slots(4)
    seats = [slots.seat(transfer=True) for _ in range(3)]
    assert (slots.transferring, slots.free_transfers) == (3, 1)

    await seats[0].last_byte_arrived()

    assert (slots.transferring, slots.free_transfers) == (2, 2)


async def test_a_task_keeps_its_slot_while_the_finishing_places_are_full() -> None:
    """As many tasks may finish as may transfer; the next one waits with its slot, and nothing is claimed."""
    slots = Slots(1)
    first, second = slots.seat(transfer=True), slots.seat(transfer=True)
    await first.last_byte_arrived()

    waiting = asyncio.create_task(second.last_byte_arrived())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert (slots.transferring, slots.free_transfers) == (1, 0)

    first.leave()
    await waiting
    assert (slots.transferring, slots.free_transfers) == (0, 0)
    second.leave()
    assert slots.free_transfers == 1


async def test_leaving_again_frees_nothing_twice() -> None:
    """However a task ends, its place is given back once."""
    slots = Slots(2)
    transferring, finishing = slots.seat(transfer=True), slots.seat(transfer=True)
    await finishing.last_byte_arrived()
    for seat in (transferring, finishing, transferring, finishing):
        seat.leave()

    assert (slots.transferring, slots.free_transfers) == (0, 2)


async def test_a_task_cancelled_while_it_waits_to_finish_gives_its_slot_back() -> None:
    """A cancel between the last byte and the finishing place loses neither."""
    slots = Slots(1)
    first, second = slots.seat(transfer=True), slots.seat(transfer=True)
    await first.last_byte_arrived()
    waiting = asyncio.create_task(second.last_byte_arrived())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    second.leave()
    first.leave()

    assert (slots.transferring, slots.free_transfers) == (0, 1)


async def test_albums_are_resolved_two_at_a_time_without_a_slot() -> None:
    """Resolving takes no transfer slot."""
    slots = Slots(4)
    seats = [slots.seat(transfer=False) for _ in range(RESOLVES)]
    assert (slots.free_resolves, slots.free_transfers) == (0, 4)

    seats[0].leave()

    assert slots.free_resolves == 1


async def test_whoever_waits_for_a_slot_is_woken_by_the_next_one_freed() -> None:
    """Also when it was freed before the wait began."""
    slots = Slots(1)
    slots.seat(transfer=True).leave()
    await slots.freed(60)

    seat = slots.seat(transfer=True)
    waiting = asyncio.create_task(slots.freed(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    seat.leave()
    await waiting


async def test_a_raised_limit_counts_at_once() -> None:
    """Who waits to be allowed to claim is woken, and so is who waits for a finishing place."""
    slots = Slots(1)
    first, second = slots.seat(transfer=True), slots.seat(transfer=True)
    await first.last_byte_arrived()
    finishing = asyncio.create_task(second.last_byte_arrived())
    claiming = asyncio.create_task(slots.freed(60))
    await asyncio.sleep(0)
    await slots.freed(0)  # what the seats woke before
    assert not finishing.done()

    slots.change(3)

    await finishing
    await claiming
    assert (slots.transferring, slots.finishing, slots.free_transfers) == (0, 2, 3)


async def test_a_lowered_limit_lets_what_runs_finish() -> None:
    """Nothing new is claimed before there are fewer than it allows, and no place is counted twice."""
    slots = Slots(4)
    seats = [slots.seat(transfer=True) for _ in range(4)]
    await seats[0].last_byte_arrived()
    await seats[1].last_byte_arrived()

    slots.change(1)

    assert (slots.limit, slots.transferring, slots.free_transfers) == (1, 2, 0)
    waiting = asyncio.create_task(seats[2].last_byte_arrived())
    seats[0].leave()
    await asyncio.sleep(0)
    assert not waiting.done()
    seats[1].leave()
    await waiting
    seats[2].leave()
    assert (slots.transferring, slots.free_transfers) == (1, 0)
    seats[3].leave()
    assert (slots.transferring, slots.finishing, slots.free_transfers) == (0, 0, 1)
