"""The story of one job over three processes, rebuilt from the lines of their logs that have its id."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.cli.live import command
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow, status
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until
from tests.support.sharing import Site

from tonearm.clock import iso
from tonearm.model import sentence

LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) \[Queue\] \[(?P<job>-|job-\d+-[a-z0-9]+)\] \[(?P<level>\w+)\] "
    r"\[(?P<logger>[\w.]+)\] (?P<event>.*?)(?P<pairs>(?: [\w.]+=(?:\"(?:[^\"\\]|\\.)*\"|[\[{].*|[^\s\"]*))*)"
)
PAIR = re.compile(r" ([\w.]+)=(\"(?:[^\"\\]|\\.)*\"|\S*)")
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NASTY = "Blue\x1b[31m\n2026-01-02T03:04:05.678Z [Queue] [job-1-a] [info] [jobs] Forged\r\u202eeulB"
SECRETS = ("r3d1s-planted", "c4talog-planted", "w3bhook-planted", "s1gned-planted", "h34der-planted")
OF_A_TASK = {"job", "task", "epoch", "client", "attempt"}
STORY = [
    "Submitted",
    "Started",
    "The attempt failed",
    "Will try again",
    "Started",
    "Recovered from crash",
    "Started",
    "Transferred",
    "Verified",
    "Published",
    "Completed",
]
Line = dict[str, Any]


def read_text(text: str) -> Iterator[Line]:
    """The lines of a log as text; every one has the documented form."""
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        assert found, line
        fields = found.groupdict()
        pairs = {
            name: json.loads(value) if value[:1] == '"' else value for name, value in PAIR.findall(fields.pop("pairs"))
        }
        yield {**pairs, **fields}


def read_json(text: str) -> Iterator[Line]:
    """The lines of a log as JSON."""
    for line in text.splitlines():
        yield json.loads(line)


def when(line: Line) -> str:
    """When something happened: as the store says, else when it was written."""
    return str(line.get("at") or line["time"])


def media_of(catalog: ScriptedCatalog) -> Line:
    """Where the music lies, with credentials in the address and beside it."""
    return {
        "url": f"{catalog.url}/media/1?X-Signature=s1gned-planted",
        "headers": {"Authorization": "Bearer h34der-planted"},
    }


async def submitted(server: Tonearm) -> str:
    """Submit the track, as a client that gives its requests ids."""
    job = {"type": "track", "trackId": 1, "quality": "LOSSLESS", "trackTitle": NASTY}
    _, body = await server.call("POST", "/", json={"job": job}, headers={"X-Request-Id": "from-the-test"})
    return str(body["jobId"])


async def told_by_command(folder: Path, url: str, job_id: str) -> str:
    """What `tonearm logs` says of the job."""
    child = await asyncio.create_subprocess_exec(
        *command("logs", job_id, "--server", url), cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    return out.decode()


def received(site: Site) -> int:
    """Bytes of downloads in the stage."""
    return sum(part.stat().st_size for part in site.stage.glob("*/job-*/part"))


@pytest.mark.parametrize("form", ["text", "json"])
async def test_a_job_is_told_from_submit_to_success_by_its_id_alone(tmp_path: Path, noise: Noise, form: str) -> None:
    """A retry, a worker that is killed, a second one; log, history and API agree, and no secret and no control
    character stands anywhere.
    """
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes(), title=NASTY, media=media_of(catalog))
        catalog.reply("/media/1", status(500), slow(100_000))
        with RedisServer(password="r3d1s-planted") as redis:
            secrets = {"INTERNAL_API_TOKEN": "c4talog-planted", "QUEUE_WEBHOOK_SECRET": "w3bhook-planted"}
            address = redis.url_of(None, "r3d1s-planted")
            site = Site(tmp_path, catalog.url, address, **secrets, LOG_LEVEL="debug", LOG_FORMAT=form)
            server, one, two = site.server("server", arguments=("--no-worker",)), site.worker("one"), site.worker("two")
            async with server, one:
                job_id = await submitted(server)
                await until("bytes have arrived", lambda: received(site) > 50_000)
                await one.kill()
                async with two:
                    await server.wait_for(job_id, "completed")
                    await until("its end stands in the log", lambda: STORY[-1] in two.log.read_text())
                record = await server.job(job_id)
                shown = await told_by_command(tmp_path, server.url, job_id)
    logs = [process.log.read_text() for process in (server, one, two)]
    assert not any(secret in text for secret in SECRETS for text in (*logs, shown))
    assert not any(CONTROL.search(text) for text in (*logs, shown))
    processes = [[*(read_text if form == "text" else read_json)(text)] for text in logs]
    the_story_is_whole(processes, record, job_id)
    history = [(iso(entry["at"]), sentence(entry["event"])) for entry in record["history"]]
    assert [(line["time"], line["event"]) for line in read_text(shown)] == history


def the_story_is_whole(processes: list[list[Line]], record: Line, job_id: str) -> None:
    """Nothing is missing, the order is right, and every time is that of the history and of the record."""
    mine = [[line for line in lines if line["job"] == job_id] for lines in processes]
    for lines in mine[1:]:  # the workers'
        assert all(line.keys() >= OF_A_TASK for line in lines)
        assert {line["task"] for line in lines} == {job_id}
        assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    every = sorted((line for lines in mine for line in lines), key=when)
    story = [line for line in every if line["level"] != "debug"]
    assert [line["event"] for line in story] == STORY
    assert [line.get("request_id") for line in story][:2] == ["from-the-test", None]
    assert [int(line["epoch"]) for line in story] == [0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3]
    assert [int(line["attempt"]) for line in story] == [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]
    failed = story[2]
    assert (failed["code"], int(failed["pause_ms"]) >= 100) == ("server_error", True)

    moves = [line for line in story if line["logger"] == "jobs"]
    assert all(line["at"] <= line["time"] for line in moves)
    history = [(iso(entry["at"]), sentence(entry["event"])) for entry in record["history"]]
    assert [(line["at"], line["event"]) for line in moves] == history
    assert history == sorted(history, key=lambda entry: entry[0])
    times = (iso(record["createdAt"]), iso(record["startedAt"]), iso(record["completedAt"]))
    assert (moves[0]["at"], moves[1]["at"], moves[-1]["at"]) == times
    first = next(line for line in mine[0] if line["event"] == "Request")
    assert (first["method"], str(first["status"]), first["request_id"]) == ("POST", "201", "from-the-test")
