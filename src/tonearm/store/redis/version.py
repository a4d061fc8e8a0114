"""The version: what programs of different releases have to know of each other to share one queue.

It is that of everything that lies in Redis, the keys, the fields of records, the words of events, and of the scripts
that write it: each script begins with the version of its program. A release that changes any of it in a way that an
older program would get wrong counts `own` up. It says in `beside` which programs may go on beside it: those of the
version before, so that machines can be upgraded one after the other, unless even that cannot be.

In `meta` stand the newest version that has worked on the queue, and beside which one that works. Every script compares
them with its own when it reads the time (lua/parts/queue.lua), so no program goes on where it would do damage:

    a newer program comes      the version in `meta` goes up, if it may work beside the one that stands there
    an older one comes         it is let in if the newest says that it works beside it; `meta` stays
    one that may not come      refuses to start, and says why
    one that may not go on     hears it at its next call, and nothing is changed: to it the queue is away

How a release takes old records along is written in docs/adr/0013-a-queue-has-a-version-and-so-has-each-script.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    """Of which version something is (*own*), and the oldest version beside which that works (*beside*)."""

    own: int
    beside: int

    def fits(self, there: Version) -> bool:
        """Whether a program of this version may work where a queue of the other one is."""
        return there.own >= self.beside and there.beside <= self.own

    def refusal(self, there: Version) -> str:
        """Say why it may not, and what to do."""
        if there.beside > self.own:
            return (
                f"The queue in Redis is used by a newer Tonearm: it is of version {there.own}, which works beside "
                f"{there.beside} at the oldest, and this program is of version {self.own}. Upgrade this program too."
            )
        return (
            f"The queue in Redis is of version {there.own}, and this program, of version {self.own}, works beside "
            f"{self.beside} at the oldest. Upgrade by way of the releases in between, or take the jobs along: "
            "`tonearm export` with the older program, and with this one `tonearm import` into an empty Redis."
        )


OURS = Version(own=1, beside=1)
"""The version of this program."""
