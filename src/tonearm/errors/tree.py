"""Errors, one tree, by who must act.

    TonearmError
    ├── Refused               the request cannot be honoured        → 4xx, or 503 for a full queue
    │   ├── Invalid           a field is wrong; names it
    │   ├── NotFound          no such job
    │   ├── WrongState        the job's state does not allow the action
    │   ├── LimitReached      a limit is reached; says which, and when to come again where that is known
    │   │   ├── RateLimited   too many submissions, or wrong keys, in a time
    │   │   └── QuotaExceeded too many jobs, bytes or streams
    │   ├── CannotSearch      the catalog has no search          → 501
    │   ├── CatalogUnavailable  it could not be asked now; says why → 503
    │   └── FileUnavailable   a file of the library cannot be given out; names it
    ├── LeaseLost             this worker must stop                 → never shown to people
    │   └── LeaseEnded        by its own clock; the store said nothing
    ├── Stopped               work on a thread must stop            → never shown to people
    ├── StoreUnavailable      outcome unknown, safe to repeat       → 503
    │   ├── StoreRefused      nothing was changed, it said so itself
    │   │   ├── StoreFull     its memory is used up: nothing new, and all else goes on
    │   │   └── StoreDiskFull its disk is: no change at all
    │   ├── StoreDamaged      what lies there cannot be read; a person has to mend it
    │   ├── KeysUnknown       the queue is away, and what stands in for it never saw its keys
    │   └── PartlyRenewed     of some leases only
    ├── ServerUnreachable     a client gets no answer               → message, exit code
    │   ├── CutOff            an answer ended before its end
    │   └── HolderUnreachable a command at the queue gets none of the process that has its file
    ├── SetupError            the program cannot start like this    → message, exit code
    │   ├── WrongSettings     names or values of settings; each is told
    │   └── DatabaseInUse     another process owns the queue's file
    └── FetchError            why an attempt ended                  → the job's error and code
        ├── Timeout           connecting, silence, or the hard limit
        ├── ConnectionFailed  refused, reset, no such host, cut in the middle
        ├── HostResting       the host is left alone; nothing was sent
        ├── BlockedAddress    an address that we never connect to
        ├── HttpStatus        an answer that is not a success
        ├── BadAnswer         the catalog answered something that is not the contract
        ├── Corrupt           the body is not the file that was promised
        ├── TooLarge          more bytes than the limit allows
        ├── DecoderFailed     the program that decodes files does not start, or died; no file is to blame
        ├── DiskFull          not enough room; says how much was free and needed
        └── DiskError         the file system refused a read or a write

Whether an attempt is repeated follows from `FetchError.retryable`, never from the words of a message.
"""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.errors.codes import FailureCode, LimitName, RefusalCode


class TonearmError(Exception):
    """The root: everything that tonearm raises on purpose."""


