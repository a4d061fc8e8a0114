"""The routes of webhooks: what became of the newest deliveries, and a test for every address."""

from __future__ import annotations

import json

from tests.api.conftest import Serve
from tests.api.serving import Api

from tonearm.notices import addresses_of

URLS = "https://ann:pw@a.example/T0/secret,https://b.example/2?token=x"


async def test_a_test_waits_for_every_address_and_is_shown_without_their_secrets(serve: Serve) -> None:
    """Of an address people see where it leads; whether it is signed they see, and not by what."""
    api = await serve(QUEUE_WEBHOOK_URLS=URLS, QUEUE_WEBHOOK_SECRET="s3cret")
    made = await api.call("POST", "/webhooks")
    assert (made.status, made.body["message"]) == (202, "Test queued")
    shown = (await api.call("GET", "/webhooks")).body

    assert shown["addresses"] == ["https://a.example", "https://b.example"]
    assert (shown["signed"], shown["waiting"]) == (True, 2)
    assert [each["id"] for each in reversed(shown["deliveries"])] == made.body["deliveryIds"]
    assert {(each["event"], each["status"], each["attempts"]) for each in shown["deliveries"]} == {
        ("test", "waiting", 0)
    }
    assert not any(secret in json.dumps(shown) for secret in ("ann", "pw@", "T0", "token", "s3cret"))


async def test_what_became_of_a_try_can_be_read(serve: Serve) -> None:
    """The last answer, and when the next try is."""
    api = await serve(QUEUE_WEBHOOK_URLS="https://a.example")
    await api.call("POST", "/webhooks")
    (address,) = addresses_of(["https://a.example"])
    (held,) = (await api.store.take_deliveries([address.target], 1, 1_000)).deliveries
    await api.store.settle_delivery(held, "a.example answered 500", received=False, delay_ms=5_000)

    (waits,) = (await api.call("GET", "/webhooks")).body["deliveries"]
    assert (waits["answer"], waits["attempts"], waits["address"]) == (
        "a.example answered 500",
        1,
        "https://a.example",
    )
    assert waits["nextAttemptAt"] > waits["at"]


async def test_without_addresses_there_is_nobody_to_test(api: Api) -> None:
    """Which is said, and names the setting."""
    refused = await api.call("POST", "/webhooks")

    assert (refused.status, refused.body["code"]) == (400, "WRONG_STATE")
    assert "QUEUE_WEBHOOK_URLS" in refused.body["error"]
    assert (await api.call("GET", "/webhooks")).body["addresses"] == []
