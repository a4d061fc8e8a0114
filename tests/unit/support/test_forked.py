"""Servers forked from a loaded process: what they hold and how they end is as with any other start."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

from tests.support.processes import held
from tests.support.server import Tonearm, tonearm, until

NOWHERE = "http://127.0.0.1:9"


def kinds(server: Tonearm) -> Counter[str]:
    """How many descriptors of each kind a server holds."""
    return Counter(name.partition(":")[0].replace(str(server.folder), "") for name in held(server.pid))


async def test_a_forked_server_holds_what_one_holds_that_was_started_by_itself(tmp_path: Path) -> None:
    """Nothing of the process it was forked from reaches it, nor of its siblings: the second is no richer."""
    async with (
        tonearm(tmp_path / "alone", NOWHERE, NO_SETTING_OF_OURS=1) as alone,
        tonearm(tmp_path / "first", NOWHERE),
        tonearm(tmp_path / "second", NOWHERE) as second,
    ):
        # Connections come and go with each look for the catalog; what was left over would stay.
        await until("both hold the same", lambda: kinds(second) == kinds(alone))


async def test_the_exit_code_of_a_forked_server_is_told(tmp_path: Path) -> None:
    """A stop in good order ends with 0, a kill with the signal."""
    async with tonearm(tmp_path / "ended", NOWHERE) as ended, tonearm(tmp_path / "killed", NOWHERE) as killed:
        await ended.terminate()
        await killed.terminate(signal.SIGKILL)

        assert (await ended.ended(), await killed.ended()) == (0, -signal.SIGKILL)
        assert not ended.running
