"""Moments: figures that are read when somebody asks for the metrics, of this process and of the whole queue.

Each is a gauge and has its name, label and text here; who knows the value makes a family of it (`tonearm.api`). One
that does not apply, as those of a worker in a process without one, is left out, so that it says nothing false.

`QUEUE` are figures of the whole queue: every process that reaches the store says the same, so over several processes
they are read by `max`, never by `sum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class Moment:
    """A gauge whose value is read when it is asked for."""

    name: str
    text: str
    label: str | None = None

    def of(self, value: float) -> GaugeMetricFamily:
        """The gauge with this value; for one without a label."""
        return GaugeMetricFamily(self.name, self.text, value)

    def by(self, values: Mapping[str, float]) -> GaugeMetricFamily:
        """The gauge with a value for each value of its label; all of a closed list."""
        assert self.label is not None, self.name
        family = GaugeMetricFamily(self.name, self.text, labels=[self.label])
        for label, value in values.items():
            family.add_metric([label], value)
        return family


BUILD_INFO = Moment("tonearm_build_info", "1, with the version of the program.", "version")
STORE_REACHABLE = Moment("tonearm_store_reachable", "Whether the queue answers (1) or not (0).")
QUEUE_SOURCE = Moment("tonearm_queue_source", "Where new jobs go: 1 there.", "source")
SPOOL_ACTIVE = Moment("tonearm_spool_active", "Whether this server stands in for Redis (1).")
SPOOL_JOBS = Moment("tonearm_spool_jobs", "Jobs that lie in this server's own store meanwhile.")
EVENT_STREAMS = Moment("tonearm_event_streams", "Who listens to the events of this server.")
WORKER_READY = Moment("tonearm_worker_ready", "Whether the worker takes on tasks (1) or not (0).")
ACTIVE_DOWNLOADS = Moment("tonearm_active_downloads", "Transfers that run.")
MAX_CONCURRENT = Moment("tonearm_max_concurrent", "Transfers that may run at a time.")
DOWNLOAD_SPEED = Moment("tonearm_download_speed_bytes_per_second", "Speed of the transfers that run, together.")
DISK_FREE = Moment("tonearm_disk_free_bytes", "Bytes free on the volume of the library, at the last look.")
DISK_MIN = Moment("tonearm_disk_min_bytes", "Bytes that have to stay free there (QUEUE_DISK_SPACE_MIN_MB).")
LAST_CLAIM_TIME = Moment(
    "tonearm_last_claim_timestamp_seconds", "When the queue last answered a claim, also with nothing."
)

PROCESS = (
    BUILD_INFO,
    STORE_REACHABLE,
    QUEUE_SOURCE,
    SPOOL_ACTIVE,
    SPOOL_JOBS,
    EVENT_STREAMS,
    WORKER_READY,
    ACTIVE_DOWNLOADS,
    MAX_CONCURRENT,
    DOWNLOAD_SPEED,
    DISK_FREE,
    DISK_MIN,
    LAST_CLAIM_TIME,
)
"""What a process says of itself."""

JOBS = Moment("tonearm_jobs", "Jobs that have a record, by status.", "status")
FAILED_JOBS = Moment("tonearm_failed_jobs", "Failed jobs that have a record, by why.", "code")
JOBS_DOWNLOAD = Moment("tonearm_jobs_download_seconds", "Time on the line of the jobs that have a record.")
OLDEST_JOB = Moment("tonearm_oldest_job_age_seconds", "Age of the oldest unfinished job; 0: there is none.")
QUEUE_LEVEL = Moment("tonearm_queue_level", "How long the queue is: 0 ok, 1 warn, 2 critical.")
WORKERS_ALIVE = Moment("tonearm_workers_alive", "Worker processes that live.")
WORKERS_ACTIVE = Moment("tonearm_workers_active_downloads", "Transfers that run in all of them.")
WORKERS_MAX = Moment("tonearm_workers_max_concurrent", "Transfers that may run in all of them.")

QUEUE = (
    JOBS,
    FAILED_JOBS,
    JOBS_DOWNLOAD,
    OLDEST_JOB,
    QUEUE_LEVEL,
    WORKERS_ALIVE,
    WORKERS_ACTIVE,
    WORKERS_MAX,
)
"""What every process says alike of the whole queue."""
