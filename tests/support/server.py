"""A real `tonearm serve` for tests: its own folders, started, killed and started again.

`Tonearm` runs the server as a process and speaks to it over HTTP. What the server needs (database, library,
stage) lies below one folder, so that a test can look at what a kill left behind. `breakage` is a fault that
`tests.support.breakages` puts into the server's process before it starts.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.support.forked import PROGRAM, Forked, fits, fork
from tests.support.pages import ROOT
from tests.support.processes import stopped

API = "/api/download-queue"
FINAL = ("completed", "failed", "cancelled")
Json = dict[str, Any]


def _ports() -> Iterator[int]:
    """Ports of this process alone: no other one of a parallel run asks for them, and no system gives them away.

    They lie below those that connections get by themselves, which may be taken before a server comes to listen.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    first, share = 12_000, 2_500
    ours = range(first + number * share, first + (number + 1) * share)
    start = os.getpid() * 97 % share  # another run beside this one begins elsewhere, also one that was started next
    return itertools.cycle((*ours[start:], *ours[:start]))


_PORTS = _ports()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports do not end")


async def until(what: str, ready: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Wait until *ready* (sync or async) answers something true, and answer that; fail after *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                answer = ready()
                if asyncio.iscoroutine(answer):
                    answer = await answer
                if answer:
                    return answer
                await asyncio.sleep(0.02)  # a pause between two looks at the state that is awaited
    except TimeoutError:
        raise AssertionError(f"waited {seconds:g} s in vain: {what}") from None


class Tonearm:
    """One server, its folders and its HTTP address."""

    def __init__(
        self,
        folder: Path,
        catalog_url: str,
        *,
        library: Path | None = None,
        command: str = "serve",
        breakage: str | None = None,
        **settings: object,
    ) -> None:
        self.folder = folder
        self.library = library or folder / "music"
        self.stage = self.library / ".tonearm"
        self.log = folder / "server.log"
        self.port = free_port()
        self.breakage = breakage
        self.command = command
        self.arguments: list[str] = []
        self._process: Forked | asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None
        self._settings = {
            "INTERNAL_API_URL": catalog_url,
            "QUEUE_DATABASE": folder / "queue.db",
            "DOWNLOAD_DIR": self.library,
            "PORT": self.port,
            "QUEUE_RATE_LIMIT_PER_MIN": 0,
            "QUEUE_RETRY_BACKOFF_MS": 100,
            **settings,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        self.library.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        if self._http is not None:
            await self._http.close()

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "TONEARM_CONFIG": os.devnull,
            "TONEARM_BREAKAGE": self.breakage or "",
            **{name: str(value) for name, value in self._settings.items()},
        }
        arguments = [self.command, *self.arguments]
        with self.log.open("ab") as log:
            if fits(self._settings):
                self._process = await fork(arguments, environment, self.folder, log)
            else:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", PROGRAM, *arguments),
                    env=environment,
                    cwd=self.folder,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        await until(f"the server answers\n{self.tail()}", self._answers)

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._http is not None
        assert self._process.returncode is None, f"the server ended at its start:\n{self.tail()}"
        try:
            async with self._http.get(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        """`kill -9`, and wait until the process is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self.ended()

    def freeze(self) -> None:
        """SIGSTOP: it lives, and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT: it goes on where it stood, and knows nothing of the time between."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return stopped(self.pid)

    async def terminate(self, number: int = signal.SIGTERM) -> None:
        """Ask it to stop in good order; does not wait."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, seconds: float = 30.0) -> int | None:
        """Wait for the end of the process; its exit code."""
        if self._process is None:
            return None
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    # --- the API ----------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Json]:
        """One request below the API's prefix: status and body."""
        assert self._http is not None
        async with self._http.request(method, f"{self.url}{API}{path}", **options) as answer:
            return answer.status, await answer.json()

    async def submit(
        self, kind: str, number: int, quality: str = "LOSSLESS", *, titled: str | None = None, **more: Any
    ) -> str:
        """Queue a track or an album, with a title of our own if given; its job id."""
        job = {"type": kind, f"{kind}Id": number, "quality": quality}
        if titled is not None:
            job[f"{kind}Title"] = titled
        status, body = await self.call("POST", "/", json={"job": job, **more})
        assert status == 201, body
        return str(body["jobId"])

    async def job(self, job_id: str) -> Json:
        """The whole record of a job."""
        status, body = await self.call("GET", f"/{job_id}")
        assert status == 200, body
        return dict(body["job"])

    async def act(self, job_id: str, action: str) -> Json:
        """PATCH with this action, which is accepted."""
        status, body = await self.call("PATCH", f"/{job_id}", json={"action": action})
        assert status == 200, body
        return body

    async def stats(self) -> Json:
        """The body of /stats."""
        return (await self.call("GET", "/stats"))[1]

    async def wait_for(self, job_id: str, *statuses: str, seconds: float = 60.0) -> Json:
        """Wait until the job has one of these statuses (any final one by default); its record."""
        wanted = statuses or FINAL

        async def arrived() -> Json | None:
            record = await self.job(job_id)
            return record if record["status"] in wanted else None

        try:
            return dict(await until(f"{job_id} is {'/'.join(wanted)}", arrived, seconds=seconds))
        except AssertionError as error:
            record = await self.job(job_id)
            raise AssertionError(f"{error}\n{record}\n{self.tail()}") from None

    # --- the disk ---------------------------------------------------------------------------------------------------

    def files(self) -> list[str]:
        """Every file of the library outside the stage, relative, sorted."""
        found = list[str]()
        for folder, folders, names in os.walk(self.library):  # which passes over what vanishes meanwhile
            folders[:] = [name for name in folders if Path(folder, name) != self.stage]
            found += [str(Path(folder, name).relative_to(self.library)) for name in names]
        return sorted(found)

    def staged(self) -> list[str]:
        """Everything in the stage that belongs to tasks (worker folders hold a lock and notes of their own)."""
        return sorted(
            str(path.relative_to(self.stage)) for worker in self.stage.glob("*") for path in worker.glob("job-*")
        )


@asynccontextmanager
async def tonearm(folder: Path, catalog_url: str, **options: Any) -> AsyncIterator[Tonearm]:
    """A started server that is killed at the end."""
    async with Tonearm(folder, catalog_url, **options) as server:
        yield server
