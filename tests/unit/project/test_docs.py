"""The documents: links lead somewhere, and what people can set, type or receive is in the reference."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main
from tests.support.pages import PAGES, ROOT, blocks
from tests.support.redis_server import RedisServer
from typer.core import TyperGroup

from tonearm.api.openapi import document
from tonearm.cli.app import app
from tonearm.cli.exits import ExitCode
from tonearm.errors import FailureCode, RefusalCode
from tonearm.model import STORY, Topic
from tonearm.notices.troubles import TroubleKind
from tonearm.ops.tracing import ENDPOINTS
from tonearm.settings import FIELDS
from tonearm.store.checks import Verdict
from tonearm.store.redis.checks import look
from tonearm.store.redis.link import connect

REFERENCE = ROOT / "docs" / "reference"
API = ROOT / "src" / "tonearm" / "api"

LOGGING = ("debug", "info", "warning", "error", "exception", "critical")
FRAME = re.compile(r'\bframe(?:_of)?\("(\w+)"')
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
SETTING = re.compile(r"([A-Z][A-Z_]+)=")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual hosts make them."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text_of(page)))
    return {heading.replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            yield target


def undocumented(page: str, names: list[str]) -> list[str]:
    """The names that a page of the reference does not show as code."""
    text = (REFERENCE / page).read_text("utf-8")
    return [name for name in names if not re.search(rf"`[^`\n]*(?<![\w-]){re.escape(name)}(?![\w-])[^`\n]*`", text)]


def commands(group: TyperGroup, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """Files and headings that a page links to exist."""
    assert list(dead_links(page)) == []


def test_every_setting_is_in_the_reference() -> None:
    """docs/reference/settings.md names each setting."""
    assert undocumented("settings.md", list(FIELDS)) == []


@pytest.mark.parametrize("codes", [FailureCode, RefusalCode], ids=lambda codes: codes.__name__)
def test_every_code_is_in_the_reference(codes: type[StrEnum]) -> None:
    """docs/reference/codes.md names each way to fail and each refusal."""
    assert undocumented("codes.md", [code.value for code in codes]) == []


def test_every_event_that_is_told_is_in_the_reference() -> None:
    """docs/reference/webhooks.md names each of them, and each trouble."""
    assert undocumented("webhooks.md", [*Topic, *TroubleKind]) == []


def test_every_command_is_in_the_reference() -> None:
    """docs/reference/commands.md names each command by the whole line that starts it."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    assert undocumented("commands.md", [f"tonearm {name}" for name in commands(root)]) == []


def test_every_exit_code_is_in_the_reference() -> None:
    """docs/reference/commands.md tells what each exit code means."""
    text = (REFERENCE / "commands.md").read_text("utf-8")
    assert [code.name for code in ExitCode if not re.search(rf"\b{code.value}\b", text)] == []


def test_every_route_is_in_the_reference() -> None:
    """The tables of docs/reference/http.md have a row for each, and for no other."""
    rows = re.findall(r"^\| `([A-Z]+) (/[^`?]*)", (REFERENCE / "http.md").read_text("utf-8"), re.MULTILINE)
    described = {
        (method.upper(), path)
        for path, operations in document("")["paths"].items()
        for method in operations
        if method != "parameters"
    }

    assert set(rows) == described


def test_every_event_of_the_stream_is_in_the_reference() -> None:
    """docs/reference/http.md names those that the server sends, in the table under Events, and no other."""
    sent = {name for module in API.glob("*.py") for name in FRAME.findall(module.read_text("utf-8"))}
    section = (REFERENCE / "http.md").read_text("utf-8").partition("\n## Events\n")[2].partition("\n## ")[0]

    assert sent >= {"snapshot", "job", "resync"}
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sent


def test_decisions_are_numbered_in_order_and_listed() -> None:
    """No number stands twice or is left out, and the index of docs/adr leads to each page."""
    pages = sorted(page.name for page in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")

    assert [int(page.partition("-")[0]) for page in pages] == list(range(1, len(pages) + 1))
    assert [page for page in pages if f"({page})" not in index] == []


def test_the_notice_names_every_library_that_is_installed_with_us() -> None:
    """A dependency without a line in NOTICE would be passed on without its licence being known."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    names = [re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements]
    lines = {line.split()[0] for line in (ROOT / "NOTICE").read_text("utf-8").splitlines() if line}

    assert [name for name in names if name not in lines] == []


def test_how_to_call_the_program_in_a_checkout_stands_before_its_first_use() -> None:
    """A fresh clone has it in .venv/bin alone; README and tutorial say so before the first line to type."""
    for page in (ROOT / "README.md", ROOT / "docs/tutorial/first-album.md"):
        text = page.read_text("utf-8")
        assert 0 < text.index(".venv/bin/tonearm") < text.index("\ntonearm ")


def parsed(words: list[str]) -> None:
    """Let the command line read this as it would, without doing it; `JOB` stands for some job.

    Raises:
        UsageError: no such command, option or argument.
    """
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        command = command.commands[words[0]]
        words = words[1:]
    command.make_context("tonearm", ["job-1763900000000-k3v9x0q2ab" if word == "JOB" else word for word in words])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_tells_to_type_is_one(page: Path) -> None:
    """Its options exist, and so does each setting before it or in an `export`."""
    for words in (words for block in blocks(page) for words in block.words):
        given = {found[1] for word in words if (found := SETTING.match(word))}
        rest = [word for word in words if not SETTING.match(word)]
        if rest[:1] in (["tonearm"], ["export"]):
            assert given <= FIELDS.keys() | {"PATH", *ENDPOINTS}
        elsewhere = [at for at, word in enumerate(rest) if word.endswith("/bin/tonearm")]
        for at in [0] if rest[:1] == ["tonearm"] else elsewhere:
            parsed(rest[at + 1 :])


async def test_redis_as_the_pages_tell_to_start_it_is_what_a_queue_needs() -> None:
    """The README and the way to many machines say the same, and nothing is warned of then."""
    pages = (ROOT / "README.md", ROOT / "docs/how-to/many-machines.md")
    lines = {tuple(words) for page in pages for block in blocks(page) for words in block.words}
    ((_, *options),) = (words for words in lines if words[0] == "redis-server")
    settings = {name.removeprefix("--"): value for name, value in zip(options[::2], options[1::2], strict=True)}

    with RedisServer(password=settings.pop("requirepass"), settings=settings) as server:
        link = await connect(server.url)
        try:
            assert {check.verdict async for check in look(link)} == {Verdict.WELL}
        finally:
            await link.close()


def events_of(module: Path) -> Iterator[str]:
    """The part under which a module logs, and the sentences of its events, where they stand there as they are."""
    tree = ast.parse(module.read_text("utf-8"))
    for call in ast.walk(tree):
        match call:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=speaker), attr=attr),
                args=[ast.Constant(value=str() as word), *_],
            ) if (attr in LOGGING and "log" in speaker) or (speaker, attr) == ("structlog", "get_logger"):
                yield word
            case _:
                pass


def test_every_part_and_event_of_the_log_is_in_the_reference() -> None:
    """docs/reference/logs.md names each logger, each sentence that is logged, and each word of a history."""
    text = (REFERENCE / "logs.md").read_text("utf-8")
    known = {event for module in (ROOT / "src").rglob("*.py") for event in events_of(module)}

    assert len(known) > 80
    assert [event for event in sorted({*known, *STORY, *STORY.values()}) if f"`{event}`" not in text] == []
