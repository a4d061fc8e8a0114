"""Checks: what is looked at in a store and around it, before a start and by `tonearm doctor`, as sentences for people.

Each engine says what it looks at; nothing is changed by looking.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands. What is wrong keeps a server from its start, or is damage; a warning is for people to weigh."""

    WELL = "well"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, by its *name*, and what was found."""

    name: str
    verdict: Verdict
    text: str


def audited(differences: tuple[str, ...]) -> tuple[Check, ...]:
    """What an audit found, a check for each difference."""
    if not differences:
        return (Check("audit", Verdict.WELL, "Every index and count agrees with the records."),)
    return tuple(Check("audit", Verdict.WRONG, difference) for difference in differences)
