"""Attack 7: names whose address changes between two looks, through the system's own resolver."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.support.programs import find

ROOT = Path(__file__).parents[3]
ALONE = ["BlockedAddress", "BlockedAddress"]


async def test_a_name_that_turns_private_is_never_followed_there() -> None:
    """What was public a moment ago is checked again; a private address beside a public one is passed over."""
    program = (sys.executable, "-m", "tests.support.rebinding")
    child = await asyncio.create_subprocess_exec(
        *(find("unshare"), "--net", "--mount", *program),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, _ = await child.communicate()
    found = json.loads(out)

    assert child.returncode == 0
    assert found.pop("connections") == ["0"]
    assert found.pop("steady.example") == ["served", "served"]
    assert found.pop("both.example") == ["served", "served"]
    assert found.pop("rebound.example") == ["served", "BlockedAddress"]
    assert found == dict.fromkeys(found, ALONE)
    assert len(found) == 2
