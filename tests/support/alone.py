"""Programs of the tests that run in a network of their own, where nobody else is and which leads nowhere."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.programs import find

_ROOT = Path(__file__).parents[2]


async def run_alone(module: str, *further: str, arguments: Sequence[str] = (), seconds: float = 60.0) -> Any:
    """Run a module in a new namespace of networks, and of what *further* options of unshare say; its JSON answer."""
    child = await asyncio.create_subprocess_exec(
        *(find("unshare"), "--net", *further, sys.executable, "-m", module, *arguments),
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(seconds):
        out, _ = await child.communicate()
    assert child.returncode == 0
    return json.loads(out)
