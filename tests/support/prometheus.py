"""A real Prometheus for tests: it scrapes what it is told, as fast as it can, and judges by rules of its own folder.

    async with Prometheus(tmp_path / "prometheus", {"tonearm": [server, worker]}, rules) as prometheus:
        assert await prometheus.value("max(tonearm_workers_alive)") == 1

It listens on a free port of 127.0.0.1, tells nobody, and ends with the test.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.support.programs import find
from tests.support.server import free_port, until

_CONFIG = """
global: {{ scrape_interval: 200ms, evaluation_interval: 200ms }}
rule_files: [rules.yml]
scrape_configs:
"""
_JOB = "  - {{ job_name: {job}, static_configs: [ {{ targets: [{targets}] }} ] }}\n"
_FOR = re.compile(r"^( +for: )\w+$", re.MULTILINE)


class Prometheus:
    """One server. *jobs*: what it scrapes, by job, each as `host:port`; *rules*: the text of a file of rules, whose
    alerts fire here as soon as they are true.
    """

    def __init__(self, folder: Path, jobs: Mapping[str, Sequence[str]], rules: str) -> None:
        folder.mkdir()
        lines = [_JOB.format(job=job, targets=", ".join(map(repr, targets))) for job, targets in jobs.items()]
        (folder / "prometheus.yml").write_text(_CONFIG.format() + "".join(lines), "utf-8")
        (folder / "rules.yml").write_text(_FOR.sub(r"\g<1>0s", rules), "utf-8")
        self._folder = folder
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                find("prometheus"),
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                stdout=log,
                stderr=log,
            )
        try:
            await until("Prometheus is ready", self._ready)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._http is not None:
            await self._http.close()

    async def value(self, query: str) -> float | None:
        """What a query of one series says now; None: there is nothing."""
        result = (await self._get("query", query=query))["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in (await self._get("alerts"))["alerts"]}

    async def _get(self, path: str, **query: str) -> Any:
        assert self._http is not None
        async with self._http.get(f"http://127.0.0.1:{self._port}/api/v1/{path}", params=query) as answer:
            body = await answer.json()
            assert body["status"] == "success", body
            return body["data"]

    async def _ready(self) -> bool:
        assert self._http is not None
        assert self._process is not None
        assert self._process.returncode is None, (self._folder / "prometheus.log").read_text("utf-8")
        try:
            async with self._http.get(f"http://127.0.0.1:{self._port}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
