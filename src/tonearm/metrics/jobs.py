"""Metrics of jobs: what people submitted and what became of it, and what was refused.

The end of a job is counted by the process whose call of the store brought it about, in the step in which it did: an
album that many workers share ends once. If the reply to that call is lost, so is the count.
"""

from __future__ import annotations

from tonearm.errors import FailureCode, RefusalCode
from tonearm.metrics.registry import counter, counters, histograms
from tonearm.model import FINISHED, JobType

LONG_S = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Bounds for what people wait for: from half a second to a day."""

JOBS_SUBMITTED = counters("tonearm_jobs_submitted", "Jobs that were accepted.", "type", JobType)
JOBS_COMPLETED = counters("tonearm_jobs_completed", "Jobs that brought all that they should.", "type", JobType)
JOBS_PARTIAL = counter("tonearm_jobs_partial", "Albums that completed and miss tracks.")
JOBS_FAILED = counters("tonearm_jobs_failed", "Jobs that failed, by why.", "code", FailureCode)
JOBS_CANCELLED = counter("tonearm_jobs_cancelled", "Jobs that were cancelled, those deleted before their end included.")
JOBS_RETRIED = counter("tonearm_jobs_retried", "Finished jobs that somebody started again.")

JOB_SECONDS = histograms(
    "tonearm_job_duration_seconds", "From the first claim of a job to its end.", "type", JobType, LONG_S
)
JOB_WAIT_SECONDS = histograms(
    "tonearm_job_wait_seconds", "From the submission of a job to its first claim.", "type", JobType, LONG_S
)

REQUESTS_REFUSED = counters(
    "tonearm_requests_refused", "Requests, and jobs of a batch, that were refused, by why.", "code", RefusalCode
)
RECORDS_PRUNED = counters("tonearm_records_pruned", "Old records that were removed.", "status", FINISHED)
