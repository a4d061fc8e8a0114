"""Following: what is seen of jobs that somebody waits for, and when that ends.

Keeps the state alone; who asks for the jobs, and how he sleeps meanwhile, is not known here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from tonearm.client.records import Job
from tonearm.errors import TonearmError

POLL_SECONDS = 0.5
"""Between two looks at a job that is followed; longer for many jobs, so that at most 20 are asked for in a second."""

OUTAGE_SECONDS = 30.0
"""How long a server may be away, for a restart, while its jobs are followed."""


class Followed:
    """Jobs that are looked at until all are finished or gone. *timeout*: seconds for the whole."""

    def __init__(self, job_ids: Iterable[str], timeout: float | None) -> None:
        self.left = list(dict.fromkeys(job_ids))
        """Those that are neither finished nor gone."""
        self._timeout = timeout
        self._end = math.inf if timeout is None else time.monotonic() + timeout
        self._seen: dict[str, Job] = {}
        self._away_since: float | None = None

    def round(self) -> list[str]:
        """The jobs to look at now.

        Raises:
            TimeoutError: the time is over and a job is not finished.
        """
        if self.left and time.monotonic() > self._end:
            raise TimeoutError(f"not finished after {self._timeout:g} s: {', '.join(self.left)}")
        return self.left.copy()

    def changed(self, job_id: str, job: Job | None) -> bool:
        """Take what was seen, None for a job that is gone; whether it is news."""
        self._away_since = None
        if job is None or job.finished:
            self.left.remove(job_id)
        news = job is None or job != self._seen.get(job_id)
        if job is not None:
            self._seen[job_id] = job
        return news

    def away(self, error: TonearmError) -> None:
        """Take that the server is away, which ends this round.

        Raises:
            TonearmError: *error*: it is away for too long.
        """
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since >= OUTAGE_SECONDS:
            raise error

    @property
    def pause(self) -> float:
        """Seconds until the next round."""
        return max(POLL_SECONDS, len(self.left) / 20)
