"""The README's first picture: what it shows being sent is what the server takes."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

from tests.api.cli.live import Live

README = Path(__file__).parents[3] / "README.md"


def test_the_body_in_the_readme_is_accepted(server: Live) -> None:
    """Copied as it stands there, it queues a job."""
    shown = re.search(r"POST (\{.*\})", README.read_text("utf-8"))
    assert shown is not None
    request = urllib.request.Request(
        f"{server.url}/api/download-queue",
        shown[1].encode(),
        {"Content-Type": "application/json"},
    )

    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.status == 201
