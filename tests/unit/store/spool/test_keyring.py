"""The keys of a spool: the main store's, and a copy for the time when it is away."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from tests.contract.test_keyring import ANN, BOB, session
from tests.unit.store.spool.conftest import Stores

from tonearm.errors import StoreUnavailable


async def test_the_keys_are_known_while_redis_is_away_and_after_a_restart(stores: Stores) -> None:
    """As they were when it was last asked; nobody can change them then."""
    for record in (ANN, BOB, session(1)):
        assert await stores.spool.add_key(record)
    assert await stores.spool.keys() == (ANN, session(1), BOB)
    await stores.go_away()

    assert await stores.spool.keys() == (ANN, session(1), BOB)
    with pytest.raises(StoreUnavailable):
        await stores.spool.remove_key("bob")
    spool = await stores.restart()
    assert await spool.keys() == (ANN, session(1), BOB)


async def test_what_was_revoked_elsewhere_leaves_the_copy(stores: Stores) -> None:
    """With its sessions, as soon as the main store is asked again."""
    for record in (ANN, BOB, session(1)):
        await stores.spool.add_key(record)
    await stores.spool.keys()
    await stores.main.remove_key("ann")
    await stores.spool.keys()
    await stores.go_away()

    assert await stores.spool.keys() == (BOB,)


async def test_keys_that_a_queue_without_any_takes_away_are_told(stores: Stores) -> None:
    """Once, by name: whoever moves to another Redis and did not make them there has an open server from then on."""
    await stores.spool.add_key(ANN)
    await stores.spool.keys()
    await stores.main.remove_key("ann")
    spool = await stores.restart()

    with capture_logs() as logs:
        assert await spool.keys() == await spool.keys() == ()
    assert [entry["names"] for entry in logs if entry["log_level"] == "warning" and "names" in entry] == [["ann"]]


async def test_that_there_are_no_keys_has_to_be_known(stores: Stores) -> None:
    """A main store that was never asked is not taken for one without keys."""
    await stores.go_away()
    with pytest.raises(StoreUnavailable):
        await stores.spool.keys()

    await stores.settle_down()
    assert await stores.spool.keys() == ()
    await stores.go_away()
    assert await stores.spool.keys() == ()
