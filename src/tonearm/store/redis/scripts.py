"""The scripts: Lua that Redis runs as one unit, read from `lua/` and put together.

A script file begins with its shebang (`#!lua flags=…`) and a header of comments. A line `-- needs: queue tasks` in the
header names parts, `lua/parts/<part>.lua`, that are put between shebang and body in this order: Redis knows no
libraries that scripts share. In front of them stands the version of the program. What Redis calls a script by is the
SHA-1 of the whole text, so programs of different versions never run each other's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tonearm.store.redis.version import OURS, Version

_NEEDS = re.compile(r"^-- needs:(?P<parts>[ \w]*(?:\n--  [ \w]*)*)$", re.MULTILINE)
"""One line, and those behind it that begin with more than one blank."""
_HEADER = re.compile(r"(?:--[^\n]*(?:\n|\Z))*")


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its *body* is the whole text, *sha* its SHA-1 in hex; one that *writes* is refused by a replica."""

    name: str
    body: str
    sha: str
    writes: bool


def make(name: str, body: str) -> Script:
    """A script of this text, which begins with its shebang."""
    shebang = body.partition("\n")[0]
    if not shebang.startswith("#!lua"):
        raise ValueError(f"the script {name} does not begin with #!lua")
    flags = shebang.partition("flags=")[2].strip().split(",")
    return Script(name, body, hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest(), "no-writes" not in flags)


@cache
def load(name: str, version: Version = OURS) -> Script:
    """Read a script by the name of its file, with its version and the parts that it needs."""
    says = f"local VERSION, WORKS_BESIDE = {version.own}, {version.beside}"
    return make(name, assemble(_read(name), lambda part: _read(f"parts/{part}"), says))


def assemble(text: str, part_of: Callable[[str], str], *before: str) -> str:
    """The whole text of a script: behind its first line the lines *before*, and the parts that its header names."""
    shebang, _, body = text.partition("\n")
    parts = [part_of(part).rstrip("\n") for part in needs_of(body)]
    return "\n".join([shebang, *before, *parts, body])


def needs_of(body: str) -> list[str]:
    """The parts that the header of a script names, without its first line, in their order."""
    header = _HEADER.match(body)
    needs = _NEEDS.search(header.group() if header else "")
    return needs["parts"].replace("\n--", "").split() if needs else []


def _read(name: str) -> str:
    return files(__package__).joinpath(f"lua/{name}.lua").read_text("utf-8")
