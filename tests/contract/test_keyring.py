"""The keyring: keys and sessions are kept, go together, and leave nothing behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.contract.conftest import Reopened
from tonearm.model import MOST_SESSIONS, KeyLimits, KeyRecord, Scope
from tonearm.store.base import Store

ANN = KeyRecord("ann", Scope.ADMIN, "a" * 64, 1_000, KeyLimits(rate=5, size=70))
BOB = KeyRecord("bob", Scope.READ, "b" * 64, 2_000)


def session(number: int, parent: KeyRecord = ANN, *, at: int | None = None, lasts_ms: int = 100_000) -> KeyRecord:
    """A session of a key."""
    made = 10_000 + number if at is None else at
    name = f"{parent.name}/{number:03d}"
    return KeyRecord(
        name, parent.scope, f"{number:064x}", made, parent.limits, parent.name, parent.hash, made + lasts_ms
    )


async def names(store: Store) -> list[str]:
    """The names of all keys and sessions."""
    return [record.name for record in await store.keys()]


async def test_keys_are_kept_as_they_are(store: Store) -> None:
    """Every field, by name, and nobody's else."""
    assert await store.keys() == ()
    for record in (BOB, ANN, session(1)):
        assert await store.add_key(record)

    assert await store.keys() == (ANN, session(1), BOB)


async def test_a_name_is_given_once_and_the_same_key_can_be_said_again(store: Store) -> None:
    """Another key of that name is refused, and the first one stays."""
    assert await store.add_key(ANN)
    assert await store.add_key(ANN)
    assert not await store.add_key(replace(ANN, hash="c" * 64))

    assert await store.keys() == (ANN,)


async def test_of_two_keys_of_one_name_at_once_one_is_kept(store: Store) -> None:
    """Whoever comes first."""
    made = [replace(ANN, hash=f"{number:064x}") for number in range(8)]
    kept = await asyncio.gather(*(store.add_key(record) for record in made))

    assert kept.count(True) == 1
    assert await store.keys() == (made[kept.index(True)],)


async def test_a_key_takes_its_sessions_along(store: Store) -> None:
    """Those of others stay; what is not there cannot be removed."""
    for record in (ANN, BOB, session(1), session(2), session(3, BOB)):
        await store.add_key(record)

    assert await store.remove_key("ann")
    assert not await store.remove_key("ann")
    assert await names(store) == ["bob", "bob/003"]


async def test_a_session_ends_alone(store: Store) -> None:
    """Its key and the other sessions stay."""
    for record in (ANN, session(1), session(2)):
        await store.add_key(record)

    assert await store.remove_key("ann/001")
    assert await names(store) == ["ann", "ann/002"]


async def test_a_session_needs_the_very_key_that_opened_it(store: Store) -> None:
    """One that was revoked meanwhile has none, nor has another of its name."""
    assert not await store.add_key(session(1))
    await store.add_key(replace(ANN, hash="c" * 64))

    assert not await store.add_key(session(1))
    assert await names(store) == ["ann"]


async def test_a_session_too_many_ends_the_oldest_of_its_key(store: Store) -> None:
    """And of no other key."""
    await store.add_key(ANN)
    await store.add_key(BOB)
    await store.add_key(session(900, BOB, at=1))
    for number in range(MOST_SESSIONS + 2):
        assert await store.add_key(session(number))

    expected = [session(number).name for number in range(2, MOST_SESSIONS + 2)]
    assert await names(store) == ["ann", *expected, "bob", "bob/900"]


async def test_expired_sessions_give_way_first(store: Store) -> None:
    """A living one stays, however old."""
    await store.add_key(ANN)
    await store.add_key(session(1, at=5))
    await store.add_key(session(2, at=10, lasts_ms=20))
    await store.add_key(session(3, at=30))

    assert await names(store) == ["ann", "ann/001", "ann/003"]


async def test_keys_outlive_the_process_and_leave_nothing_behind(durable: Reopened) -> None:
    """What was kept is there after a restart; what was removed has left no row and no key."""
    store = await durable.open()
    await store.close()
    empty = await durable.contents()
    store = await durable.open()
    for record in (ANN, BOB, session(1)):
        await store.add_key(record)
    await store.close()

    store = await durable.open()
    assert await store.keys() == (ANN, session(1), BOB)
    for name in ("ann", "bob"):
        assert await store.remove_key(name)
    await store.close()
    assert await durable.contents() == empty
