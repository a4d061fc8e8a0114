"""Pauses between attempts: growing, bounded, and not the same for everybody."""

from __future__ import annotations

import pytest

from tonearm.errors import StoreUnavailable
from tonearm.worker.backoff import FIRST_S, Backoff


@pytest.mark.parametrize(("error", "longest_s"), [(StoreUnavailable("away"), 2.0), (ValueError("a bug"), 5.0)])
def test_pauses_grow_up_to_a_bound(error: Exception, longest_s: float) -> None:
    """From a tenth of a second; shorter for a store that is away, whose return must be seen soon."""
    backoff = Backoff()
    pauses = [backoff.after(error) for _ in range(20)]

    assert FIRST_S / 2 <= pauses[0] <= FIRST_S
    assert all(longest_s / 2 <= pause <= longest_s for pause in pauses[7:])


def test_two_that_failed_together_come_back_apart() -> None:
    """Many workers do not fall upon a store at once when it is back."""
    one, two = Backoff(), Backoff()
    error = StoreUnavailable("away")

    assert [one.after(error) for _ in range(10)] != [two.after(error) for _ in range(10)]
