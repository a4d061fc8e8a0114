"""Reports: what a benchmark found, as text for a terminal and as Markdown for the results kept.

A figure is one measured number with all its rounds and, where there is one, its goal. One that misses its goal says
"not yet", and how far it is off can be read beside it; nothing here fails a run.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit: the median is to be at least, or at most, *value*."""

    at_least: bool
    value: float

    def reached(self, median: float) -> bool:
        """Whether *median* is on the right side."""
        return median >= self.value if self.at_least else median <= self.value


def at_least(value: float) -> Goal:
    """The goal of a figure that is better the larger it is."""
    return Goal(at_least=True, value=value)


def at_most(value: float) -> Goal:
    """The goal of a figure that is better the smaller it is."""
    return Goal(at_least=False, value=value)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: its *values*, one a round, printed in the form *form*, such as `{:.2f}x`."""

    name: str
    values: Sequence[float]
    form: str
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.values)

    def row(self) -> list[str]:
        """Name, goal, what was measured, and the verdict."""
        if self.goal is None:
            return [self.name, "-", spread(self.values, self.form), ""]
        bound = "at least" if self.goal.at_least else "at most"
        verdict = "reached" if self.goal.reached(self.median) else "not yet"
        return [self.name, f"{bound} {self.form.format(self.goal.value)}", spread(self.values, self.form), verdict]


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the range in brackets; one value stands alone."""
    if not values:
        return "-"
    middle, least, most = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head; *note* says what the reader has to know."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def text(self) -> str:
        """In columns, for a terminal."""
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]
        body = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)) for line in lines)
        return "\n".join([self.title, *(line.rstrip() for line in body), *([self.note] if self.note else [])])

    def markdown(self) -> str:
        """As a section with a table."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([f"## {self.title}", body, *([self.note] if self.note else [])])


@dataclass(frozen=True, slots=True)
class Report:
    """What one benchmark found: figures with goals, tables with the rest, and *raw*, everything, for JSON."""

    figures: Sequence[Figure]
    tables: Sequence[Table]
    raw: dict[str, Any] = field(default_factory=dict[str, Any])

    def text(self) -> str:
        """All of it for a terminal."""
        return "\n\n".join(table.text() for table in [*self.tables, summary("Goals", self.figures)])


def summary(title: str, figures: Sequence[Figure]) -> Table:
    """The figures beside their goals."""
    return Table(title, ("", "goal", "measured: median (range)", ""), [figure.row() for figure in figures])
