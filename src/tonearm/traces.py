"""Traces: the steps of a job, each with its beginning and its end, for whoever records them.

    with traces.span(Step.TRANSFER, claim.job_id, task=claim.task_id):
        ...

All steps of a job are one trace, in whatever process they happen: what joins them is the job's id and nothing that the
store would have to keep. As long as nobody records (`record`), a span does nothing and costs nothing. Who records, and
where to, is not known here (`tonearm.ops.tracing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol


class Step(StrEnum):
    """The steps of a job; a closed list, in their order."""

    SUBMIT = "submit"
    CLAIM = "claim"
    RESOLVE = "resolve"
    """The catalog is asked: for the tracks of an album, or for where a track is to be had."""
    TRANSFER = "transfer"
    VERIFY = "verify"
    """What arrived is looked at: its length, its checksum, its structure."""
    TAG = "tag"
    DECODE = "decode"
    """The file that will be published is listened to."""
    PUBLISH = "publish"


JOURNEY = (Step.RESOLVE, Step.TRANSFER, Step.VERIFY, Step.TAG, Step.DECODE, Step.PUBLISH)
"""The steps of a claim, which a worker takes and measures."""


class Recorder(Protocol):
    """Keeps spans."""

    def span(
        self,
        step: Step,
        job_id: str,
        figures: Mapping[str, str | int],
        began_ns: int | None,
        headers: Mapping[str, str],
    ) -> AbstractContextManager[object]:
        """A span from *began_ns* (wall nanoseconds; None: now) to the end of the block, which may raise anything.

        *figures* are ids and counts. *headers* are those of the request that asked for it, which may name the trace
        that it belongs to.
        """
        ...


_NOTHING: AbstractContextManager[object] = nullcontext()
_NONE: Mapping[str, str] = MappingProxyType({})
_recorder: Recorder | None = None


def record(recorder: Recorder | None) -> None:
    """Give every span of this process to *recorder* from now on; None: to nobody."""
    global _recorder  # noqa: PLW0603 - one for the process, as its log is
    _recorder = recorder


def span(
    step: Step,
    job_id: str,
    figures: Mapping[str, str | int] = _NONE,
    *,
    began_ns: int | None = None,
    headers: Mapping[str, str] = _NONE,
) -> AbstractContextManager[object]:
    """A step of a job, as long as the block takes (`Recorder.span`); how the block ends is told with it."""
    if _recorder is None:
        return _NOTHING
    return _recorder.span(step, job_id, figures, began_ns, headers)


def passed(
    step: Step,
    job_id: str,
    figures: Mapping[str, str | int] = _NONE,
    *,
    began_ns: int,
    headers: Mapping[str, str] = _NONE,
) -> None:
    """A step that began at *began_ns*, wall nanoseconds, and has just ended well."""
    with span(step, job_id, figures, began_ns=began_ns, headers=headers):
        pass
