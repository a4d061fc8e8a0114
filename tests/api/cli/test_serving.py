"""`serve` as a process: its settings, its end, and what a command of another terminal makes of it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api.cli.live import command, tonearm
from tests.support.server import free_port, until

from tonearm.client import Client


@contextmanager
def serving(folder: Path, port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`tonearm serve` in *folder*, once it listens; its log is JSON on stderr."""
    (folder / "music").mkdir(exist_ok=True)
    settings = {"QUEUE_DATABASE": str(folder / "queue.db"), "INTERNAL_API_URL": "http://127.0.0.1:9", "PORT": "1"}
    with subprocess.Popen(
        command("serve", "--port", str(port), "--json", *arguments),
        cwd=folder,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if str(port) in line:
                break
        else:
            raise AssertionError("".join(lines))
        assert all(isinstance(json.loads(line), dict) for line in lines)
        try:
            yield process
        finally:
            process.kill()


def test_flags_win_over_the_environment_and_the_log_is_json(tmp_path: Path) -> None:
    """The server listens where the flag says; a list of it works; SIGTERM ends it with 0."""
    port = free_port()
    with serving(tmp_path, port) as process:
        listed = tonearm("list", "--server", f"http://127.0.0.1:{port}")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert (listed.code, listed.out) == (0, "")
    assert process.returncode == 0


def test_a_server_in_a_terminal_ends_with_it(tmp_path: Path) -> None:
    """SIGHUP of a terminal that was closed is no wish to read the settings anew: it stops in good order."""
    port, (master, slave) = free_port(), pty.openpty()
    settings = {"QUEUE_DATABASE": str(tmp_path / "queue.db"), "DOWNLOAD_DIR": str(tmp_path / "music")}
    options = ("--port", str(port), "--internal-api-url", "http://127.0.0.1:9", "--json")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["setsid", "--ctty", *command("serve", *options)], env=os.environ | settings, stdin=slave, stderr=log
        )
    os.close(slave)
    try:
        asyncio.run(until("it is ready", lambda: '"Ready"' in (tmp_path / "log").read_text("utf-8")))
        os.close(master)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()

    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    assert events[-1] == "Stopped"
    assert "The settings were read again" not in events


def test_the_line_that_says_ready_says_what_is_there(tmp_path: Path) -> None:
    """The worker by its name or none, the catalog without its secrets, and where the documents are."""
    catalog = ("--internal-api-url", "http://user:hunter2@127.0.0.1:9")
    for more, works in ((catalog, True), ((*catalog, "--no-worker"), False)):
        port = free_port()
        with serving(tmp_path, port, *more) as process:
            assert process.stdout is not None
            ready = next(line for line in process.stdout if '"Ready"' in line)
        said = json.loads(ready)
        assert "hunter2" not in ready
        assert said["catalog"].endswith("***@127.0.0.1:9")
        assert said["docs"] == f"http://127.0.0.1:{port}/docs"
        assert (said["worker"] != "none") is works


def test_a_server_without_a_worker_takes_jobs_and_says_that_nobody_works(tmp_path: Path) -> None:
    """On a queue that only this process has: the log says so at the start, the figures come with 503."""
    port = free_port()
    with serving(tmp_path, port, "--no-worker") as process:
        assert process.stdout is not None
        assert next(line for line in process.stdout if "no other process can work on this queue" in line)
        added = tonearm("add", "track", "11", "--json", "--server", f"http://127.0.0.1:{port}")
        workers = tonearm("workers", "--server", f"http://127.0.0.1:{port}")
        with Client(f"http://127.0.0.1:{port}") as client:
            stats = client.stats()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert added.code == 0
    assert (stats.success, stats.error, stats.queue.queued) == (False, "No worker is running", 1)
    assert "tonearm worker" in workers.err
    assert process.returncode == 0


def test_a_second_server_on_the_same_queue_is_refused(tmp_path: Path) -> None:
    """A clear error, exit code 4, and the first goes on."""
    port = free_port()
    with serving(tmp_path, port):
        database = ("--database", str(tmp_path / "queue.db"), "--internal-api-url", "http://127.0.0.1:9")
        library = ("--download-dir", str(tmp_path / "music"))
        second = tonearm("serve", "--port", str(free_port()), *database, *library)
        listed = tonearm("list", "--server", f"http://127.0.0.1:{port}")

    assert second.code == 4
    assert "queue.db" in second.err
    assert "Traceback" not in second.err
    assert listed.code == 0


def test_a_server_without_a_catalog_says_how_to_get_one(tmp_path: Path) -> None:
    """The error names the setting and the command."""
    database = ("--database", str(tmp_path / "queue.db"), "--download-dir", str(tmp_path))
    ended = tonearm("serve", "--port", str(free_port()), *database)

    assert ended.code == 4
    assert "tonearm catalog serve" in ended.err
