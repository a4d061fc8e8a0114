"""Scripts: how a file of Lua becomes what Redis runs."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

from tonearm.store.redis.scripts import assemble, load, make


def test_a_script_that_writes_nothing_says_so_in_its_first_line() -> None:
    """A replica may run it; every other one writes."""
    assert make("a", "#!lua flags=no-writes\nreturn 1").writes is False
    assert make("a", "#!lua flags=allow-oom,no-writes\nreturn 1").writes is False
    assert make("a", "#!lua flags=allow-oom\nreturn 1").writes is True
    assert make("a", "#!lua\nreturn 1").writes is True


def test_a_script_goes_by_the_sum_of_its_whole_text() -> None:
    """That is how Redis knows it."""
    script = make("a", "#!lua\nreturn 'ä'")

    assert script.sha == hashlib.sha1("#!lua\nreturn 'ä'".encode()).hexdigest()


def test_a_text_that_does_not_begin_like_a_script_is_refused() -> None:
    """Without its flags Redis would treat it as one that may do anything."""
    with pytest.raises(ValueError, match="the script claim"):
        make("claim", "return 1")


def test_the_parts_that_a_script_needs_stand_before_it_in_the_order_that_it_says() -> None:
    """The first line stays the first."""
    parts = {"time": "local function time() end\n", "moves": "local function move() end\n"}
    text = "#!lua flags=allow-oom\n-- claim: hands out tasks.\n-- needs: time moves\n-- Cost O(1).\nreturn time()\n"

    assert assemble(text, parts.__getitem__).splitlines() == [
        "#!lua flags=allow-oom",
        "local function time() end",
        "local function move() end",
        "-- claim: hands out tasks.",
        "-- needs: time moves",
        "-- Cost O(1).",
        "return time()",
    ]


def test_only_the_header_says_what_a_script_needs() -> None:
    """A comment further down is a comment."""
    text = "#!lua\n-- claim\nlocal x = 1\n-- needs: nothing\nreturn x\n"

    assert assemble(text, str) == text


def test_every_script_of_ours_can_be_put_together() -> None:
    """Each file of `lua/` has a first line with flags, and parts that are there."""
    folder = files("tonearm.store.redis").joinpath("lua")
    names = [file.name.removesuffix(".lua") for file in (folder.iterdir() if folder.is_dir() else ()) if file.is_file()]

    assert all(load(name).name == name for name in names)
