# ruff: noqa: INP001 - Sphinx reads it by its path
"""How `./dev docs` makes a site of the documents, which are read as they stand in the repository.

The root of the repository is the source, so that a link between README, CHANGELOG and docs/ is the same there and here.
The menu is the table of contents: what docs/README.md links to, section by section, and the list of decisions in
docs/adr. A page that nobody lists is a warning, and warnings are errors.
"""

import posixpath
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

project = "Tonearm"
author = "Tonearm contributors"
copyright = f"2026 {author}"  # noqa: A001 - Sphinx' name for it
extensions = ["myst_parser"]
root_doc = "README"
source_suffix = {".md": "markdown"}
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**"]
exclude_patterns = ["docs/conf.py", "docs/pictures"]
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False

CONTENTS = "docs/README"
DECISIONS = "docs/adr/README"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\((?!\w+:)([^)#]+)\.md[^)]*\)")


def menu(page: str, text: str) -> str:
    """A hidden tree of what *page* links to, a part for each of its sections."""
    heading, *sections = _SECTION.split(text)
    trees = ""
    for title, section in zip(["", *sections[::2]], [heading, *sections[1::2]], strict=True):
        links = dict.fromkeys(
            posixpath.normpath(posixpath.join(posixpath.dirname(page), to)) for to in _PAGE.findall(section)
        )
        names = [f"/{name}" for name in links if name not in (root_doc, page)]
        if names:
            caption = [f":caption: {title}"] if title else []
            trees += "\n".join(["\n```{toctree}", ":hidden:", *caption, "", *names, "```", ""])
    return trees


def add_menu(app: Sphinx, page: str, source: list[str]) -> None:
    """Hang the documents below the front page, and the decisions below their list."""
    if page == root_doc:
        source[0] += menu(CONTENTS, Path(app.srcdir, f"{CONTENTS}.md").read_text("utf-8"))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n/{CONTENTS}\n/CHANGELOG\n```\n"
    elif page == DECISIONS:
        source[0] += menu(page, source[0])


def add_index(app: Sphinx, error: Exception | None) -> None:
    """The front page under the name that web servers look for."""
    if error is None and app.builder.name == "html":
        shutil.copyfile(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the two."""
    app.connect("source-read", add_menu)
    app.connect("build-finished", add_index)
