"""Attack 35: webhooks that are forged or led elsewhere, addresses on the private network, secrets in a URL."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterable

import pytest
from tests.support.clock import FakeClock
from tests.support.receiver import SECRET, Mood, Receiver, verify_of_the_page

from tonearm.clock import SystemClock
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.notices import Signer, Webhook, addresses_of, trial
from tonearm.notices.sending import Sender, Terms
from tonearm.policy import RetryRules
from tonearm.store.sqlite import SqliteStore, open_sqlite

LIMITS = FetchLimits(connect_ms=20_000, silence_ms=20_000)
LOOPBACK = HostPort("127.0.0.1")


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite(None, FakeClock())
    yield opened
    await opened.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as listening:
        yield listening


async def answer_to(store: SqliteStore, url: str, allow: Iterable[HostPort] = ()) -> str:
    """What comes of one try to tell this address."""
    (address,) = addresses_of([url])
    await store.tell(trial(0).deliveries([address]))
    async with Fetcher(LIMITS, allow=allow) as fetcher:
        channel = Webhook(fetcher, address, signer=Signer(SECRET), clock=SystemClock())
        ours = Sender(store, channel, terms=lambda: Terms(LIMITS.connect_ms, RetryRules()))
        await ours.round()
    return (await store.deliveries(1)).deliveries[0].answer or ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"])
async def test_a_private_address_is_refused(store: SqliteStore, receiver: Receiver, host: str) -> None:
    """Unless the operator allowed it; nothing is sent there."""
    answer = await answer_to(store, receiver.url.replace("127.0.0.1", host))

    assert "not a public address" in answer
    assert receiver.tries == []


async def test_a_redirect_leads_nowhere(store: SqliteStore, receiver: Receiver) -> None:
    """Not even on the same host: what is told was meant for one address."""
    receiver.moods.append(Mood.REDIRECTS)

    assert "307" in await answer_to(store, receiver.url, [LOOPBACK])
    assert len(receiver.tries) == 1


async def test_of_a_url_no_secret_is_kept_shown_or_logged(
    store: SqliteStore, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither its path, nor its query, nor its credentials; where it leads is all."""
    receiver.moods.append(Mood.FAILS)
    url = receiver.url.replace("//", "//ann:pl4nted@") + "&token=pl4nted"
    answer = await answer_to(store, url, [LOOPBACK])

    kept = json.dumps([list(map(str, row)) for rows in (await store.rows()).values() for row in rows])
    assert f"http://127.0.0.1:{receiver.port}" in kept
    assert not any("pl4nted" in text for text in (kept, answer, *capsys.readouterr()))


def test_what_is_forged_changed_or_sent_again_later_does_not_pass() -> None:
    """By the lines that the page tells receivers to write."""
    verify, now, body = verify_of_the_page(), int(time.time()), b'{"type": "job.completed"}'
    headers = Signer(SECRET).headers("msg_1", body, now)
    assert verify(SECRET, headers, body) == {"type": "job.completed"}

    for forged, content, secret in (
        (headers, body.replace(b"completed", b"failed"), SECRET),
        (headers | {"webhook-id": "msg_2"}, body, SECRET),
        (headers | {"webhook-timestamp": str(now + 1)}, body, SECRET),
        (Signer("guessed").headers("msg_1", body, now), body, SECRET),
        (Signer(SECRET).headers("msg_1", body, now - 301), body, SECRET),
    ):
        with pytest.raises(ValueError, match=r"not signed|too old"):
            verify(secret, forged, content)
