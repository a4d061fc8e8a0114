"""What was made of a row is kept for as long as the row is the same, and no longer."""

from __future__ import annotations

from tonearm.store.recent import MOST, Recent


def made(row: list[str]) -> list[str]:
    """A new object each time."""
    return list(row)


def test_the_same_row_is_made_once() -> None:
    """An equal row under its key gives the very object that was made before."""
    recent = Recent[list[str], list[str]]()
    first = recent.of(1, ["a"], made)
    assert first == ["a"]
    assert recent.of(1, ["a"], made) is first


def test_a_row_that_changed_is_made_anew() -> None:
    """Under the same key, and for good: what it was before is forgotten."""
    recent = Recent[list[str], list[str]]()
    first = recent.of(1, ["a"], made)
    assert recent.of(1, ["b"], made) == ["b"]
    again = recent.of(1, ["a"], made)
    assert again == first
    assert again is not first


def test_equal_rows_of_two_keys_are_two() -> None:
    """The key tells whose row it is."""
    recent = Recent[list[str], list[str]]()
    assert recent.of(1, ["a"], made) is not recent.of(2, ["a"], made)


def test_it_does_not_grow_beyond_its_bound() -> None:
    """The rows that were made longest ago are forgotten first."""
    recent = Recent[list[str], list[str]]()
    objects = [recent.of(key, ["a"], made) for key in range(MOST + 1)]
    assert recent.of(MOST, ["a"], made) is objects[MOST]
    assert recent.of(1, ["a"], made) is objects[1]
    assert recent.of(0, ["a"], made) is not objects[0]
