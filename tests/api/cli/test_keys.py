"""`tonearm keys` as a process, at the queue itself and at a server, and a server that others reach without any key."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.api.cli.live import command
from tests.api.cli.test_serving import serving
from tests.support.server import free_port


def run(folder: Path, *arguments: str, key: str = "", port: int = 9) -> subprocess.CompletedProcess[str]:
    """Run a command with the queue in *folder*, and the server at *port*."""
    settings = {"QUEUE_DATABASE": str(folder / "queue.db"), "PORT": str(port), "TONEARM_API_KEY": key}
    settings["INTERNAL_API_URL"] = "http://127.0.0.1:9"
    environment = os.environ | settings
    return subprocess.run(
        command(*arguments), cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_first_key_is_made_at_the_queue_and_the_next_at_the_server(tmp_path: Path) -> None:
    """With the key in the environment; without it the server says that one is needed."""
    root = run(tmp_path, "keys", "create", "root", "--scope", "admin").stdout.strip()
    assert root.startswith("tonearm_")
    port = free_port()
    with serving(tmp_path, port):
        refused = run(tmp_path, "keys", "list", "--json", port=port)
        assert (refused.returncode, json.loads(refused.stdout)["code"]) == (1, "UNAUTHORIZED")
        assert "TONEARM_API_KEY" in refused.stderr
        more = (
            "keys",
            "create",
            "ann",
            "--scope",
            "submit",
            "--limit",
            "rate=5,concurrent=2,bytes=2000000000",
            "--json",
        )
        made = run(tmp_path, *more, key=root, port=port)
        assert json.loads(made.stdout)["key"].startswith("tonearm_")
        listed = run(tmp_path, "keys", "list", "--json", key=root, port=port)
        keys = [json.loads(line) for line in listed.stdout.splitlines()]
        assert [(key["name"], key["scope"], key["limits"]) for key in keys] == [
            ("ann", "submit", {"rate": 5, "concurrent": 2, "bytes": 2_000_000_000}),
            ("root", "admin", {}),
        ]
        assert run(tmp_path, "keys", "revoke", "ann", key=root, port=port).returncode == 0


def test_a_server_that_others_reach_does_not_start_without_keys(tmp_path: Path) -> None:
    """The error says how to make one, and how to do without."""
    (tmp_path / "music").mkdir()
    refused = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", str(free_port()))

    assert refused.returncode == 4
    assert "tonearm keys create" in refused.stderr
    assert "--insecure-open" in refused.stderr
