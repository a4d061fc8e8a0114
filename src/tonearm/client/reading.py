"""Reading: an answer becomes the record that was asked for, or the error that it stands for.

Anything that is neither is not an answer of our server, and is said to be so. Nothing is sent or repeated here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar

import msgspec

from tonearm.client import records
from tonearm.client.exchange import Answer, ServerAddress
from tonearm.client.records import Wire
from tonearm.client.refusals import is_ours, to_error
from tonearm.errors import ServerUnreachable, TonearmError

R = TypeVar("R", bound=Wire)


def read(answer: Answer, kind: type[R], address: ServerAddress, job_id: str | None = None, *, whole: bool = False) -> R:
    """The record of *kind* in an answer of the server at *address*; with *whole* whatever its status is.

    Raises:
        TonearmError: the refusal that it is; *job_id* is the job that the request was about.
        ServerUnreachable: it is not an answer of our server.
    """
    if not whole and not HTTPStatus(200) <= answer.status < HTTPStatus(300):
        raise refused(answer, address, job_id)
    _check(answer, address)
    try:
        return records.read(answer.body, kind)
    except (msgspec.MsgspecError, UnicodeError) as wrong:
        raise foreign(address, str(wrong)) from wrong


def refused(answer: Answer, address: ServerAddress, job_id: str | None = None) -> TonearmError:
    """The error that a refusal stands for.

    Raises:
        ServerUnreachable: it is not a refusal of our server.
    """
    _check(answer, address)
    try:
        return to_error(answer.status, answer.body, answer.retry_after_ms, job_id)
    except (msgspec.MsgspecError, UnicodeError) as wrong:
        return foreign(address, str(wrong))


def foreign(address: ServerAddress, found: str) -> ServerUnreachable:
    """The error for an answer that our server would not give."""
    return ServerUnreachable(f"What answers at {address} is not a Tonearm server of this version ({found})")


def _check(answer: Answer, address: ServerAddress) -> None:
    if answer.status == HTTPStatus.NOT_FOUND and not is_ours(answer.body):
        raise ServerUnreachable(f"{address} is not a Tonearm server; is it the catalog?")
    if not answer.content_type.startswith("application/") or "json" not in answer.content_type:
        raise foreign(address, f"HTTP {answer.status}, {answer.content_type or 'no content type'}")
