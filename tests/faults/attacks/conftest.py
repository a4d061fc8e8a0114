"""What attackers need: servers to call, with and without keys, and music; the fixtures are those of other tests."""

from __future__ import annotations

from tests.api.conftest import api, keyed, pair, serve
from tests.faults.worker.conftest import noise
from tests.support.music import music

__all__ = ["api", "keyed", "music", "noise", "pair", "serve"]
