"""Wording: jobs, sizes, times and failures as people read them. Nothing here prints."""

from __future__ import annotations

import time

from tonearm.client import FailedTrack, Job, WorkerFigures
from tonearm.errors import FailureCode
from tonearm.model import JobType, Quality, Status

MISSING_SHOWN = 20
"""Missing tracks of an album that are named one by one."""

_KIB = 1024

_ADVICE = {
    FailureCode.TIMEOUT: "The catalog or its media server was too slow. Try again later.",
    FailureCode.NETWORK: "The catalog or its media server could not be reached. Check that it runs, then try again.",
    FailureCode.BLOCKED_ADDRESS: "The media lies at a private address. If that is meant, name it in QUEUE_FETCH_ALLOW.",
    FailureCode.RATE_LIMIT: "The catalog asks for fewer requests. Try again later.",
    FailureCode.SERVER_ERROR: "The catalog or its media server is in trouble. Try again later.",
    FailureCode.NOT_FOUND: "The catalog does not have this id. The catalog of a folder lists its ids under /albums.",
    FailureCode.QUALITY_UNAVAILABLE: "The catalog does not have this quality. Ask for another, which may be there:",
    FailureCode.AUTH: "The catalog refused us. Check INTERNAL_API_TOKEN.",
    FailureCode.API_ERROR: "The catalog answered something that is not its contract. Check INTERNAL_API_URL.",
    FailureCode.INTEGRITY: "What arrived is not the file that was promised. Try again; if it stays, ask the catalog.",
    FailureCode.TOO_LARGE: "The file is larger than QUEUE_MAX_FILE_MB allows.",
    FailureCode.DISK_FULL: "Free space on the volume of the library, then try again.",
    FailureCode.DISK_ERROR: "Check the library's folder: its permissions, and the health of its disk.",
    FailureCode.CRASHED: "The worker died on this three times. The server's log says more.",
    FailureCode.INTERNAL: "This is a fault of the server. Its log has the details.",
}

_IN_VAIN = frozenset({FailureCode.NOT_FOUND, FailureCode.QUALITY_UNAVAILABLE})
"""What a retry asks for again and does not get."""


def title(job: Job) -> str:
    """What a job is about: artist and title where they are known, else type and id."""
    wanted = job.job
    name = wanted.track_title if wanted.type is JobType.TRACK else wanted.album_title
    if not name:
        return f"{wanted.type} {wanted.catalog_id}"
    return f"{wanted.artist_name} - {name}" if wanted.artist_name else name


def outcome(job: Job) -> str:
    """Where a job stands, in a few words: its status, the tracks of an album, and what a person asked for."""
    words = str(job.status)
    if job.job_type is JobType.ALBUM and job.track_count:
        words += f", {job.completed_tracks or 0} of {job.track_count} tracks"
    if job.failed_count:
        words += f", {job.failed_count} failed"
    if job.cancellation_requested and not job.finished:
        words += ", being cancelled"
    elif job.pause_requested and job.status is Status.PROCESSING:
        words += ", being paused"
    elif job.next_retry_at and job.status is Status.QUEUED:
        words += f", next attempt at {clock(job.next_retry_at)}"
    return words


def holdups(worker: WorkerFigures) -> list[str]:
    """What keeps jobs waiting though nothing is wrong with them, a line each: why none is begun, hosts left alone."""
    reason = worker.holding or ""
    others = (host for host in worker.resting or () if host.host not in reason)
    hosts = [f"No request goes to {host.host} until {clock(host.until)}." for host in others]
    return [f"Nothing is begun at present. {reason}", *hosts] if reason else hosts


def hint(job: Job) -> str | None:
    """What a person can do about an unfinished job that waits for one."""
    return f"Go on: tonearm resume {job.id}" if job.status is Status.PAUSED else None


def troubles(job: Job) -> list[str]:
    """What went wrong with a finished job and what to do about it, a line each; nothing for a whole one."""
    if job.whole or not job.finished:
        return []
    lines = [missing(track) for track in (job.failed_tracks or ())[:MISSING_SHOWN]]
    hidden = (job.failed_count or 0) - len(lines)
    if lines and hidden > 0:
        lines.append(f"missing: {hidden} more (tonearm show {job.id})")
    if job.error and not lines:
        lines.append(f"error: {job.error}" + (f" ({job.failure_code})" if job.failure_code else ""))
    codes = [track.code for track in job.failed_tracks or ()] or ([job.failure_code] if job.failure_code else [])
    for code in dict.fromkeys(codes):
        lines.append(_ADVICE[code])
        if code is FailureCode.QUALITY_UNAVAILABLE:
            lines += [f"  {command}" for command in _in_other_qualities(job)]
    if not codes or not _IN_VAIN.issuperset(codes):
        again = "Fetch what is missing" if job.status is Status.COMPLETED else "Try again"
        lines.append(f"{again}: tonearm retry {job.id}")
    return lines


def _in_other_qualities(job: Job) -> list[str]:
    """The commands that ask for what this quality does not have, best first: the missing tracks, or all of it.

    Both others are named, since nobody knows yet which of them is there.
    """
    wanted = job.job
    others = [quality for quality in (Quality.LOSSLESS, Quality.HIGH, Quality.LOW) if quality is not wanted.quality]
    lacking = [track.track_id for track in job.failed_tracks or () if track.code is FailureCode.QUALITY_UNAVAILABLE][
        :MISSING_SHOWN
    ]
    what = f"{wanted.type} {wanted.catalog_id}"
    if job.status is Status.COMPLETED and lacking:
        what = f"track {' '.join(map(str, lacking))}"
    return [f"tonearm add {what} --quality {quality}" for quality in others]


def missing(track: FailedTrack) -> str:
    """A track that did not arrive."""
    attempts = "1 attempt" if track.attempts == 1 else f"{track.attempts} attempts"
    return f"missing: {track.track_title or track.track_id}: {track.error} ({track.code}, {attempts})"


def size(count: float) -> str:
    """A number of bytes in the unit that fits."""
    for unit in ("B", "KiB", "MiB"):
        if count < _KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KIB
    return f"{count:.1f} GiB"


def percent(share: float) -> str:
    """A share as whole percent, 100 only when nothing is missing."""
    return f"{int(share * 100)}%"


def moment(at_ms: int) -> str:
    """Wall milliseconds as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms / 1000))


def clock(at_ms: int) -> str:
    """Wall milliseconds as local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at_ms / 1000))


def span(seconds: float) -> str:
    """A length of time: `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
