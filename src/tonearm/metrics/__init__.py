"""Metrics: what a process counts and measures of itself, and what it can say of the queue when it is asked.

Everything is in one registry of our own (`REGISTRY`), which nobody else writes to. Names are `tonearm_<what>_<unit>`,
in base units (seconds, bytes), counters end in `_total`; docs/reference/metrics.md has them all, and a test holds that.
A label has values of a closed list alone, all of which stand there from the beginning, so that a zero is seen and no
input makes a series; where a metric has a label, it is a mapping from those values to what is counted:

    metrics.JOBS_SUBMITTED[JobType.TRACK].inc()
    with metrics.STEP_SECONDS[Step.VERIFY].time(): ...

What is counted here is this process's own: sums over processes are right. What is only looked at when somebody asks, of
the process or of the whole queue, is a *moment* (`moments`): its value is read then, and not kept. Nothing here does
input or output, and nothing decides. A call costs about a microsecond; it does not belong where single chunks pass.
"""

from tonearm.metrics import moments
from tonearm.metrics.jobs import (
    JOB_SECONDS,
    JOB_WAIT_SECONDS,
    JOBS_CANCELLED,
    JOBS_COMPLETED,
    JOBS_FAILED,
    JOBS_PARTIAL,
    JOBS_RETRIED,
    JOBS_SUBMITTED,
    RECORDS_PRUNED,
    REQUESTS_REFUSED,
)
from tonearm.metrics.process import LOOP_LAG_SECONDS, LOOP_RESTARTS, STORE_SECONDS, Access
from tonearm.metrics.registry import REGISTRY, counter, counters, histogram, histograms
from tonearm.metrics.tasks import (
    FIRST_BYTE_SECONDS,
    LEASE_RENEWALS,
    LEASE_RENEWALS_LATE,
    RECEIVED_BYTES,
    RETRIES,
    STEP_SECONDS,
    TASK_SECONDS,
    TASKS,
    TASKS_RECOVERED,
    Ending,
)
from tonearm.metrics.webhooks import WEBHOOKS, Sent

__all__ = [
    "FIRST_BYTE_SECONDS",
    "JOBS_CANCELLED",
    "JOBS_COMPLETED",
    "JOBS_FAILED",
    "JOBS_PARTIAL",
    "JOBS_RETRIED",
    "JOBS_SUBMITTED",
    "JOB_SECONDS",
    "JOB_WAIT_SECONDS",
    "LEASE_RENEWALS",
    "LEASE_RENEWALS_LATE",
    "LOOP_LAG_SECONDS",
    "LOOP_RESTARTS",
    "RECEIVED_BYTES",
    "RECORDS_PRUNED",
    "REGISTRY",
    "REQUESTS_REFUSED",
    "RETRIES",
    "STEP_SECONDS",
    "STORE_SECONDS",
    "TASKS",
    "TASKS_RECOVERED",
    "TASK_SECONDS",
    "WEBHOOKS",
    "Access",
    "Ending",
    "Sent",
    "counter",
    "counters",
    "histogram",
    "histograms",
    "moments",
]
