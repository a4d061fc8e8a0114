"""The site that `./dev docs` makes of the documents: without a warning, and nothing in it leads nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

from tests.support.pages import ROOT

DEV = (ROOT / "dev").read_text("utf-8")
LINK = re.compile(r'(?:href|src)="([^"]+)"')
ANCHOR = re.compile(r'\bid="([^"]+)"')


def dead(site: Path, page: Path, text: str, anchors: dict[Path, set[str]]) -> list[str]:
    """The links of a page to files and places of the site that are not there."""
    found = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:|//", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path.partition("?")[0]).resolve() if path else page
        known = anchors.get(target)
        if not target.is_relative_to(site) or not target.is_file() or (known and anchor and anchor not in known):
            found.append(f"{page.name}: {link}")
    return found


def test_the_documents_become_a_site_that_is_whole(tmp_path: Path) -> None:
    """By the command of `./dev docs`; a warning would end it. Nothing is loaded from another origin."""
    (options,) = re.findall(r"-m sphinx (.+) \. build/docs", DEV)
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", *options.split(), ".", tmp_path],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (made.returncode, made.stdout + made.stderr) == (0, "")

    pages = {page: page.read_text("utf-8") for page in tmp_path.rglob("*.html")}
    anchors = {page: set(ANCHOR.findall(text)) for page, text in pages.items()}
    assert [link for page, text in pages.items() for link in dead(tmp_path, page, text, anchors)] == []
    assert [
        page.name for page, text in pages.items() if re.search(r'<(?:script|link|img)[^>]+(?:src|href)="\w+://', text)
    ] == []
    assert pages[tmp_path / "index.html"] == pages[tmp_path / "README.html"]
