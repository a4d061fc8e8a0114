"""Figures of two stores as those of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

from tonearm.errors import FailureCode
from tonearm.model import Counts, Metrics, Swept


def add_counts(one: Counts, other: Counts) -> Counts:
    """The sum."""
    return Counts(**{field.name: getattr(one, field.name) + getattr(other, field.name) for field in fields(Counts)})


def mix_metrics(one: Metrics, of_one: Counts, other: Metrics, of_other: Counts) -> Metrics:
    """Sums added up, averages weighed by the jobs that they are of."""
    decided = (of_one.completed + of_one.failed, of_other.completed + of_other.failed)
    failures: Counter[FailureCode] = Counter(one.failure_by_code) + Counter(other.failure_by_code)
    return Metrics(
        avg_success_rate=_average((one.avg_success_rate, other.avg_success_rate), decided),
        avg_retry_count=_average((one.avg_retry_count, other.avg_retry_count), (of_one.total, of_other.total)),
        total_download_ms=one.total_download_ms + other.total_download_ms,
        avg_job_duration_ms=_average((one.avg_job_duration_ms, other.avg_job_duration_ms), decided),
        failure_by_code=dict(failures),
    )


def _average(values: tuple[float, float], weights: tuple[int, int]) -> float:
    total = sum(weights)
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total if total else 0.0


def add_swept(one: Swept, other: Swept) -> Swept:
    """The sum; there is more if there is more in either."""
    return Swept(
        one.recovered + other.recovered,
        one.crashed + other.crashed,
        one.children + other.children,
        one.more or other.more,
    )
