"""Which hosts are left alone: the rules with a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from tests.support.clock import MINUTE, SECOND, FakeClock

from tonearm.errors import FailureCode, HostResting
from tonearm.fetch import Courtesy, HostPort, Turn
from tonearm.fetch.courtesy import KEPT
from tonearm.model import RestingHost, RestKind
from tonearm.policy import GIVE_UP_MS, REST_AFTER, REST_LADDER_MS, RetryRules

HOST = HostPort("media.example", 443)
OTHER = HostPort("media.example", 8443)
REFUSED = "No connection to media.example:443: Connection refused"


@dataclass
class Bench:
    """A courtesy, its clock, and what it told."""

    rules: RetryRules = field(default_factory=RetryRules)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.courtesy = Courtesy(self.rules, self.clock)
        self.turns: list[Turn] = []
        self.courtesy.told = lambda _, turn: self.turns.append(turn)

    def fail(self, times: int = 1, peer: HostPort = HOST) -> HostResting | None:
        """Let requests go that get no connection; what the last one is told."""
        told = None
        for _ in range(times):
            told = self.courtesy.leave(self.courtesy.enter(peer), REFUSED)
        return told

    def connect(self, peer: HostPort = HOST) -> None:
        """Let a request go that gets a connection."""
        visit = self.courtesy.enter(peer)
        visit.connected = True
        assert self.courtesy.leave(visit) is None

    def wait_ms(self, peer: HostPort = HOST) -> int | None:
        """How long a request would be turned away for."""
        refusal = self.courtesy.refusal(peer)
        return None if refusal is None else refusal.wait_ms

    def rest_out(self) -> None:
        """Let the time pass until the rest of the host is over."""
        self.clock.advance(self.wait_ms() or 0)
        assert self.courtesy.refusal(HOST) is None


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_five_failures_in_a_row_make_a_host_rest(bench: Bench) -> None:
    """The fifth pays for itself alone; the sixth request does not go."""
    assert bench.fail(REST_AFTER - 1) is None
    assert bench.courtesy.refusal(HOST) is None
    assert bench.fail() is None

    with pytest.raises(HostResting, match=r"^media.example:443 is resting until 12:13:25 UTC: No connection") as turned:
        bench.courtesy.enter(HOST)
    assert (turned.value.code, turned.value.retryable, turned.value.wait_ms) == (FailureCode.NETWORK, True, 5_000)
    assert bench.courtesy.resting() == (RestingHost("media.example:443", 5_000, RestKind.UNREACHABLE),)
    assert bench.turns == [Turn.BEGINS]


def test_a_connection_between_ends_the_row(bench: Bench) -> None:
    """What came after it, an error of the server or a bad body, does not matter here."""
    bench.fail(REST_AFTER - 1)
    bench.connect()
    bench.fail(REST_AFTER - 1)

    assert bench.courtesy.refusal(HOST) is None


def test_a_request_that_tells_nothing_changes_nothing(bench: Bench) -> None:
    """Cancelled, or not even tried: neither a failure nor the end of the row."""
    bench.fail(REST_AFTER - 1)
    bench.courtesy.leave(bench.courtesy.enter(HOST))
    bench.fail()

    assert bench.wait_ms() == REST_LADDER_MS[0]


def test_hosts_are_told_apart_by_port(bench: Bench) -> None:
    """What rests is one service, not the machine."""
    bench.fail(REST_AFTER)

    assert bench.courtesy.refusal(OTHER) is None


def test_when_a_rest_is_over_exactly_one_request_goes(bench: Bench) -> None:
    """The others are turned away until it has failed or succeeded."""
    bench.fail(REST_AFTER)
    assert not bench.courtesy.awaits_probe(HOST)
    bench.clock.advance(REST_LADDER_MS[0] - 1)
    assert bench.wait_ms() == 1
    bench.clock.advance(1)
    assert bench.courtesy.awaits_probe(HOST)

    probe = bench.courtesy.enter(HOST)
    assert not bench.courtesy.awaits_probe(HOST)
    with pytest.raises(HostResting, match="is being tried again"):
        bench.courtesy.enter(HOST)

    probe.connected = True
    bench.courtesy.leave(probe)
    bench.courtesy.enter(HOST)
    bench.courtesy.enter(HOST)
    assert bench.courtesy.resting() == ()
    assert bench.turns == [Turn.BEGINS, Turn.ENDS]


def test_a_probe_that_fails_makes_the_next_rest_longer_and_is_not_charged(bench: Bench) -> None:
    """5, 10, 20, 40, 60, 60 … seconds; the one that asked for all is told the same as they."""
    bench.fail(REST_AFTER)
    for rest in (*REST_LADDER_MS[1:], REST_LADDER_MS[-1]):
        bench.rest_out()
        told = bench.fail()
        assert told is not None
        assert (told.retryable, told.wait_ms, bench.wait_ms()) == (True, rest, rest)


def test_a_probe_that_tells_nothing_leaves_its_place_to_the_next(bench: Bench) -> None:
    """A cancel does not leave the host without anybody who asks."""
    bench.fail(REST_AFTER)
    bench.rest_out()
    bench.courtesy.leave(bench.courtesy.enter(HOST))

    assert bench.courtesy.awaits_probe(HOST)


def test_requests_that_were_under_way_when_the_rest_began_do_not_prolong_it(bench: Bench) -> None:
    """They were sent before anybody knew; one that succeeds still ends it."""
    late = [bench.courtesy.enter(HOST) for _ in range(3)]
    bench.fail(REST_AFTER)
    assert bench.courtesy.leave(late[0], REFUSED) is None
    assert bench.wait_ms() == REST_LADDER_MS[0]

    late[1].connected = True
    bench.courtesy.leave(late[1])
    assert bench.courtesy.refusal(HOST) is None

    bench.courtesy.leave(late[2], REFUSED)
    assert bench.fail(REST_AFTER - 2) is None
    assert bench.courtesy.refusal(HOST) is None


def test_after_ten_minutes_what_waits_is_told_for_good(bench: Bench) -> None:
    """No later than that, though the rest is longer; one request a rest goes on, and finds the host again."""
    bench.fail(REST_AFTER)
    rested = 0
    while True:
        wait = bench.wait_ms()
        assert wait is not None
        bench.clock.advance(wait)
        rested += wait
        if bench.courtesy.refusal(HOST) is not None:
            break
        assert bench.courtesy.awaits_probe(HOST)
        bench.fail()

    assert rested == GIVE_UP_MS
    refusal = bench.courtesy.refusal(HOST)
    assert refusal is not None
    assert (refusal.code, refusal.retryable, refusal.given_up) == (FailureCode.NETWORK, False, True)
    assert refusal.message == f"media.example:443 could not be reached for 600s and was given up: {REFUSED}"

    bench.clock.advance(refusal.wait_ms)
    assert bench.courtesy.refusal(HOST) is None
    assert not bench.courtesy.awaits_probe(HOST)  # nobody has to wait for it
    probe = bench.courtesy.enter(HOST)
    told = bench.courtesy.refusal(HOST)
    assert told is not None
    assert told.given_up
    told = bench.courtesy.leave(probe, REFUSED)
    assert told is not None
    assert told.given_up

    bench.clock.advance(MINUTE)
    bench.connect()
    assert bench.courtesy.refusal(HOST) is None


def test_time_in_which_nobody_asked_gives_no_host_up(bench: Bench) -> None:
    """A job that comes the next morning has the whole ten minutes."""
    bench.fail(REST_AFTER)
    bench.clock.advance(GIVE_UP_MS)
    told = bench.fail()

    assert told is not None
    assert (told.given_up, told.wait_ms) == (False, REST_LADDER_MS[1])


def test_the_back_off_setting_scales_the_rests() -> None:
    """QUEUE_RETRY_BACKOFF_MS of 100: half a second first, given up after a minute."""
    bench = Bench(RetryRules(backoff_ms=100))
    bench.fail(REST_AFTER)
    assert bench.wait_ms() == REST_LADDER_MS[0] // 10
    waited = 0
    while bench.courtesy.refusal(HOST) is not None:
        bench.clock.advance(100)
        waited += 100
        if bench.courtesy.refusal(HOST) is None:
            bench.fail()
        refusal = bench.courtesy.refusal(HOST)
        if refusal is not None and refusal.given_up:
            break
    assert waited == GIVE_UP_MS // 10


def test_a_hold_turns_everybody_away_for_as_long_as_the_host_asked(bench: Bench) -> None:
    """Not a moment less by a clock of whole milliseconds, and with the code of a limit."""
    bench.courtesy.hold(HOST, 3_000)
    bench.clock.advance(3_000)
    with pytest.raises(HostResting, match=r"^media.example:443 asked for no request until 12:13:23 UTC$") as turned:
        bench.courtesy.enter(HOST)
    assert (turned.value.code, turned.value.retryable, turned.value.asked) == (FailureCode.RATE_LIMIT, True, True)
    assert bench.courtesy.resting() == (RestingHost("media.example:443", 1, RestKind.RETRY_AFTER),)

    bench.clock.advance(1)
    bench.courtesy.enter(HOST)
    bench.courtesy.enter(HOST)
    assert bench.courtesy.resting() == ()


def test_of_two_wishes_the_later_end_counts(bench: Bench) -> None:
    """Answers to requests that were under way neither shorten a hold nor are told twice."""
    bench.courtesy.hold(HOST, 3_000)
    bench.courtesy.hold(HOST, 1_000)
    assert bench.wait_ms() == 3_001
    bench.courtesy.hold(HOST, 5_000)
    assert bench.wait_ms() == 5_001
    assert bench.turns == [Turn.BEGINS, Turn.GOES_ON]


@pytest.mark.parametrize(("wish_ms", "wait_ms"), [(0, None), (10**12, 60_001)])
def test_a_wish_has_a_cap_and_may_be_none(wish_ms: int, wait_ms: int | None) -> None:
    """QUEUE_RETRY_AFTER_MAX_MS holds for every request, too."""
    bench = Bench(RetryRules(retry_after_max_ms=60_000))
    bench.courtesy.hold(HOST, wish_ms)

    assert bench.wait_ms() == wait_ms


def test_a_success_does_not_end_a_hold(bench: Bench) -> None:
    """The answer to a request that was under way is not what the host asked for."""
    visit = bench.courtesy.enter(HOST)
    bench.courtesy.hold(HOST, 3_000)
    visit.connected = True
    bench.courtesy.leave(visit)

    assert bench.wait_ms() == 3_001


def test_a_wall_clock_that_is_set_neither_shortens_nor_prolongs(bench: Bench) -> None:
    """Lengths are elapsed time; only the text shows the other."""
    bench.fail(REST_AFTER)
    bench.clock.step_wall(-60 * MINUTE)
    bench.clock.advance(4 * SECOND)

    assert bench.wait_ms() == 1_000


def test_what_is_remembered_is_bounded(bench: Bench) -> None:
    """Hosts that were heard of longest ago are forgotten."""
    bench.fail(REST_AFTER)
    for port in range(1, KEPT + 1):
        bench.fail(peer=HostPort("elsewhere.example", port))

    assert bench.courtesy.refusal(HOST) is None
