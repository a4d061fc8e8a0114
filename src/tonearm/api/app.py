"""The application: routes, guards and the one place where what was refused becomes an answer.

It knows a store, not which one; it starts nothing and listens nowhere (that is `tonearm.api.server`). Endpoints take
what they need from the request: for parameters of their own FastAPI would load pydantic.v1, a tenth of the whole start.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from tonearm.api.answers import refusal, refusal_of
from tonearm.api.archives import ArchiveRoutes
from tonearm.api.authentication import Authentication
from tonearm.api.batch import BatchRoutes
from tonearm.api.browsers import Protected
from tonearm.api.bulk import BulkRoutes
from tonearm.api.control import ControlRoutes
from tonearm.api.covers import CoverRoutes
from tonearm.api.exposition import Exposition
from tonearm.api.figures import FigureRoutes
from tonearm.api.guards import HostGuard, OriginGuard
from tonearm.api.health import HealthRoutes
from tonearm.api.jobs import JobRoutes
from tonearm.api.keyring import Authenticator, listens_here_alone
from tonearm.api.keys import KeyRoutes
from tonearm.api.live import Live
from tonearm.api.pages import add_pages
from tonearm.api.paths import PathForms
from tonearm.api.peers import Behind
from tonearm.api.probes import Probes
from tonearm.api.queue_metrics import QueueMetricRoutes
from tonearm.api.requests import Observed
from tonearm.api.search import SearchRoutes
from tonearm.api.streams import StreamRoutes
from tonearm.api.trouble import Trouble
from tonearm.api.webhooks import WebhookRoutes
from tonearm.api.workers import WorkerRoutes
from tonearm.catalog import Catalog
from tonearm.clock import Clock
from tonearm.errors import RefusalCode, Refused, StoreUnavailable
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.worker import Worker

_HTTP_CODES = {404: RefusalCode.NOT_FOUND, 405: RefusalCode.METHOD_NOT_ALLOWED}
_HTTP_TEXTS = {404: "There is nothing here", 405: "This method is not allowed here"}


def create_app(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    catalog: Catalog | None = None,
    worker: Worker | None = None,
    insecure_open: bool = False,
) -> FastAPI:
    """The HTTP API over *store*; *clock* gives job ids and answers their time. *catalog* is searched, nothing else;
    of *worker* the metrics speak, where this process has one.

    Without any key it is open to all where only this machine reaches it, or if *insecure_open*; else it is shut.
    """
    app = FastAPI(title="Tonearm", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    live = Live(store, clock)
    streams = StreamRoutes(store, live, settings)
    FigureRoutes(store, live).add_to(app)
    exposition = Exposition(settings, clock, lambda: streams.listeners)
    exposition.store, exposition.worker = store, worker
    QueueMetricRoutes(store, clock, exposition).add_to(app)
    streams.add_to(app)
    HealthRoutes(store, settings, clock).add_to(app)
    WorkerRoutes(store, clock).add_to(app)
    ControlRoutes(store, settings).add_to(app)
    SearchRoutes(catalog).add_to(app)
    WebhookRoutes(store, settings, clock).add_to(app)
    keyring = Authenticator(
        store,
        clock,
        open_to_all=insecure_open or listens_here_alone(settings),
        behind_proxy=bool(settings.trusted_proxies),
    )
    KeyRoutes(store, settings, clock, keyring).add_to(app)
    BulkRoutes(store, settings).add_to(app)
    BatchRoutes(store, settings, clock).add_to(app)
    JobRoutes(store, settings, clock, live).add_to(app)
    ArchiveRoutes(store, settings.download_dir).add_to(app)
    CoverRoutes(store, settings.download_dir).add_to(app)
    add_pages(app, settings.base_path)
    app.add_middleware(Authentication, keyring=keyring)
    return _guarded(app, settings)


def create_worker_app(probes: Probes, settings: Settings) -> FastAPI:
    """What a process answers that only works: its probes and metrics."""
    app = FastAPI(title="Tonearm worker", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    probes.add_to(app)
    return _guarded(app, settings)


def _guarded(app: FastAPI, settings: Settings) -> FastAPI:
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(StoreUnavailable, Trouble().refuse)
    app.add_exception_handler(HTTPException, _http_error)
    # The last one added is the outermost.
    app.add_middleware(OriginGuard)
    app.add_middleware(HostGuard, settings=settings)
    app.add_middleware(PathForms, base_path=settings.base_path)
    app.add_middleware(Observed)
    app.add_middleware(Behind, trusted=settings.trusted_proxies)
    app.add_middleware(Protected)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal_of(request.scope, error)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses: no such path, or no such method on it."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, RefusalCode.INTERNAL)
    text = _HTTP_TEXTS.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers = {"Allow": ", ".join(_methods(request.app.routes, request))}
    return refusal(request.scope, code, text, status=error.status_code, headers=headers)


def _methods(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """All methods of the resource at the path of *request*, which is that of the first route that fits."""
    fitting = [route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE]
    return sorted({method for route in fitting if route.path == fitting[0].path for method in route.methods or ()})