class Refused(TonearmError):
    """A request cannot be honoured; nothing was changed."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(Refused):
    """The input is wrong. *field* is the name on the wire, or None when the whole is wrong."""

    def __init__(self, code: RefusalCode, message: str, field: str | None = None) -> None:
        super().__init__(code, message)
        self.field = field


class NotFound(Refused):
    """No job of this id is visible."""

    def __init__(self, job_id: str) -> None:
        super().__init__(RefusalCode.NOT_FOUND, "Job not found")
        self.job_id = job_id


class WrongState(Refused):
    """The job exists, but its state does not allow the action."""

    def __init__(self, message: str) -> None:
        super().__init__(RefusalCode.WRONG_STATE, message)


class LimitReached(Refused):
    """A limit is reached: *name* says which, *limit* how much it allows (submissions, jobs, bytes, streams, tries).

    *retry_after_ms*: milliseconds until the same call fits; None: nobody knows.
    """

    name: LimitName
    limit: int
    retry_after_ms: int | None


class RateLimited(LimitReached):
    """Too many in a time: submissions of a client, or wrong keys from one place."""

    retry_after_ms: int

    def __init__(self, message: str, retry_after_ms: int, limit: int = 0, *, name: LimitName = LimitName.RATE) -> None:
        super().__init__(RefusalCode.RATE_LIMITED, message)
        self.name = name
        self.limit = limit
        self.retry_after_ms = retry_after_ms


class QuotaExceeded(LimitReached):
    """Something is used up: CLIENT_QUEUE_FULL, QUEUE_FULL, CLIENT_BYTES_EXCEEDED or TOO_MANY_STREAMS."""

    def __init__(self, code: RefusalCode, message: str, limit: int, retry_after_ms: int | None = None) -> None:
        super().__init__(code, message)
        self.name = _QUOTAS[code]
        self.limit = limit
        self.retry_after_ms = retry_after_ms


_QUOTAS = {
    RefusalCode.CLIENT_QUEUE_FULL: LimitName.SIZE,
    RefusalCode.QUEUE_FULL: LimitName.QUEUE,
    RefusalCode.CLIENT_BYTES_EXCEEDED: LimitName.BYTES,
    RefusalCode.TOO_MANY_STREAMS: LimitName.STREAMS,
}


class CannotSearch(Refused):
    """The catalog has no search; the message says what to do instead."""

    def __init__(self, message: str) -> None:
        super().__init__(RefusalCode.NOT_IMPLEMENTED, message)


class CatalogUnavailable(Refused):
    """The catalog gave no answer that can be used. *failure* says why; *retry_after_ms*: when to ask again."""

    def __init__(self, failure: FailureCode, message: str, retry_after_ms: int) -> None:
        super().__init__(RefusalCode.CATALOG_UNAVAILABLE, message)
        self.failure = failure
        self.retry_after_ms = retry_after_ms


class FileUnavailable(Refused):
    """A file that a job published cannot be given out. *path* is relative to the library."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(RefusalCode.FILE_UNAVAILABLE, f"A file of this job cannot be given out: {path}: {why}")
        self.path = path


class LeaseLost(TonearmError):
    """Another claim, a sweep, a cancel or a delete came first. Nothing was changed; this worker stops the task."""


class LeaseEnded(LeaseLost):
    """The lease could not be renewed in time. Whether the store knows another holder is not known."""


class Stopped(TonearmError):
    """Nobody wants the work on this thread any more (`tonearm.stopping`). It follows a cancel and ends no attempt."""


class StoreUnavailable(TonearmError):
    """The store did not answer. The outcome is unknown; the same call may be repeated."""


class StoreRefused(StoreUnavailable):
    """The store cannot do this now and nothing was changed: it says so itself (full, read-only), or was not reached."""


class StoreFull(StoreRefused):
    """The store takes nothing new, because its memory is used up. What it has can be read, worked off and deleted."""


class StoreDiskFull(StoreRefused):
    """The store takes no change at all, because it cannot write to its disk."""


class StoreDamaged(StoreUnavailable):
    """What the store has on its disk is damaged where this call looked; elsewhere it may be sound."""


class KeysUnknown(StoreUnavailable):
    """The queue is away, and what stands in for it has never heard whether there are keys."""


class PartlyRenewed(StoreUnavailable):
    """Of several leases, those with tokens in *unknown* may not be renewed; of the others, *lost* are not current."""

    def __init__(self, message: str, *, lost: frozenset[str], unknown: frozenset[str]) -> None:
        super().__init__(message)
        self.lost = lost
        self.unknown = unknown


class ServerUnreachable(TonearmError):
    """A client of the server got no answer, or not one of ours. The outcome is unknown."""


class CutOff(ServerUnreachable):
    """The server began an answer and did not bring it to its end."""


class HolderUnreachable(ServerUnreachable):
    """The process that has the file of the queue takes no command, or did not bring one to its end; says what to do."""


class SetupError(TonearmError):
    """The program cannot start or go on like this; the message says what to change."""


