"""docs/reference/metrics.md: it names every metric that there is, with its type and label, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.exposition import known_metrics

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
ROW = re.compile(r"^\| `(tonearm_\w+)` \| (\w+) \| ?((?:`\w+`)?) \|", re.MULTILINE)


def test_the_page_and_the_program_know_the_same_metrics() -> None:
    """A metric that is not documented fails here, and so does one that is documented and gone."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    told = {name: (kind, label.strip("`")) for name, kind, label in rows}

    assert len(told) == len(rows)
    assert told == {metric.name: (metric.kind, metric.label) for metric in known_metrics()}


def test_names_and_units_follow_the_conventions() -> None:
    """Counters end in `_total` and nothing else does; no unit is scaled or shortened."""
    for metric in known_metrics():
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric
        assert not re.search(r"_(ms|s|msec|millis\w*|kb|mb|minutes|hours|percent)(_|$)", metric.name), metric
