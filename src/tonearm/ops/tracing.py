"""Tracing: whether the spans of this process are recorded, which the environment says (OTEL_EXPORTER_OTLP_ENDPOINT).

The variables are those that OpenTelemetry defines, and its own library reads them. It comes with the extra
`tonearm[otel]` and is not even looked for where no endpoint is set.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from tonearm import traces

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where spans are sent; either will do, the first is the whole address."""

log = structlog.get_logger("tracing")


@asynccontextmanager
async def tracing(environ: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Record the spans of this process as long as the block takes, if it is wanted; the last are sent at its end."""
    if not any(environ.get(name) for name in ENDPOINTS) or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield
        return
    try:
        from tonearm.ops.otlp import OtlpRecorder  # noqa: PLC0415 - heavy, and an extra
    except ImportError as error:
        log.warning("No traces: pip install 'tonearm[otel]' has what sends them", missing=error.name)
        yield
        return
    recorder = OtlpRecorder()
    traces.record(recorder)
    try:
        yield
    finally:
        traces.record(None)
        await asyncio.to_thread(recorder.close)
