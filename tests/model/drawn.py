"""What hypothesis draws for the state machine: few values of each kind, so that they meet often."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tonearm.errors import FailureCode
from tonearm.model import (
    UNCHANGED,
    Cancelled,
    Completed,
    ControlChange,
    Failed,
    Failure,
    JobSpec,
    JobType,
    Mark,
    Outcome,
    Paused,
    Phase,
    Priority,
    Quality,
    Released,
    Retry,
    Submission,
    SubmitLimits,
)

LEASE_MS = 60_000
WORKERS = ("w1", "w2")
CLIENTS = ("ann", "bob", "cem")


@dataclass(frozen=True)
class Wish:
    """What a client asks for; few catalog ids, so that twins are frequent."""

    client: str
    album: bool
    catalog_id: int
    priority: Priority
    check_duplicate: bool
    start_paused: bool

    def submission(self, job_id: str) -> Submission:
        """The wish as it is said to the store."""
        spec = JobSpec(JobType.ALBUM if self.album else JobType.TRACK, self.catalog_id, Quality.LOSSLESS)
        return Submission(job_id, self.client, spec, self.priority, 3, self.check_duplicate, self.start_paused)


wishes = st.builds(
    Wish,
    client=st.sampled_from(CLIENTS),
    album=st.booleans(),
    catalog_id=st.integers(1, 9),
    priority=st.sampled_from(Priority),
    check_duplicate=st.booleans(),
    start_paused=st.sampled_from([False] * 5 + [True]),
)
sizes = st.sampled_from([0, 1_000, 2_000, 3_000])
marks = st.builds(Mark, st.sampled_from(Phase), sizes, st.just(8_000), sizes)
allowances = st.sampled_from([0, 0, 2_000, 4_000])
failures = st.builds(Failure, st.sampled_from([FailureCode.TIMEOUT, FailureCode.INTEGRITY]), st.just("It did not work"))
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Completed, st.just(("A/B/01 C.flac",)), st.just(8_000)),
    st.builds(Failed, failures),
    st.builds(Retry, failures, st.sampled_from([0, 1_000, 5_000])),
    st.builds(Released, st.just("stop"), st.sampled_from([0, 5_000])),
    st.just(Cancelled()),
    st.just(Paused()),
)
limits = st.one_of(
    st.just(SubmitLimits()),
    st.builds(SubmitLimits, st.sampled_from([0, 2]), st.sampled_from([0, 3]), st.sampled_from([0, 8]), allowances),
)
changes = st.builds(
    ControlChange,
    st.sampled_from([UNCHANGED, UNCHANGED, False, True]),
    st.sampled_from([UNCHANGED, None, 0, 1_000]),
    st.sampled_from([UNCHANGED, None, 1, 9]),
)
pick = st.integers(0, 1_000)
unlisted = st.sampled_from([0, 0, 2])
again = st.booleans()
seldom = st.sampled_from([False] * 4 + [True])
