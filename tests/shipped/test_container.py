"""The container files, checked without an engine: what they name is there, and what they start works."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from tests.shipped.conftest import constraints, contents, uv, wheel
from tests.support.catalog import ScriptedCatalog
from tests.support.contained import UID, Container, copied, healthcheck, instructions
from tests.support.music import Music, music
from tests.support.pages import ROOT
from tests.support.redis_server import RedisServer
from tests.support.server import free_port, until

from tonearm.settings import FIELDS

__all__ = ["music"]  # a fixture

COMPOSE = ROOT / "deploy" / "container" / "compose.yaml"
SYSTEM_PYTHON = "/usr/bin/python3"
"""One that every user may run."""


def compose() -> dict[str, Any]:
    """The compose file, read."""
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return read


def test_what_the_image_is_made_of_is_in_the_checkout() -> None:
    """Every file that is copied, and it runs as somebody else than root."""
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    assert not re.match(r"(0|root)\b", instructions()["USER"][0])
    assert set(re.findall(r"([A-Z_]+)=", instructions()["ENV"][0])) - FIELDS.keys() == {
        "PATH",
        "HOME",
        "PYTHONDONTWRITEBYTECODE",
    }


def test_the_image_has_the_wheel_that_is_shipped(built: Path, tmp_path: Path) -> None:
    """What is copied to build it makes the same one, byte for byte."""
    source = tmp_path / "source"
    for name in copied():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, source)

    assert contents(wheel(built)) == contents(wheel(tmp_path))


def test_the_compose_file_is_what_the_specification_calls_one() -> None:
    """By the schema of compose-spec; the settings that it gives exist, and the paths that it builds from."""
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout
    ours = [service for service in compose()["services"].values() if service["image"] == "tonearm"]
    assert [name for service in ours for name in service["environment"] if name not in FIELDS] == []
    for service in ours:
        assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


async def test_what_compose_starts_brings_music_as_any_user_on_a_read_only_root(
    built: Path, tmp_path: Path, music: Music
) -> None:
    """Its server and both workers, as its commands say, with a Redis of the same options, and one library."""
    environment = tmp_path / "environment"
    uv("venv", "--quiet", "--relocatable", "--python", SYSTEM_PYTHON, environment)
    uv("pip", "install", "--quiet", "--python", environment, "--constraint", constraints(built), wheel(built))
    services = compose()["services"]
    options = services["redis"]["command"]
    settings = {name.removeprefix("--"): value for name, value in zip(options[1::2], options[2::2], strict=True)}
    async with AsyncExitStack() as stack:
        catalog = await stack.enter_async_context(ScriptedCatalog())
        for number in (1, 2):
            catalog.add_track(number, body=music("flac", seconds=1.0, seed=number).read_bytes())
        catalog.add_album(5, [1, 2])
        redis = stack.enter_context(RedisServer(password="a-long-secret", settings=_without_password(settings)))
        given = {"REDIS_URL": redis.url, "INTERNAL_API_URL": catalog.url, "HOST": "127.0.0.1"}
        container = Container(tmp_path / "container", environment)
        key = re.search(r"tonearm_\S+", await container.run("keys", "create", "root", "--scope", "admin", **given))
        assert key is not None
        ports = {}
        for name in ("server", "worker-1", "worker-2"):
            ports[name] = free_port()
            await stack.enter_async_context(container.running(*services[name]["command"], **given, PORT=ports[name]))

        for port in ports.values():
            await until("it answers", partial(_answers, port), seconds=90)
            assert await container.call(healthcheck(), PORT=port) == (0, "")
        server = f"http://127.0.0.1:{ports['server']}"
        await container.run("add", "album", "5", "--wait", "--server", server, TONEARM_API_KEY=key[0])

        assert (await container.call(healthcheck(), PORT=free_port()))[0] != 0
        assert (await container.call(["sh", "-c", "touch /x || touch /opt/tonearm/x || touch /etc/x"]))[0] != 0
        filed = sorted(container.music.rglob("*.flac"))
        assert len(filed) == 2
        assert {path.stat().st_uid for path in filed} == {UID}


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


def _without_password(settings: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name != "requirepass"}
