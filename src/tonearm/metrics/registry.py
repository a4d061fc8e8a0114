"""The registry, and how a metric gets into it: with every value of its label from the beginning.

The library's own registry is not used: it carries figures of its own, and any other library may add to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

E = TypeVar("E", bound=StrEnum)

REGISTRY = CollectorRegistry()
"""What this process counts and measures."""

# When a series began is of no use to Prometheus, and would be a third of all lines.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types


def counter(name: str, text: str) -> Counter:
    """A count without a label; *name* is without `_total`, *text* one sentence for people."""
    return Counter(name, text, registry=REGISTRY)


def counters(name: str, text: str, label: str, values: Iterable[E]) -> Mapping[E, Counter]:
    """A count for each of *values*, by the *label* of this name; anything else is a KeyError."""
    family = Counter(name, text, [label], registry=REGISTRY)
    return MappingProxyType({value: family.labels(value.value) for value in values})


def histogram(name: str, text: str, buckets: Sequence[float]) -> Histogram:
    """A distribution without a label; *buckets* are upper bounds, in the unit that ends its name."""
    return Histogram(name, text, buckets=buckets, registry=REGISTRY)


def histograms(
    name: str, text: str, label: str, values: Iterable[E], buckets: Sequence[float]
) -> Mapping[E, Histogram]:
    """A distribution for each of *values*, by the *label* of this name; anything else is a KeyError."""
    family = Histogram(name, text, [label], buckets=buckets, registry=REGISTRY)
    return MappingProxyType({value: family.labels(value.value) for value in values})
