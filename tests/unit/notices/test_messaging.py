"""Messaging: by Apprise's own client to a real service, through failure, silence and a sender that begins anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.support.clock import FakeClock
from tests.support.server import until
from tests.support.service import TOKEN, Service

from tonearm.errors import SetupError
from tonearm.model import DeliveryRecord, DeliveryState
from tonearm.notices import Address, Terms, services_of, trial
from tonearm.notices.messaging import AT_A_TIME, Messenger
from tonearm.notices.sending import Sender
from tonearm.policy import TELL_LADDER_MS, RetryRules
from tonearm.store.sqlite import SqliteStore

PATIENT_MS, SHORT_MS = 20_000, 300


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service() as listening:
        yield listening


def sender(store: SqliteStore, address: Address, timeout_ms: int = PATIENT_MS) -> Sender:
    """A new one of an address, as after a start of the process."""
    return Sender(store, Messenger(address), terms=lambda: Terms(timeout_ms, RetryRules()))


async def newest(store: SqliteStore) -> DeliveryRecord:
    return (await store.deliveries(1)).deliveries[0]


async def test_a_message_that_was_not_taken_is_sent_again_after_a_restart(
    store: SqliteStore, service: Service, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """After the first step of the ladder, until it is taken; of the address nobody reads more than its scheme."""
    (address,) = services_of([service.url])
    service.statuses.append(500)
    await store.tell(trial(0).deliveries([address]))
    await sender(store, address).round()
    waits = await newest(store)
    assert (waits.state, waits.shown) == (DeliveryState.WAITING, "json://***")
    assert waits.answer == "JSON did not take the message; the log says why (apprise)"
    assert "error=500" in caplog.text

    clock.advance(2 * TELL_LADDER_MS[0])
    await sender(store, address).round()
    assert [message["title"] for message in service.messages] == ["A test of tonearm"] * 2
    assert [message["message"] for message in service.messages] == ["This is a test. Nothing happened."] * 2
    assert (await newest(store)).state is DeliveryState.DELIVERED
    kept = json.dumps([list(map(str, row)) for rows in (await store.rows()).values() for row in rows])
    assert not any(secret in text for secret in (TOKEN, f":{service.port}") for text in (kept, caplog.text))


async def test_a_service_that_hangs_is_not_waited_for_and_holds_a_few_threads(
    store: SqliteStore, service: Service, clock: FakeClock
) -> None:
    """A try ends at its time; while its threads hang, no more are made, and nothing more is sent."""
    service.hangs = asyncio.Event()
    (address,) = services_of([service.url])
    messenger = Messenger(address)
    patient = Sender(store, messenger, terms=lambda: Terms(PATIENT_MS, RetryRules()))
    hasty = Sender(store, messenger, terms=lambda: Terms(SHORT_MS, RetryRules()))
    for _ in range(AT_A_TIME):
        await store.tell(trial(0).deliveries([address]))
    round_ = asyncio.create_task(patient.round())
    await until("all of them hang", lambda: len(service.messages) == AT_A_TIME)
    round_.cancel()

    await store.tell(trial(0).deliveries([address]))
    await hasty.round()
    assert (await newest(store)).answer == "No answer within 0.3 s"
    assert len(service.messages) == AT_A_TIME

    service.hangs.set()
    clock.advance(2 * TELL_LADDER_MS[0])
    await store.tell(trial(0).deliveries([address]))
    await patient.round()
    assert (await newest(store)).state is DeliveryState.DELIVERED


async def test_a_service_that_is_slow_is_told_once(store: SqliteStore, service: Service, clock: FakeClock) -> None:
    """What arrives after the time of its try counts for the next one; what fails late is sent again."""
    (address,) = services_of([service.url])
    messenger = Messenger(address)
    hasty = Sender(store, messenger, terms=lambda: Terms(SHORT_MS, RetryRules()))
    for status, times in ((200, 1), (500, 2)):
        service.messages.clear()
        service.statuses.append(status)
        service.hangs = asyncio.Event()
        await store.tell(trial(0).deliveries([address]))
        await hasty.round()
        assert (await newest(store)).answer == "No answer within 0.3 s"
        service.hangs.set()
        await until("nothing is under way", lambda: not messenger._busy)

        clock.advance(2 * TELL_LADDER_MS[0])
        await hasty.round()
        assert (await newest(store)).state is DeliveryState.DELIVERED
        assert len(service.messages) == times


@pytest.mark.parametrize(
    "url", ["tgram://123456789:planted_token/42/43", "mailto://a:planted@mail.example?to=b@x.example,c@y.example"]
)
def test_an_address_that_names_several_is_refused(url: str) -> None:
    """One that does not take a message would have it sent again to the others, time after time."""
    (address,) = services_of([url])
    with pytest.raises(SetupError, match=r"QUEUE_NOTIFY_URLS: \w+://\*\*\* names 2 who are told") as caught:
        Messenger(address)

    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("url", ["nothing://h0st-planted/x", "tgram://h0st-planted", "mailto://"])
def test_an_address_that_apprise_cannot_read_is_refused_without_being_told(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The setting is named; of the address, its scheme."""
    (address,) = services_of([url])
    with pytest.raises(SetupError, match="QUEUE_NOTIFY_URLS") as caught:
        Messenger(address)

    assert address.shown in str(caught.value)
    assert "planted" not in str(caught.value) + caplog.text
