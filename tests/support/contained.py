"""What a container would be for our program, without an engine: its files, its user, and nothing to write to.

    container = Container(folder, environment)          # a folder of our own, and the environment made of the wheel
    await container.run("keys", "list", REDIS_URL=…)    # as ENTRYPOINT and these words
    async with container.running("serve", PORT=…): …

The Containerfile says the rest: ENV, WORKDIR, ENTRYPOINT. The root is a small file system of its own with what the base
image would have, taken from this machine and mounted read-only; /tmp is empty, /music and /data lie in *folder*. The
user has no name, no group and no capability. Network and processes are this machine's: a test says `HOST` and `PORT`.
Making it needs root.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.pages import ROOT
from tests.support.programs import find

CONTAINERFILE = ROOT / "deploy" / "container" / "Containerfile"
UID, GID = 12_345, 54_321
"""Somebody whom no file of the image knows."""

_ROOT = """
set -eu
root=$1 environment=$2 music=$3 data=$4
shift 4
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p usr etc dev proc opt/tonearm music data
mkdir -m 1777 tmp
for name in bin lib lib64 sbin; do if [ -L "/$name" ]; then ln -s "usr/$name" "$name"; fi; done
for name in usr etc; do mount --bind "/$name" "$name"; mount -o remount,bind,ro "$name"; done
mount --rbind /dev dev
mount -t proc proc proc
mount --bind "$environment" opt/tonearm
mount -o remount,bind,ro opt/tonearm
mount --bind "$music" music
mount --bind "$data" data
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -o remount,ro "$root"
exec chroot "$root" "$@"
"""


def instructions() -> dict[str, list[str]]:
    """The instructions of the last stage of the Containerfile, each with its arguments in order; lines are joined."""
    text = CONTAINERFILE.read_text("utf-8").replace("\\\n", " ")
    found = dict[str, list[str]]()
    for line in text[text.rindex("\nFROM ") :].splitlines():
        name, _, rest = line.partition(" ")
        if name and not name.startswith("#"):
            found.setdefault(name, []).append(rest.strip())
    return found


def healthcheck() -> list[str]:
    """The command that asks whether it is well."""
    (line,) = instructions()["HEALTHCHECK"]
    command: list[str] = json.loads(line.partition("CMD ")[2])
    return command


class Container:
    """Runs commands as one container of the image, with /music and /data below *folder*."""

    def __init__(self, folder: Path, environment: Path) -> None:
        self._environment = environment
        self._root = folder / "root"
        self.music = folder / "music"
        self._data = folder / "data"
        self._log = folder / "log"
        for made in (self._root, self.music, self._data):
            made.mkdir(parents=True)
        for made in (self.music, self._data):
            made.chmod(0o1777)

    def _command(self, command: list[str], given: dict[str, object]) -> list[str]:
        said = instructions()
        variables = {}
        for word in (word for line in said["ENV"] for word in shlex.split(line)):
            name, _, value = word.partition("=")
            variables[name] = value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
        variables |= {name: str(value) for name, value in given.items()}
        return [
            *(find("unshare"), "--mount", "--propagation", "private", find("sh"), "-c", _ROOT, "sh"),
            *(str(path) for path in (self._root, self._environment, self.music, self._data)),
            *("setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", "--no-new-privs"),
            *("--bounding-set=-all", "--inh-caps=-all"),
            *("env", "--ignore-environment", f"--chdir={said['WORKDIR'][0]}"),
            *(f"{name}={value}" for name, value in variables.items()),
            *command,
        ]

    async def call(self, command: list[str], **given: object) -> tuple[int, str]:
        """Run any command in it to its end; the exit code, and what it said."""
        child = await asyncio.create_subprocess_exec(
            *self._command(command, given), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(60):
            said, _ = await child.communicate()
        assert child.returncode is not None
        return child.returncode, said.decode()

    async def run(self, *words: str, **given: object) -> str:
        """Run ENTRYPOINT with these words, which succeeds; what it said."""
        (entry,) = instructions()["ENTRYPOINT"]
        code, said = await self.call([*json.loads(entry), *words], **given)
        assert code == 0, said
        return said

    @asynccontextmanager
    async def running(self, *words: str, **given: object) -> AsyncIterator[Path]:
        """ENTRYPOINT with these words, as long as the block lasts; SIGTERM ends it, with 0. Yields its log."""
        (entry,) = instructions()["ENTRYPOINT"]
        log = self._log.with_name(f"log-{len(list(self._log.parent.glob('log-*')))}")
        with log.open("wb") as output:
            child = await asyncio.create_subprocess_exec(
                *self._command([*json.loads(entry), *words], given), stdout=output, stderr=output
            )
        try:
            yield log
        finally:
            child.terminate()
            async with asyncio.timeout(60):
                code = await child.wait()
        assert code == 0, log.read_text("utf-8")


def copied() -> list[str]:
    """What the Containerfile copies from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE.read_text("utf-8"), re.MULTILINE)
    return [word for line in lines for word in line.split()[:-1]]
