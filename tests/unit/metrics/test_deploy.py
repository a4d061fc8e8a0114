"""deploy/prometheus: rules that promtool accepts and that do what their tests say, and a dashboard of what there is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.exposition import known_metrics
from tests.support.pages import ROOT
from tests.support.programs import find

FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "tonearm.rules.yml"
NAME = re.compile(r"\btonearm_\w+")
ALERT = re.compile(r"- alert: (\w+)")


def unknown(text: str) -> set[str]:
    """The metrics that a text speaks of and that no process has."""
    histograms = {metric.name for metric in known_metrics() if metric.kind == "histogram"}
    others = {metric.name for metric in known_metrics()} - histograms
    series = {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    return set(NAME.findall(text)) - others - series


def expressions(node: Any) -> Iterator[str]:
    """Every query of a dashboard, those of its variables too."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("expr", "definition") and isinstance(value, str):
                yield value
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


@pytest.mark.parametrize(
    "words", [("check", "config", "prometheus.yml"), ("test", "rules", "tonearm.rules.test.yml")], ids=" ".join
)
def test_promtool_is_content(words: tuple[str, ...]) -> None:
    """With the sample and the rules that it names, and with what these say of each trouble."""
    promtool = subprocess.run([find("promtool"), *words], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert promtool.returncode == 0, promtool.stdout + promtool.stderr


def test_rules_speak_of_metrics_that_there_are() -> None:
    """A name that is written wrong would never fire."""
    assert unknown(RULES.read_text("utf-8")) == set()


def test_every_alert_is_tested_and_explained() -> None:
    """Each has a case in which it fires, and a heading in the page about monitoring."""
    alerts = ALERT.findall(RULES.read_text("utf-8"))
    tested = re.findall(r"alertname: (\w+)\n +exp_alerts:", (FOLDER / "tonearm.rules.test.yml").read_text("utf-8"))
    explained = re.findall(r"^### (\w+)$", (ROOT / "docs/how-to/monitoring.md").read_text("utf-8"), re.MULTILINE)

    assert alerts == explained
    assert set(alerts) == set(tested)


def test_the_dashboard_speaks_of_metrics_that_there_are() -> None:
    """Each panel has a query, each query names metrics of ours, and the queue is the one that was chosen."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    queries = list(expressions(dashboard))

    assert all(panel["targets"] for panel in panels)
    assert all(NAME.search(query) for query in queries)
    assert unknown("\n".join(queries)) == set()
    assert all('job="$job"' in target["expr"] for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
