"""docs/security.md: what the table claims is tested where it says so."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
FOLDER = Path(__file__).parents[2] / "faults" / "attacks"
ROW = re.compile(r"^\| (\d+)(?:-(\d+))? \| .+ \| .+ \| (.+) \|$", re.MULTILINE)
ATTACKS = range(1, 36)
NAMED = re.compile(r"[Aa]ttacks? (\d+(?:(?:, | and | to |, and )\d+)*)")


def test_every_row_names_tests_that_exist() -> None:
    """Each attack leads to at least one file of tests, by its name and in the order of the numbers."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    named = [re.findall(r"\[(\w+)\]\(([^)]+)\)", tests) for *_, tests in rows]
    numbers = [number for first, last, _ in rows for number in range(int(first), int(last or first) + 1)]

    assert numbers == [*ATTACKS]
    assert len(rows) == PAGE.read_text("utf-8").count("\n| ") - 1
    assert all(named)
    for name, target in (test for tests in named for test in tests):
        file = (PAGE.parent / target).resolve()
        assert file.name == f"{name}.py"
        assert "\ndef test_" in file.read_text("utf-8") or "async def test_" in file.read_text("utf-8")


def test_every_attack_is_named_by_a_test_of_its_own() -> None:
    """Whoever looks for one by its number finds where it is tried, in the folder of the attacks."""
    named = set[int]()
    for file in FOLDER.glob("test_*.py"):
        for numbers in NAMED.findall(file.read_text("utf-8")):
            found = [int(number) for number in re.findall(r"\d+", numbers)]
            named |= {*range(found[0], found[-1] + 1)} if " to " in numbers else {*found}

    assert named == {*ATTACKS}


def test_every_file_of_attacks_is_in_the_table() -> None:
    """An attack that is tried and not told helps nobody who asks whether it was thought of."""
    files = FOLDER.glob("test_*.py")
    text = PAGE.read_text("utf-8")

    assert [file.name for file in files if f"/attacks/{file.name})" not in text] == []
