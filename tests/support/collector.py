"""A collector for tests: takes spans by OTLP over HTTP on loopback, and reads them by the published protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.server import free_port

OTLP = "application/x-protobuf"


@dataclass(frozen=True)
class Seen:
    """A span, and the process that sent it."""

    span: Span
    service: str
    process: str

    @property
    def figures(self) -> dict[str, str | int]:
        """Its attributes."""
        return {each.key: each.value.string_value or each.value.int_value for each in self.span.attributes}


class Collector:
    """Answers at `url` while the block runs, and keeps what it is sent."""

    def __init__(self) -> None:
        self._requests: list[ExportTraceServiceRequest] = []
        self._port = free_port()
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def spans(self) -> list[Seen]:
        """Every span so far, in the order in which they began."""
        return sorted(self._spans(), key=lambda seen: seen.span.start_time_unix_nano)

    def _spans(self) -> Iterator[Seen]:
        for request in self._requests:
            for sent in request.resource_spans:
                of = {each.key: each.value.string_value for each in sent.resource.attributes}
                for scope in sent.scope_spans:
                    for span in scope.spans:
                        yield Seen(span, of["service.name"], of["service.instance.id"])

    async def _take(self, request: web.Request) -> web.Response:
        assert request.content_type == OTLP
        self._requests.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(body=ExportTraceServiceResponse().SerializeToString(), content_type=OTLP)
