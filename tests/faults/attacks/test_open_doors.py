"""Attack 34: routes, ports and sockets that nobody thought of, of every kind of process.

The routes of a server are walked in `test_keys`, and held to the table of scopes in `tests/api/test_keys.py`.
"""

from __future__ import annotations

import stat
from pathlib import Path

import aiohttp
from starlette.routing import Mount, Route
from tests.api.serving import PREFIX
from tests.support.alone import run_alone
from tests.support.processes import children, listening
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm
from tests.support.sharing import Site
from yarl import URL

from tonearm.api import Exposition, Probes, create_worker_app
from tonearm.catalog.folder.app import build_app
from tonearm.catalog.folder.index import open_index
from tonearm.clock import SystemClock
from tonearm.settings import Settings

CATALOG_URL = "http://127.0.0.1:9"
PROBES = {(method, path) for method in ("GET", "HEAD") for path in ("/healthz", "/readyz", "/metrics")}
CATALOG = ("/", "/albums", "/albums/{id}", "/tracks/{id}", "/search", "/media/{id}", "/covers/{id}")


def test_a_worker_answers_its_probes_and_metrics_and_nothing_else() -> None:
    """No description of an API, nothing that changes anything."""
    settings = Settings()
    app = create_worker_app(Probes(Exposition(settings, SystemClock())), settings)
    found = {(method, route.path) for route in app.routes if isinstance(route, Route) for method in route.methods or ()}

    assert found == PROBES
    assert not [route for route in app.routes if isinstance(route, Mount)]


def test_a_catalog_of_a_folder_only_reads(tmp_path: Path) -> None:
    """Its two questions, what their answers point to, and what there is."""
    index = open_index(tmp_path, tmp_path / "index.db")
    try:
        app = build_app(index)
    finally:
        index.close()

    assert {route.path for route in app.routes if isinstance(route, Route)} == set(CATALOG)
    assert {method for route in app.routes if isinstance(route, Route) for method in route.methods or ()} == {
        "GET",
        "HEAD",
    }
    assert not [route for route in app.routes if isinstance(route, Mount)]


async def test_a_worker_process_answers_nothing_else_either(tmp_path: Path) -> None:
    """On its only port, by no method; and a foreign page reads not even its metrics."""
    with RedisServer() as redis:
        async with Site(tmp_path, CATALOG_URL, redis.url).worker("one") as worker:
            assert listening(worker.pid) == [f"127.0.0.1:{worker.port}"]
            async with aiohttp.ClientSession(worker.url) as http:
                for path in ("/", PREFIX, f"{PREFIX}/keys", "/docs", "/openapi.json", "/healthz/x", "//metrics"):
                    for method in ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"):
                        async with http.request(method, URL(worker.url + path, encoded=True)) as answer:
                            assert answer.status == 404, (method, path)
                async with http.get("/metrics", headers={"Host": "evil.example"}) as answer:
                    assert answer.status == 421


async def test_a_server_listens_at_one_address_and_so_does_nothing_that_it_starts(tmp_path: Path) -> None:
    """No port of a debugger, of a decoder, or between the parts of a process; and a socket for its owner alone."""
    async with Tonearm(tmp_path, CATALOG_URL) as server:
        hatch = tmp_path / "queue.db.sock"
        assert listening(server.pid) == [f"127.0.0.1:{server.port}", f"unix:{hatch}"]
        assert stat.S_IMODE(hatch.stat().st_mode) == 0o600
        assert [listening(child) for child in children(server.pid) if listening(child)] == []


async def test_a_unix_socket_is_for_owner_and_group_and_is_the_only_door(tmp_path: Path) -> None:
    """The port is closed then; what a dead server left is replaced, and a stop in good order leaves nothing."""
    path = tmp_path / "api.sock"
    async with OverSocket(tmp_path / "one", CATALOG_URL, UNIX_SOCKET=path) as server:
        await server.kill()
        assert path.is_socket()
        await server.start()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert sorted(listening(server.pid)) == [f"unix:{path}", f"unix:{tmp_path / 'one' / 'queue.db.sock'}"]
        await server.terminate()
        await server.ended()
        assert not path.exists()


class OverSocket(Tonearm):
    """A server that is asked over its unix socket whether it is there."""

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.tail()
        connector = aiohttp.UnixConnector(str(self._settings["UNIX_SOCKET"]))
        async with aiohttp.ClientSession(connector=connector) as http:
            try:
                async with http.get("http://localhost/healthz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False


async def test_a_server_that_others_reach_is_open_only_where_somebody_said_so() -> None:
    """A real one, called by an address that is not a loopback one, in a network of its own."""
    assert await run_alone("tests.support.exposed") == {
        "without keys": {"the queue has no key": 1},
        "insecure": {"GET /healthz": 200, f"GET {PREFIX}": 200, f"POST {PREFIX}": 201},
        "insecure, with a key": {"GET /healthz": 200, f"GET {PREFIX}": 401, f"POST {PREFIX}": 401},
    }
