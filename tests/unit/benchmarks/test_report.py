"""What a benchmark says of its figures."""

from __future__ import annotations

import pytest
from benchmarks.report import Figure, Goal, Table, at_least, at_most, spread


@pytest.mark.parametrize(
    ("goal", "values", "verdict"),
    [
        (at_least(1.3), [1.0, 1.3, 9.0], "reached"),
        (at_least(1.3), [1.0, 1.2, 9.0], "not yet"),
        (at_most(1.2), [0.1, 1.2, 1.5], "reached"),
        (at_most(1.2), [0.1, 1.3, 1.5], "not yet"),
    ],
)
def test_the_median_decides_whether_a_goal_is_reached(goal: Goal, values: list[float], verdict: str) -> None:
    """Neither the best nor the worst round counts, and the limit itself is good enough."""
    assert Figure("speed", values, "{:.1f}x", goal).row()[-1] == verdict


def test_a_figure_without_a_goal_has_no_verdict() -> None:
    """It is shown with its range, for the reader to judge."""
    assert Figure("time", [3.0, 1.0, 2.0], "{:.0f} ms").row() == ["time", "-", "2 ms (1 ms to 3 ms)", ""]


def test_one_value_stands_without_a_range() -> None:
    """A range of one round would only repeat it; of none there is nothing to say."""
    assert (spread([2.0], "{:.1f}"), spread([], "{:.1f}")) == ("2.0", "-")


def test_a_table_reads_the_same_on_a_terminal_and_on_a_page() -> None:
    """Columns are as wide as their longest cell; Markdown has the same cells."""
    table = Table("Speed", ("", "MB/s"), [["curl", "1"], ["a longer name", "22"]], "Two rounds.")

    assert table.text() == "Speed\n               MB/s\ncurl           1\na longer name  22\nTwo rounds."
    assert table.markdown() == (
        "## Speed\n\n|  | MB/s |\n| --- | --- |\n| curl | 1 |\n| a longer name | 22 |\n\nTwo rounds."
    )
