"""Every file of Lua: that Redis takes it, that its header tells what it is, and what no script may do."""

from __future__ import annotations

import re

import pytest
from tests.support.pages import ROOT
from tests.support.redis_server import Program
from tests.support.redis_shared import shared_redis
from tests.unit.store.redis.lua import LuaFile, part_files, script_files

from tonearm.store.redis.scripts import load

SCRIPTS, PARTS = script_files(), part_files()

LINE = 120
SHEBANGS = {"#!lua", "#!lua flags=allow-oom", "#!lua flags=no-writes"}
REFUSED_WHEN_FULL = {"submit", "submit_many", "take_in"}
"""What brings more jobs in. Everything else works on a full Redis, so that it can drain."""

MADE_KEY = re.compile(r"\bkey\('(\w+)'")
COMMAND = re.compile(r"\bp?call\(\s*'([A-Z]+)'(?:,\s*([^\n]*))?")

NEVER = {
    "KEYS, SCAN, HSCAN, SSCAN, ZSCAN, RANDOMKEY, DBSIZE": "names are known, nothing is looked for",
    "FLUSHALL, FLUSHDB, SWAPDB": "the server may have others in it",
    "EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, SETEX, PSETEX": "a job ends in its time, not with a key",
    "LREM, LPOS, LINSERT, SORT, HKEYS": "no list is searched",
    "PUBLISH, EVAL, WAIT": "a script changes keys, and nothing else",
}
WHOLE = {"HGETALL", "HVALS", "SMEMBERS", "LRANGE"}
"""What reads a whole key. Each place is one of these, and bounded:"""
BOUNDED = {
    "key('task',": "one record",
    "key('text',": "its texts",
    "key('worker',": "three fields",
    "key('counters')": "as many as there are statuses and codes",
    "key('reports')": "one of each worker of the last day",
    "key('received',": "97 buckets that count",
    "key('keys')": "200 keys and 20 sessions of each at most",
    "key('discarders')": "workers that left stages",
    "key('orphans')": "albums that are being removed",
    "key('history',": "50 lines",
    "name, -2, -1": "two lines",
    "name) or": "the record that is set aside",
    "texts)": "its texts",
}


@pytest.mark.parametrize("program", ["redis", "valkey"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_redis_takes_every_script(name: str, program: Program) -> None:
    """Its syntax is right, it has not more names than Lua allows, and Redis knows its flags."""
    script = load(name)

    assert shared_redis(program).call("SCRIPT", "LOAD", script.body) == script.sha


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_says_what_it_does_takes_answers_and_costs(script: LuaFile) -> None:
    """In this order, behind a first line that says what Redis has to know."""
    first = script.text.splitlines()[0]
    order = [word for line in script.header if (word := line.partition(" ")[0]) in HEADER]

    assert first in SHEBANGS
    assert (first == "#!lua") is (script.name in REFUSED_WHEN_FULL)
    assert script.header[0].startswith(f"{script.name}: ")
    assert order == [word for word in HEADER if word in order]
    assert set(HEADER) - set(order) <= {"Refused"}
    assert "KEYS  1 meta" in script.header


HEADER = ("needs:", "KEYS", "ARGV", "Reply", "Refused", "Cost")


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_part_says_what_it_is(part: LuaFile) -> None:
    """By its name, and it names no part itself: a script lists all that it needs."""
    assert part.header[0].startswith(f"{part.name}: ")
    assert not any(line.startswith("needs:") for line in part.header)


def test_a_name_that_is_misspelt_is_seen() -> None:
    """Fields, keys of tables, texts and comments are no names."""
    text = "-- no names here\nlocal function add(one)\n  return { two = one.three, four == qeue.now, 'five' }\nend\n"

    file = LuaFile("add", text)

    assert (file.gives, file.takes) == ({"add"}, {"four", "qeue"})


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_needs_what_it_uses_and_each_part_stands_behind_what_it_uses_itself(script: LuaFile) -> None:
    """A name that nobody makes would end the script in the middle."""
    there: set[str] = set()
    for file in [*(PARTS[name] for name in script.needs), script]:
        assert file.takes - there == set(), f"{file.name} uses what does not stand before it"
        there |= file.gives


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_needs_nothing_that_it_does_not_use(script: LuaFile) -> None:
    """Each part that it names is used by it, or by a part behind it."""
    files = [*(PARTS[name] for name in script.needs), script]
    unused = [file.name for at, file in enumerate(files[:-1]) if not any(file.gives & x.takes for x in files[at + 1 :])]

    assert unused == []
    assert len(set(script.needs)) == len(script.needs)


def test_every_part_is_needed_and_no_name_is_made_twice() -> None:
    """A name of two parts would be that of the later one, also for what stands between them."""
    needed = {name for script in SCRIPTS.values() for name in script.needs}
    for script in SCRIPTS.values():
        given = [name for part in script.needs for name in PARTS[part].gives]
        assert sorted(given) == sorted(set(given)), script.name

    assert needed == set(PARTS)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_left_by_one_door(script: LuaFile) -> None:
    """`queue.run`, or `run_each` over it, refuses what is of another version, keeps the time and tells the feed; what
    only reads has nothing to finish.
    """
    leaving = re.split(r"^return ", script.text, flags=re.MULTILINE)
    assert len(leaving) == 2
    assert leaving[1].startswith(("queue.run(function()", "queue.run_each("))
    assert leaving[1].rstrip().endswith("\nend)") is ("no-writes" in script.text.splitlines()[0])


@pytest.mark.parametrize("file", [*SCRIPTS.values(), *PARTS.values()], ids=lambda file: file.name)
def test_a_file_keeps_to_commands_that_are_bounded(file: LuaFile) -> None:
    """No command that looks through keys or lists, and none that reads an index whole."""
    forbidden = {command.strip() for line in NEVER for command in line.split(",")}
    for command, rest in COMMAND.findall(file.text):
        assert command not in forbidden
        if command in WHOLE:
            assert any(rest.startswith(place) for place in BOUNDED), f"{command} {rest}"
        assert not re.search(r"\b0, -1\b", rest) or command == "LRANGE"


@pytest.mark.parametrize("file", [*SCRIPTS.values(), *PARTS.values()], ids=lambda file: file.name)
def test_a_file_looks_like_the_others(file: LuaFile) -> None:
    """Lines of 120 at most, no tabs, nothing behind their ends, one line end at the end."""
    assert [line for line in file.text.splitlines() if len(line) > LINE or line != line.rstrip() or "\t" in line] == []
    assert file.text.endswith("\n")
    assert not file.text.endswith("\n\n")


def test_every_kind_of_key_is_explained_and_no_other() -> None:
    """docs/explain/redis.md tells of each what it holds and who writes it."""
    page = (ROOT / "docs" / "explain" / "redis.md").read_text("utf-8")
    made = {name for file in [*SCRIPTS.values(), *PARTS.values()] for name in MADE_KEY.findall(file.text)}
    told = re.findall(r"^\| `(\w+)[`:][^\n]*\| (?:hash|list|set|zset|stream) \|", page, re.MULTILINE)

    assert sorted(set(told)) == sorted(made | {"meta"})
