"""Sending: to a real receiver, which fails in each way there is, through the guarded client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

import pytest
from tests.support.clock import DAY, FakeClock
from tests.support.receiver import SECRET, Mood, Receiver

from tonearm.clock import SystemClock
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.metrics import REGISTRY
from tonearm.model import DeliveryRecord, DeliveryState
from tonearm.notices import Address, Signer, Webhook, addresses_of, trial
from tonearm.notices.sending import AT_A_TIME, Sender, Terms
from tonearm.policy import TELL_LADDER_MS, RetryRules, tell_again_ms
from tonearm.store.sqlite import SqliteStore

PATIENT_MS, SHORT_MS = 20_000, 200
RULES = RetryRules()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as listening:
        yield listening


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """The client of the notifier, which may reach the receiver."""
    limits = FetchLimits(connect_ms=PATIENT_MS, silence_ms=PATIENT_MS)
    async with Fetcher(limits, allow=[HostPort("127.0.0.1")]) as opened:
        yield opened


def sender(store: SqliteStore, fetcher: Fetcher, address: Address, timeout_ms: int = PATIENT_MS) -> Sender:
    """The one of an address; what it signs has the time of today, since the receiver looks at that."""
    channel = Webhook(fetcher, address, signer=Signer(SECRET), clock=SystemClock())
    return Sender(store, channel, terms=lambda: Terms(timeout_ms, RULES))


async def tell(store: SqliteStore, *addresses: Address, times: int = 1) -> None:
    """Have something told."""
    for _ in range(times):
        await store.tell(trial(0).deliveries(addresses))


def given_up() -> float:
    """How many webhooks this process has given up."""
    return REGISTRY.get_sample_value("tonearm_webhooks_total", {"outcome": "given_up"}) or 0.0


async def states(store: SqliteStore) -> list[DeliveryRecord]:
    return list((await store.deliveries(100)).deliveries)


async def test_what_is_due_is_sent_signed_and_received_once(
    store: SqliteStore, fetcher: Fetcher, receiver: Receiver
) -> None:
    """A few at a time; what the receiver verified is what was told."""
    (address,) = addresses_of([receiver.url.replace("//", "//ann:secret@")])
    ours = sender(store, fetcher, address)
    await tell(store, address, times=AT_A_TIME + 1)
    for _ in range(3):
        await ours.round()

    assert len(receiver.tries) == len({body["id"] for body in receiver.received}) == AT_A_TIME + 1
    assert {(each.state, each.attempts) for each in await states(store)} == {(DeliveryState.DELIVERED, 1)}
    assert {headers["authorization"] for headers in receiver.headers} == {"Basic YW5uOnNlY3JldA=="}
    assert {headers["user-agent"] for headers in receiver.headers} == {"tonearm"}


@pytest.mark.parametrize(
    "failure",
    [
        (Mood.FAILS, "answered 500 Internal Server Error"),
        (Mood.REDIRECTS, "answered 307 Temporary Redirect"),
        (Mood.HANGS, "No answer within 0.2 s"),
        (Mood.FORGETS, "closed the connection before the end"),
    ],
    ids=lambda failure: failure[0].name.lower(),
)
async def test_what_fails_is_sent_again_with_the_same_id(
    store: SqliteStore, fetcher: Fetcher, receiver: Receiver, clock: FakeClock, failure: tuple[Mood, str]
) -> None:
    """After the first step of the ladder, and not before; what went wrong can be read meanwhile."""
    (address,) = addresses_of([receiver.url])
    mood, answer = failure
    ours = sender(store, fetcher, address, SHORT_MS if mood is Mood.HANGS else PATIENT_MS)
    receiver.moods.append(mood)
    await tell(store, address)
    await ours.round()
    (waits,) = await states(store)
    assert (waits.state, waits.attempts) == (DeliveryState.WAITING, 1)
    assert answer in (waits.answer or "")
    clock.advance(TELL_LADDER_MS[0] - 1)
    await ours.round()
    assert len(receiver.tries) == 1

    clock.advance(TELL_LADDER_MS[0])
    await sender(store, fetcher, address).round()
    assert receiver.tries == [waits.id] * 2
    assert [each.state for each in await states(store)] == [DeliveryState.DELIVERED]


async def test_an_answer_that_never_ends_is_an_answer(store: SqliteStore, fetcher: Fetcher, receiver: Receiver) -> None:
    """Its status counts, and the rest is not waited for."""
    (address,) = addresses_of([receiver.url])
    receiver.moods.append(Mood.TALKS)
    await tell(store, address)
    await sender(store, fetcher, address).round()

    assert [each.state for each in await states(store)] == [DeliveryState.DELIVERED]


async def test_an_error_of_ours_is_raised_for_the_log_and_can_be_read_beside_the_delivery(
    store: SqliteStore, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor logs its stack and counts it; it costs a try, and what is sent beside it arrives."""
    (address,) = addresses_of(["https://a.example"])
    monkeypatch.setattr(fetcher, "post", AsyncMock(side_effect=[ZeroDivisionError("secret"), None]))
    await tell(store, address, times=2)
    with pytest.raises(ZeroDivisionError):
        await sender(store, fetcher, address).round()

    found = {each.state: each for each in await states(store)}
    waits = found[DeliveryState.WAITING]
    assert (waits.attempts, waits.answer) == (1, "An error of the sender: ZeroDivisionError")
    assert DeliveryState.DELIVERED in found


async def test_a_receiver_that_wants_nothing_more_is_left_alone(
    store: SqliteStore, fetcher: Fetcher, receiver: Receiver
) -> None:
    """410 gives it up at once, which is counted."""
    before = given_up()
    (address,) = addresses_of([receiver.url])
    receiver.moods.append(Mood.GONE)
    await tell(store, address)
    await sender(store, fetcher, address).round()

    assert [(each.state, each.attempts) for each in await states(store)] == [(DeliveryState.GIVEN_UP, 1)]
    assert given_up() == before + 1


async def test_at_the_end_of_the_ladder_it_is_given_up(
    store: SqliteStore, fetcher: Fetcher, receiver: Receiver, clock: FakeClock
) -> None:
    """Nothing listens there; when nothing has for so often that the host rests, that costs a try as well."""
    (address,) = addresses_of([receiver.url])
    ours = sender(store, fetcher, address)
    await receiver.down()
    await tell(store, address)
    for _ in (*TELL_LADDER_MS, None):
        await ours.round()
        clock.advance(DAY // 2)
    (over,) = await states(store)

    assert (over.state, over.attempts) == (DeliveryState.GIVEN_UP, len(TELL_LADDER_MS) + 1)
    assert "127.0.0.1" in (over.answer or "")


def test_the_ladder_grows_and_a_receiver_can_only_make_it_longer() -> None:
    """With the back-off of the settings, and up to a fifth more."""
    rules = RetryRules(backoff_ms=500, retry_after_max_ms=60_000)
    steps = [tell_again_ms(attempt, None, rules, chance=0.0) for attempt in range(1, len(TELL_LADDER_MS) + 2)]

    assert steps == [step // 2 for step in TELL_LADDER_MS] + [None]
    assert tell_again_ms(1, 30_000, rules, chance=0.0) == 30_000
    assert tell_again_ms(1, 10**9, rules, chance=0.0) == 60_000
    assert tell_again_ms(3, 100, rules, chance=1.0) == 18_000
