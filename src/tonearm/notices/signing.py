"""Signing: how a receiver knows that a webhook is ours, whole and new (https://www.standardwebhooks.com).

What is signed is `id.timestamp.body`, with HMAC-SHA256; the id stays the same over all tries of a delivery, the
timestamp is that of the try. Without a secret nothing is signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from tonearm.errors import SetupError

PREFIX = "whsec_"
"""What a secret begins with that is written in base64."""


class Signer:
    """Makes the headers of a webhook, with a *secret* or without."""

    def __init__(self, secret: str | None) -> None:
        """Raises:
        SetupError: it begins with `whsec_`, and what follows is not base64.
        """
        self._key = None if secret is None else _key(secret)

    @property
    def signs(self) -> bool:
        """Whether there is a secret."""
        return self._key is not None

    def headers(self, delivery_id: str, body: bytes, now_s: int) -> dict[str, str]:
        """The headers of one try at *now_s*, seconds since the epoch."""
        told = {"webhook-id": delivery_id, "webhook-timestamp": str(now_s)}
        if self._key is not None:
            signed = b".".join((delivery_id.encode(), str(now_s).encode(), body))
            digest = hmac.digest(self._key, signed, hashlib.sha256)
            told["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return told


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise SetupError(f"QUEUE_WEBHOOK_SECRET begins with {PREFIX}, and what follows must be a key in base64.")
    return key
