"""Steps: what a claim goes through, timed for the metrics and told to whoever records traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tonearm import metrics, traces
from tonearm.model import Claim
from tonearm.traces import Step


@contextmanager
def step(what: Step, claim: Claim) -> Iterator[None]:
    """One of `tonearm.traces.JOURNEY`, as long as the block takes, also where that ends in an error."""
    with metrics.STEP_SECONDS[what].time(), traces.span(what, claim.job_id, traced(claim)):
        yield


def traced(claim: Claim) -> dict[str, str | int]:
    """What the spans of a claim say of it."""
    return {"task": claim.task_id, "epoch": claim.epoch, "attempt": claim.retry_count + 1}
