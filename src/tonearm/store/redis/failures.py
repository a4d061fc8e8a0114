"""Failures: what Redis, or the way to it, says when it cannot do what it was asked, in words that tell what to do.

Two kinds. What time mends, a fail-over, a start, a full disk, is `StoreUnavailable`: say it again; where Redis itself
says that it did nothing, it is `StoreRefused`. What only a person
mends, a password, a certificate, the wrong kind of server, is `SetupError` where a program starts; later on it is
`StoreUnavailable` too, since a running queue waits until it is mended. Any other refusal of Redis is a fault of our
own, and stays what it is.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import TypeVar

from redis import exceptions
from redis.exceptions import RedisError, ResponseError

from tonearm.errors import SetupError, StoreDiskFull, StoreFull, StoreRefused, StoreUnavailable

_Kind = TypeVar("_Kind", bound=BaseException)

_SAID_BYTES = 200
"""So much of what Redis said is repeated."""

_WAITING_HELPS = {
    "LOADING": "is still loading its data after its start",
    "READONLY": "is a replica: a fail-over is under way, or REDIS_URL does not name the master",
    "MASTERDOWN": "is a replica that has lost its master: a fail-over is under way",
    "CLUSTERDOWN": "is part of a Cluster that is down: look at `redis-cli cluster info`",
    "MOVED": "has given our keys to another node; if REDIS_URL names one node of a Cluster, write redis+cluster://",
    "ASK": "is giving our keys to another node",
    "TRYAGAIN": "is giving our keys to another node",
    "UNBLOCKED": "changed its role: a fail-over is under way",
    "MISCONF": "cannot save to its disk and refuses writes: make room there, and look into its log",
    "OOM": "has used all of its memory: raise `maxmemory`, or remove finished jobs",
    "NOREPLICAS": "has fewer replicas than `min-replicas-to-write` demands",
    "BUSY": "is busy with a script of somebody",
}
_FULL: dict[str, type[StoreRefused]] = {"MISCONF": StoreDiskFull, "OOM": StoreFull}
_PERSON = {
    "WRONGPASS": "refuses the user or the password of REDIS_URL",
    "NOAUTH": "wants a password: write it into REDIS_URL, as redis://:password@host, or redis://user:password@host",
    "NOPERM": "does not let this user do what a queue needs: see docs/how-to/redis.md for its permissions",
}
_PERSON_PHRASES = {
    "invalid password": _PERSON["WRONGPASS"],
    "without any password configured": "has no password set, and REDIS_URL gives one",
    "invalid username-password pair": _PERSON["WRONGPASS"],
    "DB index is out of range": "has no database of that number",
    "SELECT is not allowed in cluster mode": "is a node of a Cluster: write redis+cluster://",
    "unknown command 'SENTINEL'": "is no Sentinel: name the Sentinels, at port 26379 mostly, or write redis://",
    "cluster support disabled": "is not part of a Cluster: write redis:// or redis+sentinel://",
}


_NOT_YET_VALID, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
"""What OpenSSL found (`X509_V_ERR_…` in its x509_vfy.h)."""

_AUTHORITY = "Name the file of its authority in REDIS_URL, as rediss://host?ssl_ca_certs=/path/ca.pem"
_NAMES = "Call it in REDIS_URL by a name that stands in the certificate, or add ssl_check_hostname=false behind the ?"
_OF_CERTIFICATES = {
    _NOT_YET_VALID: "Look at the clock of this machine first: it may be slow.",
    _EXPIRED: "Renew it, unless it is the clock of this machine that is wrong.",
    _OTHER_NAME: _NAMES,
    _OTHER_ADDRESS: _NAMES,
}

_OF_SENTINELS = " What Sentinels ask for are sentinel_username and sentinel_password."


def word_of(error: RedisError) -> str:
    """The word by which an error reply begins, such as `MOVED`; empty where there is none."""
    known: str | None = getattr(error, "status_code", None)  # redis-py cuts it off where it knows it
    word = known or str(error).partition(" ")[0]
    return word if word.isupper() and word.isalpha() else ""


def mendable(error: RedisError | OSError, where: str) -> SetupError | None:
    """What a person has to mend before this can work, if it is that."""
    if isinstance(error, RedisError):
        what = _PERSON.get(word_of(error)) or next(
            (text for phrase, text in _PERSON_PHRASES.items() if phrase in str(error)), None
        )
        if what is None and isinstance(error, exceptions.AuthenticationError):
            what = _PERSON["WRONGPASS"]
        if what is not None:
            return SetupError(
                f"{where} {what} ({_said(error)}).{_OF_SENTINELS if where.startswith('Sentinel') else ''}"
            )
    cause = _behind(error, ssl.SSLError)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SetupError(
            f"The certificate of {where} is not trusted: {cause.verify_message.rstrip('.')}. "
            f"{_OF_CERTIFICATES.get(cause.verify_code, _AUTHORITY)}"
        )
    if isinstance(cause, ssl.SSLError):
        return SetupError(f"There is no TLS with {where}: {cause.reason or cause}. Without TLS: redis://")
    return None


def unavailable(error: RedisError | OSError, where: str) -> StoreUnavailable | None:
    """What waiting may mend, if it is that; None for a refusal that is a fault of our own."""
    if (person := mendable(error, where)) is not None:
        return StoreUnavailable(str(person))
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return silent(where)
    if isinstance(error, RedisError) and (text := _WAITING_HELPS.get(word_of(error))):
        kind = _FULL.get(word_of(error), StoreRefused)
        return kind(f"{where} {text} ({_said(error)}).")
    if isinstance(error, ResponseError):
        return None
    if isinstance(error, exceptions.ConnectionError | OSError):
        return StoreUnavailable(f"{where} cannot be reached: {_reason(error)}.")
    return StoreUnavailable(f"{where} answered what is not its protocol: {_said(error)}")


def silent(where: str, *, tls: bool = False) -> StoreUnavailable:
    """Nobody answered within the limit; with *tls*: not even to begin with that."""
    if tls:
        return StoreUnavailable(f"{where} does not answer over TLS. If it does not speak that, write redis://")
    return StoreUnavailable(f"{where} does not answer: it stands still, or the network on the way does.")


_NUMBER = re.compile(r"Err(?:no|or) (\d+)")
_UNNAMED = re.compile(r"Error -\d+ connecting to \S+ (.+)")


def _reason(error: BaseException) -> str:
    """Why there is no connection, in the words of the system; those around them are of the libraries between."""
    text = str(error)
    nameless = _behind(error, socket.gaierror)  # its numbers are others than the system's
    if nameless is not None and nameless.strerror:
        return nameless.strerror.rstrip(".")
    if number := _NUMBER.search(text):
        return os.strerror(int(number[1]))
    unnamed = _UNNAMED.match(text)
    return (unnamed[1] if unnamed else _said(error)).rstrip(".")


def _behind(error: BaseException, kind: type[_Kind]) -> _Kind | None:
    """The first of this *kind* among *error* and what led to it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause


def _said(error: BaseException) -> str:
    return str(error)[:_SAID_BYTES] or type(error).__name__
