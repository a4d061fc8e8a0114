"""Exposition: what metrics there are, from the definitions alone; and what a text of them says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families as parse

from tonearm.metrics import REGISTRY, moments

Samples = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Known:
    """One metric as Prometheus calls it; of a histogram the name without its endings. *label*: empty, it has none."""

    name: str
    kind: str
    label: str


def known_metrics() -> Iterator[Known]:
    """Every metric that a process can expose, but those of the Python process itself."""
    for moment in (*moments.PROCESS, *moments.QUEUE):
        yield Known(moment.name, "gauge", moment.label or "")
    for collector in REGISTRY._collector_to_names:
        assert isinstance(collector, MetricWrapperBase)
        (family,) = collector.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield Known(name, family.type, "".join(collector._labelnames))


def counted(name: str, **labels: str) -> float:
    """What this process has counted so far; `name` is that of a series, such as `tonearm_tasks_total`."""
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None, name
    return value


class Rise:
    """How much this process counts from now on."""

    def __init__(self, beginning: str) -> None:
        """Look at the series whose names begin like that, without the buckets of histograms."""
        self._beginning = beginning
        self._before = self._now()

    def so_far(self) -> Samples:
        """Every series that rose, by its name and the values of its labels, and by how much, to a microsecond.

        The sums go on from those of the tests before, and what a binary fraction loses there is no finding.
        """
        now = self._now()
        return {
            name: round(value - self._before[name], 6) for name, value in now.items() if value != self._before[name]
        }

    def _now(self) -> Samples:
        return {
            (one.name, *one.labels.values()): one.value
            for family in REGISTRY.collect()
            for one in family.samples
            if one.name.startswith(self._beginning) and not one.name.endswith("_bucket")
        }


def samples(text: str) -> Samples:
    """Every value by its name and the values of its labels."""
    return {(one.name, *one.labels.values()): one.value for family in parse(text) for one in family.samples}
