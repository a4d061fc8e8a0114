"""docs/security.md: what the table claims is tested where it says so."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
ROW = re.compile(r"^\| (\d+)(?:-\d+)? \| .+ \| .+ \| (.+) \|$", re.MULTILINE)


def test_every_row_names_tests_that_exist() -> None:
    """Each attack leads to at least one file of tests, by its name and in the order of the numbers."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    named = [re.findall(r"\[(\w+)\]\(([^)]+)\)", tests) for _, tests in rows]

    assert [int(number) for number, _ in rows] == sorted({int(number) for number, _ in rows})
    assert len(rows) == PAGE.read_text("utf-8").count("\n| ") - 1
    assert all(named)
    for name, target in (test for tests in named for test in tests):
        file = (PAGE.parent / target).resolve()
        assert file.name == f"{name}.py"
        assert "\ndef test_" in file.read_text("utf-8") or "async def test_" in file.read_text("utf-8")


def test_every_file_of_attacks_is_in_the_table() -> None:
    """An attack that is tried and not told helps nobody who asks whether it was thought of."""
    files = (PAGE.parents[1] / "tests" / "faults" / "attacks").glob("test_*.py")
    text = PAGE.read_text("utf-8")

    assert [file.name for file in files if f"/attacks/{file.name})" not in text] == []
