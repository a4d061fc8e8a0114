"""Idempotency keys: the header by which a client says a request again without a second effect.

Here it is read, and the request is boiled down to a digest. What was answered is remembered by the store.
"""

from __future__ import annotations

import hashlib
import json

from starlette.requests import Request

from tonearm.api import fields
from tonearm.api.bodies import Object
from tonearm.model import Idempotency

HEADER = "Idempotency-Key"
MAX_KEY = 255


def read_idempotency(request: Request, path: str, body: Object) -> Idempotency | None:
    """The key of *request*, with the digest of *path* and *body*; None without the header.

    Two bodies are the same when their JSON says the same, however it is spaced and in whatever order the members come.

    Raises:
        Invalid: INVALID_FIELD, there are several keys, or it is not 1 to 255 printable ASCII characters.
    """
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= MAX_KEY or not all(" " <= letter <= "~" for letter in key):
        raise fields.invalid(HEADER, f"{HEADER} must be one text of 1 to {MAX_KEY} printable ASCII characters")
    said = json.dumps([path, body], sort_keys=True, separators=(",", ":"))
    return Idempotency(key, hashlib.sha256(said.encode()).hexdigest())
