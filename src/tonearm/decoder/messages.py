"""Messages between the server and the decoder: an order for each file, a report of each child. Both are JSON.

What comes from a child is not trusted, since the file that it read may have taken it over: every field is checked, and
whoever shows a fault to people makes it `printable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

READY = b"ready"
"""What the decoder says when it can take orders; anything else is why it cannot."""

MAX_MESSAGE_BYTES = 16_384

_Counted = Annotated[int, Meta(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with one file, which comes as a descriptor.

    *format* is one of flac, mp3, m4a, ogg, opus, oga and wav: what its first bytes say. The limits are seconds of
    processor time and bytes of memory. Decoding ends as soon as there is more than *longest_seconds* of sound. *bits* a
    sample are given for FLAC alone; then the samples are hashed as FLAC does it.
    """

    format: str
    cpu_seconds: int
    memory_bytes: int
    longest_seconds: float | None = None
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out: samples of one channel, seconds, the MD5 of the samples (hex, or empty).

    *broken* counts packets that held more than one frame: something between these was no frame. *fault* is empty, or a
    half sentence about what is wrong with the file; then the rest is as far as it came. *mistake* is empty, or what the
    decoder itself did wrong; then nothing is known about the file.
    """

    samples: _Counted = 0
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    md5: Annotated[str, Meta(max_length=32)] = ""
    broken: _Counted = 0
    fault: Annotated[str, Meta(max_length=1_000)] = ""
    mistake: Annotated[str, Meta(max_length=1_000)] = ""


@dataclass(frozen=True, slots=True)
class Report:
    """How a child ended: with an answer; or without one, by a signal (0: by itself).

    *refused* is set when there was no child at all: the decoder's own trouble, in words.
    """

    decoded: Decoded | None = None
    signal: int = 0
    refused: str = ""


encode = msgspec.json.Encoder().encode

# Built once, before there is any thread: msgspec describes a type at its first use.
decode_order = msgspec.json.Decoder(Order).decode
decode_decoded = msgspec.json.Decoder(Decoded).decode
decode_report = msgspec.json.Decoder(Report).decode


def printable(text: str) -> str:
    """Text of a child as a line for people."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
