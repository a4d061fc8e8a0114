"""Failures: what the libraries below raise, told in the words of `tonearm.errors`.

No exception of aiohttp and no OSError leaves the engine. Texts name the host, never the URL: a signed one is a secret.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError

from tonearm.errors import (
    BadAnswer,
    BlockedAddress,
    ConnectionFailed,
    FetchError,
    HttpStatus,
    Timeout,
)
from tonearm.fetch.framing import BrokenFraming
from tonearm.fetch.guard import RefusedAddress
from tonearm.fetch.headers import retry_after_ms
from tonearm.fetch.hosts import HostPort
from tonearm.fetch.limits import FetchLimits, in_seconds

# Running out of descriptors says nothing about the host that was being connected to.
_OUR_OWN = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@contextmanager
def network_failures(peer: HostPort, limits: FetchLimits) -> Iterator[None]:
    """Translate whatever the network raises inside into a FetchError that names *peer*."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise Timeout(f"Download timeout ({in_seconds(limits.connect_ms)})", connecting=True) from error
    except TimeoutError as error:
        raise Timeout(f"Download timeout ({in_seconds(limits.silence_ms)})") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _network_failure(peer, error) from error


def _network_failure(peer: HostPort, error: Exception) -> FetchError:
    match error:
        case aiohttp.ClientConnectorError():
            return _no_connection(peer, error)
        case aiohttp.InvalidURL():
            return BadAnswer(f"The URL for {peer} is not valid")
        case aiohttp.ClientPayloadError(__cause__=ContentEncodingError()):
            return BadAnswer(f"{peer} sent a body that does not decompress")
        case aiohttp.ClientResponseError() | BrokenFraming():
            return BadAnswer(f"{peer} sent an answer that is not HTTP")
        case _:
            return ConnectionFailed(f"{peer} closed the connection before the end")


def _no_connection(peer: HostPort, error: aiohttp.ClientConnectorError) -> FetchError:
    reason = error.os_error
    match error:
        case _ if (ours := _own_trouble(reason)) is not None:
            return ConnectionFailed(f"This machine could not open a connection: {os.strerror(ours)}")
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailed(f"The name {peer.host} could not be resolved", connecting=True)
        case aiohttp.ClientSSLError():
            return ConnectionFailed(f"No secure connection to {peer}: {_tls_reason(reason)}", connecting=True)
        case _ if isinstance(reason, RefusedAddress):
            return BlockedAddress(f"{peer} leads to {reason.address}, which is not a public address")
        case _:
            text = os.strerror(reason.errno) if reason.errno else str(reason)
            return ConnectionFailed(f"No connection to {peer}: {text}", connecting=True)


def _own_trouble(reason: OSError) -> int | None:
    """The number of an error that is this machine's own, None for one that speaks of the host.

    A resolver that found no free descriptor says no more than that the name is not known, so we look ourselves.
    """
    if not isinstance(reason, socket.gaierror):
        return reason.errno if reason.errno in _OUR_OWN else None
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno if error.errno in _OUR_OWN else None
    return None


def _tls_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return str(getattr(error, "reason", None) or "the handshake failed")


def status_failure(peer: HostPort, response: aiohttp.ClientResponse) -> HttpStatus:
    """Tell an answer that is not the success asked for, with the wait that it wishes."""
    try:
        phrase = f" {HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = ""
    text = f"{peer} answered {response.status}{phrase}"
    return HttpStatus(response.status, text, retry_after_ms=retry_after_ms(response.headers))
