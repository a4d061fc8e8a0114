"""What the documents tell people to type, typed: block by block, by somebody who has nothing but the page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.support.alone import run_alone
from tests.support.pages import NOT_RUN, PAGES, blocks

TYPED = [page for page in PAGES if any(block.kind == "sh" and not block.not_run for block in blocks(page))]


@pytest.mark.parametrize("page", TYPED, ids=lambda page: page.stem)
async def test_what_a_page_says_can_be_typed(page: Path, tmp_path: Path) -> None:
    """Every block in its order, as it stands there, in a network where the page's ports and names are free."""
    options = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    said = await run_alone("tests.support.typist", *options, arguments=(str(page), str(tmp_path)), seconds=110)

    assert [block for block in said if block["code"]] == []
    if page.stem == "first-album":
        assert said[-1]["said"].endswith("\n1\n")  # a track that is not there in this quality


def test_blocks_that_nobody_types_are_few_and_say_why() -> None:
    """A new one has to be counted here, so that it was thought about."""
    marked = Counter(block.not_run for page in PAGES for block in blocks(page) if block.not_run)

    assert marked.keys() <= NOT_RUN.keys()
    assert dict(marked) == {"root": 10, "engine": 2, "network": 5, "long": 4, "elsewhere": 1}
