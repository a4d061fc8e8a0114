"""Lua files as a test reads them: header, parts, and which names a file gives to others and takes from them.

It is no parser. It knows the Lua that `store/redis/lua` is written in: names are made by `local`, as arguments or by
`for`, and one that a file makes anywhere counts as its own everywhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tonearm.store.redis import scripts

FOLDER = Path(scripts.__file__).parent / "lua"

_WORD = re.compile(r"\w+")

KNOWN = frozenset(
    _WORD.findall(
        "ARGV KEYS VERSION WORKS_BESIDE cjson error ipairs math next pairs pcall rawget rawset redis setmetatable "
        "string table tonumber tostring type unpack"
    )
)
"""What is there without a part: Lua's own, what Redis gives, and what stands in front of every script."""

_KEYWORDS = frozenset(
    _WORD.findall(
        "and break do else elseif end false for function if in local nil not or repeat return then true until while"
    )
)
_SILENT = re.compile(r"--[^\n]*|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
_NAME = re.compile(r"(?<![\w.:])([A-Za-z_]\w*)(?!\w|\s*=(?!=))")
"""A name that is no field, and not the one before a `=`: that is a key of a table, or something that was made."""
_MADE = (
    re.compile(r"\blocal\s+function\s+(\w+)"),
    re.compile(r"\blocal\s+(?!function\b)(\w+(?:\s*,\s*\w+)*)"),
    re.compile(r"\bfunction\b[^(\n]*\(([^)]*)\)"),
    re.compile(r"\bfor\s+(\w+(?:\s*,\s*\w+)*)\s*(?:=|in\b)"),
)
_GIVEN = re.compile(r"^local\s+(?:function\s+)?(\w+(?:\s*,\s*\w+)*)", re.MULTILINE)


@dataclass(frozen=True)
class LuaFile:
    """One file of the folder, a script or a part, by its name without folder and ending."""

    name: str
    text: str

    @cached_property
    def header(self) -> list[str]:
        """The lines of comment at its beginning, without their dashes."""
        lines = self.text.splitlines()
        begin = 1 if lines[0].startswith("#!") else 0
        end = next(place for place in range(begin, len(lines)) if not lines[place].startswith("--"))
        return [line.removeprefix("--").strip() for line in lines[begin:end]]

    @cached_property
    def needs(self) -> list[str]:
        """The parts that a script names."""
        return scripts.needs_of(self.text.partition("\n")[2])

    @cached_property
    def code(self) -> str:
        """It without comments and texts."""
        return _SILENT.sub("''", self.text.partition("\n")[2] if self.text.startswith("#!") else self.text)

    @cached_property
    def gives(self) -> set[str]:
        """What those behind it in a script can use."""
        return set(_words(_GIVEN.findall(self.code)))

    @cached_property
    def takes(self) -> set[str]:
        """What it uses and does not make itself."""
        made = set(_words(found for pattern in _MADE for found in pattern.findall(self.code)))
        return set(_NAME.findall(self.code)) - made - _KEYWORDS - KNOWN


def _words(found: Iterator[str] | list[str]) -> Iterator[str]:
    for names in found:
        yield from _WORD.findall(names)


@cache
def script_files() -> dict[str, LuaFile]:
    """The scripts."""
    return _read(FOLDER)


@cache
def part_files() -> dict[str, LuaFile]:
    """The parts."""
    return _read(FOLDER / "parts")


def _read(folder: Path) -> dict[str, LuaFile]:
    return {path.stem: LuaFile(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.lua"))}
