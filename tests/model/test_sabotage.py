"""The tests themselves are tested: an engine that breaks a rule does not get past them."""

from __future__ import annotations

import pytest

from tests.model import sabotage


@pytest.mark.parametrize("name", ["two-transactions", "epoch-only", "wall-clock"])
def test_a_broken_rule_is_noticed(name: str) -> None:
    """One unit, whole tokens, store time: the contract and the state machine both fail without them."""
    verdict = sabotage.run(name)

    assert verdict.caught, verdict


def test_a_sound_engine_passes_the_same_tests() -> None:
    """What the sabotage fails, the engine as it is passes."""
    assert sabotage.run() == sabotage.Verdict(0, (), ())
