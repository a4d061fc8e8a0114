"""Faults of the system put into a running process, exactly where a call touches one path (strace)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.programs import find
from tests.support.server import until


@asynccontextmanager
async def injected(pid: int, call: str, fault: str, path: Path) -> AsyncIterator[None]:
    """While the block runs, every *call* of the process that names *path*, or a descriptor of it, meets *fault*.

    *fault* is strace's: `error=EIO`, `signal=KILL`. The path need not be there yet.
    """
    expressions = ["-e", f"trace={call}", "-e", f"inject={call}:{fault}", "-P", str(path)]
    command = [find("strace"), "-f", "-qq", "-o", "/dev/null", *expressions, "-p", str(pid)]
    tracer = await asyncio.create_subprocess_exec(*command)
    try:
        await until("every thread is traced", lambda: tracer.returncode is not None or _traced(pid))
        assert tracer.returncode is None, "strace could not trace the process (this needs root)"
        yield
    finally:
        if tracer.returncode is None:
            tracer.terminate()
        await tracer.wait()


def _traced(pid: int) -> bool:
    threads = [thread.read_text("ascii") for thread in Path(f"/proc/{pid}/task").glob("*/status")]
    return not any("TracerPid:\t0\n" in thread for thread in threads)
