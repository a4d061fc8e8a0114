"""Tombstones: what a deleted job looks like for as long as its deletion said, and how that picture is kept."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tonearm.model import JobRecord, State

# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_DECODER = msgspec.json.Decoder(JobRecord)


def as_cancelled(record: JobRecord, at: int) -> JobRecord:
    """Return a job as it is seen after its deletion *at* this time, in wall milliseconds: cancelled, without tracks."""
    return replace(
        record,
        state=State.CANCELLED,
        updated_at=at,
        completed_at=at,
        next_retry_at=None,
        error=None,
        failure_code=None,
        cancel_requested=False,
        pause_requested=False,
        speed=None,
        outcome=None,
        track_progress=(),
    )


def encode(record: JobRecord) -> str:
    """Return the picture of a job for keeping."""
    return msgspec.json.encode(record).decode()


def decode(text: str) -> JobRecord | None:
    """Return a picture that was kept; None: another version made it, and a courtesy is lost, as the job is deleted."""
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:
        return None
