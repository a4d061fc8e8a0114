"""Working, promise by promise: what workers say to a store while they hold tasks.

The rules of `tonearm.store.base` hold here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Claim,
    Claimed,
    ClaimRequest,
    Flags,
    Mark,
    Outcome,
    Publication,
    Reserved,
    WorkerReport,
)


class Working(Protocol):
    """What workers say while they hold tasks."""

    async def claim(self, request: ClaimRequest) -> Claimed:
        """Hand out up to `request.tracks` transfer tasks and `request.albums` albums to resolve, as leases.

        Each pick is fair between clients: start-time fair queuing (Goyal, Vin, Cheng 1996) with one unit a task, so a
        client that just arrived waits for at most one task of each of the others. Inside a client: by priority, then
        single tracks before tracks of albums, then by age (the order of submission); tracks of an album in its order.
        A client has at most `OPEN_ALBUMS` albums active or waiting; a further one is not resolved. One that has
        `request.client_max` transfer tasks active is passed over, and so is one whose claims have received
        `request.client_bytes` in the last 24 hours, its albums included, until enough of that has left the window; it
        has saved nothing up then. For a client that is a key of the keyring, what the key has of its own holds instead,
        as it is now. Delayed tasks that are due count as ready, at most `PAGE` promoted per call. Where more than
        `PAGE` clients had to be judged, the next due time is 0.

        A suspect is handed out only to a worker that holds nothing, with nothing beside it, and only while no other
        suspect is active; a worker that holds one gets nothing more. When the next pick is a suspect and the worker
        still holds tasks, nothing more is handed out to it (it drains). While a suspect is active, the other suspects
        are passed over.

        While people hold the queue (`Control.paused`) the answer is empty and knows no next due time; a waiting worker
        learns of the end by `changed`.

        A lost reply is harmless: the leases run out, or `recover` frees them.

        Cost: O(log n) per pick.
        """
        ...

    async def renew(self, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> frozenset[str]:
        """Prolong the leases of these claims (by token) to *lease_ms* from now and record how far they have come.

        What they received since their marks before counts for their clients, also where the job was deleted.
        Returns the tokens that are not current any more. At most `PAGE` tokens.

        Raises:
            PartlyRenewed: this store is made of several, and one of them is away.
        """
        ...

    async def poll(self, worker: str, tokens: Sequence[str]) -> Flags:
        """Read what is wanted of these claims: cancel (also of what is deleted), pause, lost (task ids, an album's will
        included).

        Also stages that lost their task while nobody worked on it, at most `PAGE`: those of *worker*, and those of
        workers that are not alive, which may have come up again under another name. Any worker may remove these.
        And how people steer the queue now.
        """
        ...

    async def discarded(self, worker: str, stages: Sequence[tuple[str, int]]) -> None:
        """Confirm that these stages of `Flags.discard` are gone from disk, whoever had them. Again is harmless."""
        ...

    async def report(self, report: WorkerReport) -> None:
        """Say what this worker is doing, for people. May be lost; replaces the report before; costs no commit."""
        ...

    async def heartbeat(self, worker: str, host: str, max_concurrent: int) -> None:
        """Give a sign of life; the first one of a worker says when it started."""
        ...

    async def expand(
        self, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool
    ) -> None:
        """Enter tracks of an album that is being resolved: *tracks* are those from position *start* (from 1) on.

        At most `PAGE` tracks a call; each page may be said again. With *last* the list is fixed, tracks of an
        earlier, unfinished resolving beyond it are gone, and the album moves active → waiting (or paused, or
        cancelled, where that was requested); the claim has ended. Titles that the submission left out are filled in.
        An album without tracks fails with `not_found`, "Album has no tracks". Where `album.track_count` says that there
        are more than were entered, the album remembers how many are unlisted, and cannot end as whole.

        An album that is resolved again (`retry`) keeps each track whose place has the same catalog id; another id at a
        place begins anew. If its list cannot be had (this call without tracks, or a claim that fails), it goes on with
        the one that it had.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def describe(self, claim: Claim, *, title: str, artist: str, album: str) -> None:
        """Fill in the titles of a track job that its submission left out. Nothing else changes.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def reserve(self, claim: Claim, name: str, key: str) -> Reserved:
        """Reserve the library name *name* (relative, without extension) for this task, and say whose it is.

        *key* is the name folded for comparison (`library.naming`): two names with one key are the same file to some
        file systems. A task has one reservation; another one replaces it. A track job holds it until it is final, a
        track of an album until the album is (no two of its tracks get one name). What a task of a cancelled album or a
        deleted job had committed may still be published: until its claim has ended its name is leaving, and then it is
        free. A retried album has the names again that nobody took meanwhile.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def commit(self, claim: Claim, publication: Publication) -> None:
        """The commit point: record what is about to be published. From here on cancel and pause answer "too late".

        Again with the same publication is harmless.

        Raises:
            LeaseLost: the claim is not current, or a cancel or pause of the job (or its album) came first.
        """
        ...

    async def retract(self, claim: Claim) -> None:
        """Take back a publication that nobody can make any more (the stage was taken over and the file is not in the
        library): from here on cancel and pause work again. Again is harmless.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def settle(self, claim: Claim, outcome: Outcome, mark: Mark | None = None) -> None:
        """End the claim: completed, failed, delayed for a retry, released, cancelled or paused. *mark*: how far it
        came; what it received counts for its client, however it ended.

        Again with the same claim is harmless, as long as there was no other. The claim of a deleted task just ends.
        `Completed` needs a commit before it. `Retry` counts up `retry_count`, and `corrupt_count` where the failure is
        `integrity`; `Released` does not. While a cancel is wanted, everything but `Completed` becomes cancelled; while
        a pause is wanted, `Retry` and `Released` become paused. `Cancelled` and `Paused` that nobody wants any more
        become ready. A track of a paused album goes back to ready, where the album's pause holds it. The last track of
        an album to become final settles the album: failed when all failed ("All tracks failed"), else completed,
        outcome partial where any is missing or unlisted. How an attempt came to nothing stands in the history with its
        number and code, and as last error (of a track, in its album too); a `Released` without delay is no reason to
        tell people. Tracks that are released one after the other are one line of their album's history, and so
        are the waits of a job in which nothing else happened.

        Any mark beyond what the claims before had reached clears the count of stalls; a regular end clears it too.

        Raises:
            LeaseLost: the claim is not current; nothing changed.
        """
        ...

    async def recover(self, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
        """Free every lease of a worker that is known to be dead (the caller holds the lock of its stage folder).

        *marks* (by task id): what the dead process left on disk; bytes that it had not told of count as received. A
        claim that is beyond what the claims before it had reached made progress, and its stalls are cleared; another
        one is charged a stall if *charge* (a power cut is nobody's fault). Tasks go back to ready with "Recovered from
        crash" in the history, or fail as `crashed`. Claims with a commit keep it. Frees at most `PAGE` leases a call;
        returns how many, call again until 0.
        """
        ...

    async def living(self, tasks: Sequence[str]) -> dict[str, int]:
        """Of these task ids (at most `PAGE`) those that are unfinished, with their newest epoch. For the janitor."""
        ...
