"""Whether spans are recorded, and what they tell."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from structlog.testing import capture_logs
from tests.support.collector import Collector
from tests.support.server import free_port

from tonearm import traces
from tonearm.ops import otlp
from tonearm.ops.tracing import tracing
from tonearm.traces import Step

PROGRAM = """
import asyncio, sys
import tonearm.cli.serve
from tonearm import traces
from tonearm.ops.tracing import tracing

async def main():
    async with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}):
        with traces.span(traces.Step.CLAIM, "job-1-1"):
            pass

asyncio.run(main())
loaded = [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))]
sys.exit(" ".join(loaded) or 0)
"""


def test_without_an_endpoint_nothing_is_even_loaded() -> None:
    """A server that nobody traces does not know how it would be done."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)

    assert (ended.returncode, ended.stderr) == (0, "")


async def test_without_the_extra_the_log_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process runs as it would without the endpoint."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "tonearm.ops.otlp", raising=False)
    with capture_logs() as logged:
        async with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}):
            assert traces.span(Step.CLAIM, "job-1-1") is traces.span(Step.PUBLISH, "job-1-2")

    assert [line["event"] for line in logged] == ["No traces: pip install 'tonearm[otel]' has what sends them"]


async def test_a_collector_that_is_away_costs_spans_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps end as they would, with the errors that they have, and so does the process, in bounded time."""
    monkeypatch.setattr(otlp, "LAST_S", 0.1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint := f"http://127.0.0.1:{free_port()}")
    async with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}):
        with pytest.raises(asyncio.CancelledError), traces.span(Step.TRANSFER, "job-1-1"):
            raise asyncio.CancelledError
        traces.passed(Step.SUBMIT, "job-1-2", began_ns=1, headers={"traceparent": "no such thing"})
    assert traces.span(Step.CLAIM, "job-1-1") is traces.span(Step.PUBLISH, "job-1-2")


async def test_of_a_job_every_process_keeps_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only some traces are kept, which ones follows from their ids."""
    jobs = [f"job-1-{number}" for number in range(40)]
    async with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
        for step in (Step.SUBMIT, Step.CLAIM):
            recorder = otlp.OtlpRecorder()
            for job in jobs:
                with recorder.span(step, job, {}, None, {}):
                    pass
            await asyncio.to_thread(recorder.close)
        kept = {
            step: {seen.figures["tonearm.job"] for seen in collector.spans() if seen.span.name == step} for step in Step
        }

    assert kept[Step.SUBMIT] == kept[Step.CLAIM]
    assert 0 < len(kept[Step.CLAIM]) < len(jobs)
