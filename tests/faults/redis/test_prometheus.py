"""A real Prometheus scrapes a server and a worker of one queue, with the rules that are shipped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.programs import find
from tests.support.prometheus import Prometheus
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until
from tests.support.sharing import Site

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "tonearm.rules.yml"
DEAD_MS = 2_000


async def check(*processes: Tonearm) -> None:
    """Let promtool judge what each process exposes; whatever it has to say fails."""
    for process in processes:
        async with aiohttp.ClientSession() as http, http.get(f"{process.url}/metrics") as answer:
            text = await answer.read()
        promtool = await asyncio.create_subprocess_exec(
            *(find("promtool"), "check", "metrics"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await promtool.communicate(text)
        assert (promtool.returncode, said.decode()) == (0, "")


async def test_an_alert_fires_when_the_worker_is_killed(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """Until then none does, though a job came and went; what both count adds up, what is of the queue does not."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_WORKER_DEAD_MS=DEAD_MS)
        async with site.server("server", arguments=("--no-worker",)) as server, site.worker("worker") as worker:
            targets = [process.url.removeprefix("http://") for process in (server, worker)]
            rules = RULES.read_text("utf-8")
            async with Prometheus(tmp_path / "prometheus", {"tonearm": targets}, rules) as prometheus:
                await server.submit("track", 1)

                wanted = {
                    "sum(tonearm_jobs_submitted_total)": 1,
                    "sum(tonearm_jobs_completed_total)": 1,
                    "sum(tonearm_received_bytes_total)": noise(1).stat().st_size,
                    'sum(tonearm_jobs{status="completed"})': 2,
                    'max(tonearm_jobs{status="completed"})': 1,
                }

                async def scraped() -> bool:
                    return {query: await prometheus.value(query) for query in wanted} == wanted

                async def silent() -> bool:
                    return not await prometheus.firing()

                await until("both were scraped after the end of the job", scraped)
                await until("no alert fires", silent)
                await check(server, worker)

                await worker.kill()

                async def told() -> bool:
                    return "TonearmNoWorker" in await prometheus.firing()

                await until("the alert fires", told)
                assert await prometheus.value("max(tonearm_workers_alive)") == 0
