"""The documents as their readers have them: which pages there are, and what each tells people to type.

A block of `sh` is for typing. One that no test can type says so behind the word, where everybody who edits the page
sees it: `sh not-run:root`. The words behind the colon are those of `NOT_RUN`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for part in ("docs", "benchmarks", "tests") for page in (ROOT / part).rglob("*.md"))]
)

NOT_RUN = {
    "root": "changes the machine: packages, users, services",
    "engine": "needs an engine that runs containers",
    "network": "fetches something from elsewhere",
    "long": "takes minutes",
    "elsewhere": "another test runs it",
}
"""Why a block is not typed by the test of its page."""

_BLOCK = re.compile(r"^( *)```(sh|console)(?: +not-run:(\w+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of shell; *not_run* is a word of `NOT_RUN`, or empty. A `console` shows answers too: it is not run."""

    kind: str
    not_run: str
    text: str

    @property
    def lines(self) -> list[str]:
        """What is to be typed: of a block with `$` what stands behind one, else all."""
        lines = [line.strip() for line in self.text.splitlines()]
        if any(line.startswith("$ ") for line in lines):
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in lines if line and not line.startswith("#")]

    @property
    def words(self) -> Iterator[list[str]]:
        """The words of each command, without comments; a backslash at the end of a line goes on in the next."""
        for line in "\n".join(self.lines).replace("\\\n", " ").splitlines():
            yield shlex.split(line, comments=True)


def blocks(page: Path) -> list[Block]:
    """The blocks of shell of a page, in order."""
    found = _BLOCK.findall(page.read_text("utf-8"))
    return [Block(kind, not_run, text) for _, kind, not_run, text in found]
