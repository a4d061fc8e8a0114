"""The words between the engine and its scripts: arguments as texts, answers as what the protocol says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Cancelled,
    ClaimRequest,
    Completed,
    Control,
    Failed,
    Idempotency,
    Mark,
    Outcome,
    Paused,
    Released,
    Retry,
    Submission,
    WorkerRecord,
)
from tonearm.store import figures
from tonearm.store.redis.desk import Moment
from tonearm.store.redis.reading import fields_of, named, overlay_of
from tonearm.store.task import new_job


def flag(wanted: bool) -> str:  # noqa: FBT001 - it is the thing that is written down
    """Write a yes or no."""
    return "1" if wanted else ""


def text(values: object) -> bytes:
    """Write JSON for a script."""
    return msgspec.json.encode(values)


def known(**values: object) -> dict[str, object]:
    """Leave out what is not known: Lua reads an absent field as nil, and null as something else."""
    return {name: value for name, value in values.items() if value is not None}


def new_task(submission: Submission) -> bytes:
    """Write the fields of the task that a submission becomes; its number and times are given there."""
    fields = fields_of(new_job(submission, 0))
    return text({name: value for name, value in fields.items() if name not in ("seq", "created_at", "updated_at")})


def answer_name(client: str, idempotency: Idempotency | None) -> tuple[bytes, str]:
    """Write under which name an answer is remembered, and the digest of the request; empty without a key."""
    return (b"", "") if idempotency is None else (text((client, idempotency.key)), idempotency.digest)


def claim_request(request: ClaimRequest, nonce: str) -> tuple[str | int, ...]:
    """Write what a worker can take; *nonce* is drawn for this request, and the same when it is said again."""
    limits = request.client_max, request.client_bytes
    return request.worker, request.tracks, request.albums, request.lease_ms, nonce, *limits


def mark(reached: Mark) -> tuple[int, int, int | str, int]:
    """Write how far a claim has come: phase, bytes done, bytes in all or '', and bytes received."""
    in_all = "" if reached.bytes_total is None else reached.bytes_total
    return int(reached.phase), reached.bytes_done, in_all, reached.received


def stage(reply: str) -> tuple[str, int]:
    """Read a stage that nobody wants: task and epoch."""
    task, _, epoch = reply.rpartition(" ")
    return task, int(epoch)


def outcome(ended: Outcome) -> bytes:
    """Write how a claim ends."""
    match ended:
        case Completed(files, size, download_ms, warnings):
            return text(
                known(
                    kind="completed",
                    files=text(files).decode(),
                    file_count=len(files),
                    size=size,
                    download_ms=download_ms,
                    warnings=text(warnings).decode() if warnings else None,
                )
            )
        case Failed(failure):
            return text({"kind": "failed", "code": failure.code, "message": failure.message})
        case Retry(failure, delay_ms):
            return text({"kind": "retry", "code": failure.code, "message": failure.message, "delay_ms": delay_ms})
        case Released(reason, delay_ms):
            return text({"kind": "released", "reason": reason, "delay_ms": delay_ms})
        case Cancelled():
            return text({"kind": "cancelled"})
        case Paused():
            return text({"kind": "paused"})


def album(info: AlbumInfo) -> bytes:
    """Write what the catalog says of an album."""
    return text(
        known(
            text=text(info).decode(),
            title=info.title,
            artist=info.album_artist or info.artist,
            announced=info.track_count,
        )
    )


def track_list(tracks: Sequence[AlbumTrack]) -> bytes:
    """Write one page of an album's tracks."""
    return text(
        [known(id=track.id, title=track.title, artist=track.artist, number=track.track_number) for track in tracks]
    )


def numbers(flat: Sequence[str]) -> dict[str, int]:
    """Read names and numbers."""
    return {name: int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}


def control(reply: Sequence[str]) -> Control:
    """Read how people steer the queue."""
    paused, bandwidth, concurrent = reply
    return Control(paused == "1", int(bandwidth) if bandwidth else None, int(concurrent) if concurrent else None)


def workers(reply: Sequence[Any], moment: Moment, dead_ms: int) -> tuple[WorkerRecord, ...]:
    """Read the workers with what they said last."""
    overlay = overlay_of(reply[0])
    found = []
    for place in range(1, len(reply), 3):
        name, beat, kept = reply[place], reply[place + 1], named(reply[place + 2])
        life = figures.Life(
            name,
            kept.get("host", ""),
            int(kept.get("started_at", beat)),
            int(float(beat)),
            int(kept.get("max_concurrent", 0)),
        )
        said = overlay.worker(name)
        found.append(figures.worker(life, said, now=moment.now, shift=moment.shift, dead_ms=dead_ms))
    return tuple(sorted(found, key=lambda worker: worker.id))
