"""Signing: as the Standard Webhooks have it, by their published example."""

from __future__ import annotations

import json
import time

import pytest
from tests.support.receiver import SECRET, verify_of_the_page

from tonearm.errors import SetupError
from tonearm.notices import Signer

ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'


def test_the_published_example() -> None:
    """The test vector of the reference libraries (github.com/standard-webhooks/standard-webhooks)."""
    assert Signer(SECRET).headers(ID, BODY, 1_614_265_330) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", [SECRET, "any other text, with ümlauts"])
def test_the_lines_of_the_page_verify_it(secret: str) -> None:
    """Whatever the secret looks like; what they refuse stands in tests/faults/attacks/test_webhooks.py."""
    headers = Signer(secret).headers(ID, BODY, int(time.time()))

    assert verify_of_the_page()(secret, headers, BODY) == json.loads(BODY)


def test_without_a_secret_nothing_is_signed() -> None:
    """The id is still there, so that what comes twice is known."""
    assert set(Signer(None).headers(ID, BODY, 1)) == {"webhook-id", "webhook-timestamp"}
    assert (Signer(None).signs, Signer(SECRET).signs) == (False, True)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", "whsec_abc"])
def test_a_secret_that_says_it_is_base64_has_to_be(secret: str) -> None:
    """Else nobody could verify anything; the error names the setting, and not its value."""
    with pytest.raises(SetupError, match="QUEUE_WEBHOOK_SECRET") as raised:
        Signer(secret)
    assert secret.removeprefix("whsec_") not in str(raised.value) or secret == "whsec_"
