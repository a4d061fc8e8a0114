"""Moving, promise by promise: how whole jobs leave one store and enter another.

`tonearm export` and `import` use the first half, with a file in between. The spool uses both: a job that was accepted
while the main store was away leaves the local one step by step, and a kill between any two of them harms nothing.
The rules of `tonearm.store.base` hold here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tonearm.model import Idempotency, JobDump, Submission, SubmitLimits, Submitted, TakenIn
from tonearm.store.batches import Answers


class Moving(Protocol):
    """How whole jobs go from one store into another: by `tonearm export` and `import`, and out of the spool."""

    async def dump(self, job_id: str, *, start: int = 1) -> JobDump:
        """Return a job whole, as it stands; of an album the tracks from position *start* on, at most `PAGE`.

        What an album decided and its tracks have yet to follow (a cancel, a retry) is shown as if they had followed.
        All jobs are dumped in the order of their submission by going through `jobs` in the order `created`.

        Raises:
            NotFound: no such job.
        """
        ...

    async def take_in(self, dump: JobDump) -> TakenIn:
        """Enter a job that another store dumped, under its id and with its whole story, at the end of the line.

        Limits and duplicates do not count. An id that is known, or was deleted or pruned in the last `GONE_MS`, changes
        nothing, so a job can be taken in again and again. Of an album the pages come in their order, and nothing is
        seen of it before the last one; the first page begins anew, and what never got its last one is forgotten after
        `GONE_MS`. None of its tracks can be claimed before all of them are here; a long one takes a few sweeps.

        A claim does not move: an active task enters as ready, or as cancelled or paused where that was requested, with
        all that it had reached, its epoch and who has its stage, so that its bytes can be adopted. A delayed one keeps
        the time that it still has to wait, and a finished one how long it has been so. A library name is reserved for
        it again if nobody else holds it here.

        Raises:
            Invalid: INVALID_FIELD, what is in the dump cannot be, or a page before this one is not here.

        Cost: O(log n) a track.
        """
        ...


class Leaving(Protocol):
    """What a store can do whose jobs are handed over to another one, so that a kill at any step is harmless.

    `begin_move`, then `dump` here and `take_in` there page by page, then `finish_move`; or `delete`, where the job was
    deleted there. Each step can be said again. From the first `take_in` on the job may be there, so it is there that it
    is acted on; nobody but this order keeps a caller from acting here.
    """

    async def submit_marked(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        """Accept a job like `Store.submit`, marked from its first moment: it may be elsewhere under its id already.

        Nobody can claim it, also if the process is killed at once. What the submission only repeats is not marked; its
        own id, said again, is marked as `begin_move` does.

        Raises:
            Refused: as `submit`.
        """
        ...

    async def submit_many_marked(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None
    ) -> Answers:
        """Accept a batch like `Store.submit_many`, each new job of it marked as by `submit_marked`.

        Raises:
            Refused: as `submit_many`.
        """
        ...

    async def answered_many(self, client: str, idempotency: Idempotency) -> Answers | None:
        """What this store answered a batch of the client under the key, as `answered`."""
        ...

    async def answered(self, client: str, idempotency: Idempotency) -> Submitted | None:
        """What this store answered the client under the key; None: nothing.

        Raises:
            Refused: IDEMPOTENCY_MISMATCH.
        """
        ...

    async def begin_move(self, job_id: str) -> bool:
        """Mark a job of which nobody holds a claim: from now on it cannot be claimed. Again is harmless.

        False when it, or one of its tracks, is active; then nothing changed.

        Raises:
            NotFound: no such job.
        """
        ...

    async def abandon_move(self, job_id: str) -> None:
        """Take the mark back; without one it is harmless.

        Raises:
            NotFound: no such job.
        """
        ...

    async def finish_move(self, job_id: str) -> None:
        """Remove the record of a marked job, which is elsewhere now: its stages stay, and the feed tells nothing.

        A job that is not here is harmless. The tracks of an album go in pages by `sweep`.

        Raises:
            WrongState: the job is here and not marked.
        """
        ...

    async def moving(self, after: str | None = None) -> tuple[str, ...]:
        """The ids of the marked jobs in their order, at most `PAGE`, those behind *after*."""
        ...
