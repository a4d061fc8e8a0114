"""Courtesy: which hosts are left alone, for how long, and who asks first when that is over.

A host is *held* for as long as it asked for itself (Retry-After). It *rests* when connections to it fail in a row: for
a while, then exactly one request goes to see, all others are turned away until that one has succeeded or failed, and
each failure makes the next rest longer. What waits for a host that has rested for very long is told that it is given
up; the one request a rest goes on, so a host that comes back is found.

This is the memory and the rules alone: nothing here sends, waits or logs. Every request passes here
(`tonearm.fetch.line`), and a process knows only what its own requests saw. A host is a host and port. The lengths are
in `tonearm.policy`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tonearm.clock import Clock
from tonearm.errors import HostResting
from tonearm.fetch.hosts import HostPort
from tonearm.fetch.limits import in_seconds
from tonearm.model import RestingHost, RestKind
from tonearm.policy import REST_AFTER, REST_LADDER_MS, RetryRules, give_up_ms, rest_ms

KEPT = 1_000
"""Hosts that are remembered; of more, those that were heard of longest ago are forgotten."""


class Turn(Enum):
    """What changed for a host."""

    BEGINS = "begins"
    """From now on it is left alone."""
    GOES_ON = "goes on"
    """It is left alone for longer."""
    ENDS = "ends"
    """It can be reached again."""


@dataclass(slots=True)
class _Rest:
    """A rest and those before it in a row, elapsed milliseconds. *reason*: what the last connection failed of."""

    since: int
    until: int
    reason: str
    renewed: int = 0
    probing: bool = False


@dataclass(slots=True)
class _Host:
    """What is known of one host: connections that failed in a row, and why it is left alone until when."""

    failures: int = 0
    held_until: int = -1
    rest: _Rest | None = None


@dataclass(slots=True)
class Visit:
    """One request that was let through. Whoever sends it notes what became of the connection."""

    peer: HostPort
    rest: _Rest | None = None
    """The rest whose end this request is to find out about."""
    connected: bool = False
    reused: bool = False
    """The connection had served another request before."""


def _nobody(_peer: HostPort, _turn: Turn) -> None:
    """Tell nobody."""


class Courtesy:
    """How each host stands. *told* hears of every change but the end of a hold, which comes with time alone."""

    def __init__(self, rules: RetryRules, clock: Clock) -> None:
        self.rules = rules
        """How long a host is left alone; others may be set at any time, for what comes."""
        self._clock = clock
        self._hosts: dict[HostPort, _Host] = {}
        self.told: Callable[[HostPort, Turn], None] = _nobody

    # --- what a request says ----------------------------------------------------------------------------------------

    def enter(self, peer: HostPort) -> Visit:
        """Let a request to *peer* go; it has to end with `leave`.

        Raises:
            HostResting: it is turned away.
        """
        refusal = self.refusal(peer)
        if refusal is not None:
            raise refusal
        host = self._hosts.get(peer)
        rest = None if host is None else host.rest
        if rest is not None:
            now = self._clock.elapsed_ms()
            if now - rest.until > self.rules.scaled(REST_LADDER_MS[-1]):
                rest.since, rest.renewed = now, 0  # nobody wanted anything of it meanwhile, so nobody has waited
            rest.probing = True
        return Visit(peer, rest)

    def leave(self, visit: Visit, failure: str | None = None) -> HostResting | None:
        """End a request; *failure* says why no connection came about, if that was so.

        The answer is what to tell a request that was sent to see whether the host is back, and found that it is not:
        it asked for all, so its task is not charged.
        """
        if visit.rest is not None:
            visit.rest.probing = False
        if visit.connected:
            self._reached(visit.peer)
        elif failure is not None:
            return self._not_reached(visit, failure)
        return None

    def hold(self, peer: HostPort, ms: int) -> None:
        """Leave *peer* alone for *ms* milliseconds from now, as it asked, but at most for what the settings allow."""
        now = self._clock.elapsed_ms()
        until = now + min(ms, self.rules.retry_after_max_ms)
        if ms <= 0:
            return
        host = self._known(peer)
        if until <= host.held_until:
            return
        turn = Turn.GOES_ON if now <= host.held_until else Turn.BEGINS
        host.held_until = until
        self.told(peer, turn)

    def _reached(self, peer: HostPort) -> None:
        host = self._hosts.get(peer)
        if host is None:
            return
        rested, host.rest, host.failures = host.rest is not None, None, 0
        if self._clock.elapsed_ms() > host.held_until:
            del self._hosts[peer]
        if rested:
            self.told(peer, Turn.ENDS)

    def _not_reached(self, visit: Visit, failure: str) -> HostResting | None:
        host, now = self._known(visit.peer), self._clock.elapsed_ms()
        if host.rest is None:
            host.failures += 1
            if host.failures >= REST_AFTER:
                host.rest = _Rest(now, now + rest_ms(0, self.rules), failure)
                self.told(visit.peer, Turn.BEGINS)
        elif host.rest is visit.rest:
            rest = host.rest
            rest.renewed += 1
            rest.until, rest.reason = now + rest_ms(rest.renewed, self.rules), failure
            self.told(visit.peer, Turn.GOES_ON)
            return self.refusal(visit.peer)
        return None

    def _known(self, peer: HostPort) -> _Host:
        host = self._hosts[peer] = self._hosts.pop(peer, _Host())
        if len(self._hosts) > KEPT:
            del self._hosts[next(iter(self._hosts))]
        return host

    # --- how a host stands ------------------------------------------------------------------------------------------

    def refusal(self, peer: HostPort) -> HostResting | None:
        """What a request to *peer* would be told now; None: it would go."""
        host, now = self._hosts.get(peer), self._clock.elapsed_ms()
        if host is None:
            return None
        if now <= host.held_until:  # a millisecond longer than asked: clocks of whole milliseconds round down
            return self._held(peer, host.held_until + 1 - now)
        rest = host.rest
        if rest is None or (now >= rest.until and not rest.probing):
            return None
        if self._given_up(rest, now):
            span = in_seconds((now - rest.since) // 1_000 * 1_000)
            message = f"{peer} could not be reached for {span} and was given up: {rest.reason}"
            return HostResting(str(peer), message, wait_ms=max(1, rest.until - now), given_up=True)
        if rest.probing:
            message, wait_ms = f"{peer} is being tried again: {rest.reason}", rest_ms(rest.renewed, self.rules)
        else:
            wait_ms = rest.until - now
            message = f"{peer} is resting until {self._moment(wait_ms)}: {rest.reason}"
        patience = rest.since + give_up_ms(self.rules) - now
        return HostResting(str(peer), message, wait_ms=min(wait_ms, patience))

    def awaits_probe(self, peer: HostPort) -> bool:
        """Whether the rest of *peer* is over, and the next request will say for all whether it is back.

        Not when it is given up: then nobody has to wait for that.
        """
        host, now = self._hosts.get(peer), self._clock.elapsed_ms()
        rest = None if host is None else host.rest
        return (
            rest is not None and now >= rest.until and not rest.probing and not self._given_up(rest, now)
        ) and self.refusal(peer) is None

    def resting(self) -> tuple[RestingHost, ...]:
        """Every host that is left alone; `until_ms` in milliseconds from now."""
        now = self._clock.elapsed_ms()
        found: list[RestingHost] = []
        for peer, host in self._hosts.items():
            if now <= host.held_until:
                found.append(RestingHost(str(peer), host.held_until + 1 - now, RestKind.RETRY_AFTER))
            elif host.rest is not None and now < host.rest.until:
                found.append(RestingHost(str(peer), host.rest.until - now, RestKind.UNREACHABLE))
        return tuple(found)

    def _held(self, peer: HostPort, wait_ms: int) -> HostResting:
        message = f"{peer} asked for no request until {self._moment(wait_ms)}"
        return HostResting(str(peer), message, wait_ms=wait_ms, asked=True)

    def _given_up(self, rest: _Rest, now: int) -> bool:
        return now - rest.since >= give_up_ms(self.rules)

    def _moment(self, wait_ms: int) -> str:
        return time.strftime("%H:%M:%S UTC", time.gmtime((self._clock.wall_ms() + wait_ms) / 1_000))
