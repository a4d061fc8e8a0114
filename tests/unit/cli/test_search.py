"""`tonearm search` against a scripted server: what was found, and what to do with it."""

from __future__ import annotations

import re
from typing import Any

from tests.api.cli.live import Terminal
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import Play, Stage

ALBUM = {"type": "album", "id": 5, "title": "Blue", "artist": "Ann", "year": 1971, "trackCount": 10}
TRACK = {"type": "track", "id": 1_234_567, "title": "Red\x1b[31m\u202e", "album": "Blue"}


def answer(*results: dict[str, Any]) -> Play:
    return Play(200, {"success": True, "results": list(results), "count": len(results)})


def test_each_result_is_a_line_with_its_id(tonearm: Run, stage: Stage) -> None:
    """Type and names beside it, nothing that a terminal obeys, and how to queue it on stderr."""
    stage.plays(answer(ALBUM, TRACK))

    ended = tonearm("search", "blue", "ann", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "         5  album  Blue / Ann",
        "   1234567  track  Red\ufffd[31m\ufffd / Blue",
    ]
    assert ended.err == "Queue one: tonearm add album 5\n"
    assert stage.heard[0].path == "/api/download-queue/search?q=blue+ann&limit=50"


def test_type_and_number_are_handed_on(tonearm: Run, stage: Stage) -> None:
    """As the server names them."""
    stage.plays(answer())

    ended = tonearm("search", "blue", "--type", "TRACK", "--limit", "7", "--server", stage.url)

    assert (ended.code, ended.out, ended.err) == (0, "", "Nothing found.\n")
    assert stage.heard[0].path == "/api/download-queue/search?q=blue&limit=7&type=track"


def test_machines_get_a_document_a_result(tonearm: Run, stage: Stage) -> None:
    """As it stood in the answer, and nothing on stderr."""
    stage.plays(answer(ALBUM, TRACK))

    ended = tonearm("search", "blue", "--json", "--server", stage.url)

    assert (ended.documents, ended.err) == ([ALBUM, TRACK], "")


def test_a_catalog_that_cannot_search_is_a_refusal_that_says_what_to_do(tonearm: Run, stage: Stage) -> None:
    """In the server's words; one that is away is another exit code."""
    refusal = {"success": False, "error": "The catalog cannot search: do this", "code": "NOT_IMPLEMENTED"}
    stage.plays(Play(501, refusal))

    ended = tonearm("search", "blue", "--json", "--server", stage.url)

    assert (ended.code, ended.documents) == (1, [refusal])
    away = {"success": False, "error": "No connection", "code": "CATALOG_UNAVAILABLE", "failureCode": "network"}
    stage.plays(Play(503, away, {"Retry-After": "5"}))
    ended = tonearm("search", "blue", "--server", stage.url)
    assert (ended.code, ended.err) == (3, "Error: No connection\n")


def test_on_a_terminal_it_is_a_table_of_its_width(stage: Stage) -> None:
    """Long and hostile titles are cut and cleaned."""
    long = ALBUM | {"title": "A very long title that does not end before the right edge of it " * 3}
    stage.plays(answer(long, TRACK))
    terminal = Terminal("search", "blue", "--server", stage.url)

    assert terminal.end() == 0

    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.seen).replace("\r", "").splitlines()
    assert lines[0].split() == ["ID", "TYPE", "TITLE", "ARTIST"]
    assert [line.split()[:2] for line in lines[1:3]] == [["5", "album"], ["1234567", "track"]]
    assert lines[3] == "Queue one: tonearm add album 5"
    assert all(len(line) <= 80 for line in lines)
    assert not {"\x1b", "\u202e"} & set("".join(lines))
