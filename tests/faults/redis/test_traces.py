"""The trace of a job, made by the processes that do its steps, as a collector gets it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.collector import Collector, Seen
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.sharing import Site

STEPS = ["submit", "claim", "resolve", "transfer", "verify", "tag", "decode", "publish"]
ASKING = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{ASKING}-b7ad6b7169203331-01"


async def test_the_steps_of_a_job_are_one_trace_over_processes(
    tmp_path: Path, noise: Noise, redis: RedisServer
) -> None:
    """Its id follows from the job's, its first span is the submission, linked to the trace of who asked for it.

    A job that fails says so where it failed. A server that is stopped sends what it has.
    """
    async with ScriptedCatalog() as catalog, Collector() as collector:
        catalog.add_track(1, body=noise(1).read_bytes())
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": 100}
        site = Site(tmp_path, catalog.url, redis.url, **settings)
        async with site.server("server", arguments=("--no-worker",)) as server, site.worker("worker"):
            job = {"type": "track", "trackId": 1, "quality": "LOSSLESS"}
            headers = {"traceparent": TRACEPARENT}
            status, body = await server.call("POST", "/", json={"job": job}, headers=headers)
            assert status == 201
            good, bad = str(body["jobId"]), await server.submit("track", 2)
            await server.wait_for(good, "completed")
            await server.wait_for(bad, "failed")
            await until("all spans have come", lambda: len(collector.spans()) >= len(STEPS) + 3)
            await server.terminate()
            assert await server.ended() == 0

        trace = trace_of(collector, good)
        assert [seen.span.name for seen in trace] == STEPS
        first, *others = trace
        assert first.span.parent_span_id == b""
        assert {seen.span.parent_span_id for seen in others} == {first.span.span_id}
        assert {seen.service for seen in trace} == {"tonearm"}
        assert first.process not in {seen.process for seen in others}
        assert len({seen.process for seen in others}) == 1
        assert [link.trace_id.hex() for link in first.span.links] == [ASKING]
        assert {seen.figures["tonearm.job"] for seen in trace} == {good}
        assert {seen.figures["tonearm.attempt"] for seen in others} == {1}
        assert all(0 < seen.span.start_time_unix_nano <= seen.span.end_time_unix_nano for seen in trace)
        assert (first.span.kind, others[0].span.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)

        failed = trace_of(collector, bad)
        assert [seen.span.name for seen in failed] == STEPS[:3]
        assert [seen.span.status.code for seen in failed] == [0, 0, Status.STATUS_CODE_ERROR]
        assert failed[-1].figures["error.type"] == "not_found"
        assert [link.trace_id.hex() for link in failed[0].span.links] == []


def trace_of(collector: Collector, job_id: str) -> list[Seen]:
    """The spans of a job, whose trace anybody can name who knows its id."""
    trace_id = hashlib.sha256(job_id.encode()).digest()[:16]
    return [seen for seen in collector.spans() if seen.span.trace_id == trace_id]