class WrongSettings(SetupError):
    """Settings are wrong; *problems* has a line for each, with its name, its source and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("These settings are wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = tuple(problems)


class DatabaseInUse(SetupError):
    """Another process owns the database; nothing of it was touched."""


class FetchError(TonearmError):
    """Why an attempt ended: a code of the closed list, a text for people, and whether another attempt may help.

    *retry_after_ms* is the server's own wish (Retry-After), milliseconds from the answer, or None.
    """

    def __init__(self, code: FailureCode, message: str, *, retryable: bool, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms


class Timeout(FetchError):
    """A time limit ran out: connecting or silence (retryable), or the hard limit from claim to commit (final).

    *connecting*: no connection came about.
    """

    def __init__(self, message: str, *, retryable: bool = True, connecting: bool = False) -> None:
        super().__init__(FailureCode.TIMEOUT, message, retryable=retryable)
        self.connecting = connecting


class ConnectionFailed(FetchError):
    """Refused, reset, unresolvable, or closed before the announced end. *connecting*: no connection came about."""

    def __init__(self, message: str, *, connecting: bool = False) -> None:
        super().__init__(FailureCode.NETWORK, message, retryable=True)
        self.connecting = connecting


class HostResting(FetchError):
    """The host is left alone, so nothing was sent to it; the attempt costs nothing. Worth another in *wait_ms*
    milliseconds.

    *asked*: the host itself asked for the time (rate_limit); otherwise it cannot be reached (network). *given_up*: it
    has not been reachable for so long that what waits for it fails.
    """

    def __init__(self, host: str, message: str, *, wait_ms: int, asked: bool = False, given_up: bool = False) -> None:
        code = FailureCode.RATE_LIMIT if asked else FailureCode.NETWORK
        super().__init__(code, message, retryable=not given_up)
        self.host = host
        self.wait_ms = wait_ms
        self.asked = asked
        self.given_up = given_up


class BlockedAddress(FetchError):
    """The host resolves to an address that the fetcher refuses to reach."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureCode.BLOCKED_ADDRESS, message, retryable=False)


class HttpStatus(FetchError):
    """An answer other than success; the code follows from the status.

    404 and 410 not_found, 401 and 403 auth, 409 quality_unavailable, 429 rate_limit, 5xx server_error, any other
    api_error. Only 429 and 5xx are retryable.
    """

    def __init__(self, status: int, message: str, *, retry_after_ms: int | None = None) -> None:
        code = _STATUS_CODES.get(status)
        if code is None:
            code = FailureCode.SERVER_ERROR if 500 <= status <= 599 else FailureCode.API_ERROR
        retryable = code in (FailureCode.RATE_LIMIT, FailureCode.SERVER_ERROR)
        super().__init__(code, message, retryable=retryable, retry_after_ms=retry_after_ms)
        self.status = status


_STATUS_CODES = {
    401: FailureCode.AUTH,
    403: FailureCode.AUTH,
    404: FailureCode.NOT_FOUND,
    409: FailureCode.QUALITY_UNAVAILABLE,
    410: FailureCode.NOT_FOUND,
    429: FailureCode.RATE_LIMIT,
}


class BadAnswer(FetchError):
    """The catalog answered, but not by its contract; the message says what was wrong. Never retried."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureCode.API_ERROR, message, retryable=False)


class Corrupt(FetchError):
    """The bytes are not the file that was promised. Retryable; the worker allows it once (the copy may have been
    cut).
    """

    def __init__(self, message: str) -> None:
        super().__init__(FailureCode.INTEGRITY, message, retryable=True)


class DecoderFailed(FetchError):
    """The program that decodes files does not start, or died: nothing is known about the file. Retryable."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureCode.INTERNAL, message, retryable=True)


class TooLarge(FetchError):
    """More bytes than *limit_bytes* allows."""

    def __init__(self, message: str, *, limit_bytes: int) -> None:
        super().__init__(FailureCode.TOO_LARGE, message, retryable=False)
        self.limit_bytes = limit_bytes


class DiskFull(FetchError):
    """Not enough room on the volume: *free* and *needed* in bytes (needed None where the system only said "full")."""

    def __init__(self, message: str, *, free: int, needed: int | None) -> None:
        super().__init__(FailureCode.DISK_FULL, message, retryable=False)
        self.free = free
        self.needed = needed


class DiskError(FetchError):
    """The file system refused (EIO, EROFS, EMFILE, permissions …)."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureCode.DISK_ERROR, message, retryable=False)
