"""OTLP: the spans of jobs as OpenTelemetry has them, sent to a collector in its own protocol over HTTP.

The trace of a job has an id that follows from the job's, and so has its first span, `submit`: every process that does a
step of the job knows both, without having heard of them. A request that belongs to a trace of its own is linked. Spans
name ids and codes, and no title, address or client. They are sent by a thread, in batches; a collector that is away
costs spans and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tonearm.errors import FetchError
from tonearm.traces import Step

LAST_S = 5.0
"""Seconds that the last spans have at the end of the process."""

_KINDS = {Step.SUBMIT: SpanKind.PRODUCER, Step.CLAIM: SpanKind.CONSUMER}
_REQUEST = TraceContextTextMapPropagator()


def ids_of(job_id: str) -> tuple[int, int]:
    """The ids of the trace of a job and of its first span: 16 and 8 bytes of the SHA-256 of the job's id."""
    digest = hashlib.sha256(job_id.encode()).digest()
    return int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")


class OtlpRecorder:
    """A `traces.Recorder` that sends what it is given, as the variables of OpenTelemetry say. Close it at the end."""

    def __init__(self) -> None:
        self._ids = _Ids()
        self._provider = TracerProvider(resource=_resource(), id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tonearm", version("tonearm"))

    @contextmanager
    def span(
        self,
        step: Step,
        job_id: str,
        figures: Mapping[str, str | int],
        began_ns: int | None,
        headers: Mapping[str, str],
    ) -> Iterator[None]:
        trace_id, first_id = ids_of(job_id)
        if step is Step.SUBMIT:
            self._ids.given, context = (trace_id, first_id), Context()
        else:
            context = set_span_in_context(NonRecordingSpan(self._first(trace_id, first_id)), Context())
        span = self._tracer.start_span(
            step,
            context,
            _KINDS.get(step, SpanKind.INTERNAL),
            {"tonearm.job": job_id, **{f"tonearm.{name}": value for name, value in figures.items()}},
            _links(headers),
            began_ns,
        )
        try:
            yield
        except BaseException as error:
            _tell(span, error)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Send what is left; what a collector that is away does not take within `LAST_S` is lost."""
        closing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(LAST_S)

    def _first(self, trace_id: int, first_id: int) -> SpanContext:
        """The first span of a trace as every process knows it; where it is left out, so is the rest of the trace."""
        result = self._provider.sampler.should_sample(Context(), trace_id, Step.SUBMIT)
        sampled = result.decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, first_id, is_remote=True, trace_flags=flags)


class _Ids(RandomIdGenerator):
    """Ids of spans: random, but for the first span of a trace, whose ids are *given* just before it begins."""

    def __init__(self) -> None:
        self.given: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self.given is None else self.given[0]

    def generate_span_id(self) -> int:
        given, self.given = self.given, None
        return super().generate_span_id() if given is None else given[1]


def _links(headers: Mapping[str, str]) -> tuple[Link, ...]:
    """The span in which the request was made, if it says so."""
    asking = get_current_span(_REQUEST.extract(headers, Context())).get_span_context()
    return (Link(asking),) if asking.is_valid else ()


def _tell(span: Span, error: BaseException) -> None:
    """How a step ended that did not end well. What is stopped, by whomever, has not failed."""
    span.set_attribute("error.type", str(error.code) if isinstance(error, FetchError) else type(error).__name__)
    if not isinstance(error, CancelledError):
        span.set_status(StatusCode.ERROR)


def _resource() -> Resource:
    """This process, as the collector is told of it; what OTEL_SERVICE_NAME and its like say wins."""
    ours = {
        SERVICE_NAME: "tonearm",
        SERVICE_VERSION: version("tonearm"),
        SERVICE_INSTANCE_ID: f"{socket.gethostname()}:{os.getpid()}",
    }
    said = OTELResourceDetector().detect()
    return Resource.create(ours | dict(said.attributes))
