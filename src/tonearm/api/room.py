"""Room: how many connections a server has at a time, and which of them goes when there are too many.

Every connection takes a descriptor, of which a process has a limited number, and downloads need them too. When all
that may be there are, the one that has been idle for longest makes room for a new one. Idle is whoever has no request
that is being answered, so that a crowd which only holds connections open keeps nobody out. Where none is idle, the new
one goes.
"""

from __future__ import annotations

import resource
from typing import Protocol

import structlog

MOST_CONNECTIONS = 10_000
"""The most connections of a server, however many descriptors there are."""

TOLD_EVERY_S = 60.0

log = structlog.get_logger("api.server")


class Connection(Protocol):
    """One connection, as far as the room is concerned."""

    def drop(self) -> None:
        """End at once."""
        ...


class Room:
    """The connections of one server, at most *most* of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        self._told_at: float | None = None

    def enter(self, connection: Connection, now_s: float) -> None:
        """A new connection, idle for now; one is dropped for it where there is no room. *now_s* is a monotonic time."""
        self._open.add(connection)
        self._idle[connection] = None
        if len(self._open) > self._most:
            self._tell(now_s)
            dropped = next(iter(self._idle))
            self.leave(dropped)
            dropped.drop()

    def busy(self, connection: Connection) -> None:
        """A request has begun to be answered."""
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """Nothing is being answered any more."""
        if connection in self._open:
            self._idle[connection] = None

    def leave(self, connection: Connection) -> None:
        """The connection has ended; again is harmless."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def _tell(self, now_s: float) -> None:
        if self._told_at is None or now_s - self._told_at >= TOLD_EVERY_S:
            self._told_at = now_s
            log.warning("There are too many connections; those that do nothing are dropped", most=self._most)


def room() -> Room:
    """Room for half of the descriptors that this process may have; the others are for files and for what it fetches."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Room(MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2))
