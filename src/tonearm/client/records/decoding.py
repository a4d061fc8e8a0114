"""Decoding: the body of an answer as the record that it holds."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tonearm.client.records.figures import Control, Dashboard, Health, Metrics, Stats, Workers
from tonearm.client.records.jobs import (
    Cleared,
    Deleted,
    Done,
    JobAnswer,
    JobPage,
    Outcomes,
    Receipt,
    TrackPage,
)
from tonearm.client.records.keys import KeyList, NewKey
from tonearm.client.records.search import Found
from tonearm.client.records.webhooks import Webhooks, WebhookTest
from tonearm.client.records.wire import Wire

_Answer = TypeVar("_Answer", bound=Wire)
# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (
        *(Receipt, Control, Stats, Workers, JobPage, TrackPage, JobAnswer, Done, Deleted),
        *(Outcomes, Cleared, Dashboard, Metrics, Health, Found, KeyList, NewKey, Webhooks, WebhookTest, Wire),
    )
}


def read(body: bytes, kind: type[_Answer]) -> _Answer:
    """The answer of *kind* that *body* holds.

    Raises:
        msgspec.MsgspecError, UnicodeError: it is another one, or none.
    """
    answer: _Answer = _DECODERS[kind].decode(body)
    return answer
