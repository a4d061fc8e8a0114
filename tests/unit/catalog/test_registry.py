"""Which adapter is chosen for a URL."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tonearm.catalog import HttpCatalog, open_catalog
from tonearm.errors import SetupError


class NoFetcher:
    async def json(self, url: str, *, aside: bool = False) -> object:
        raise AssertionError(url, aside)


@pytest.mark.parametrize("url", ["http://c", "https://c/api", "HTTP://c"])
def test_http_and_https_are_built_in(url: str) -> None:
    """No plug-in can take them over."""
    assert isinstance(open_catalog(url, NoFetcher()), HttpCatalog)


def test_without_a_url_the_error_names_the_folder_catalog() -> None:
    """A newcomer learns what to type."""
    with pytest.raises(SetupError, match="tonearm catalog serve DIR"):
        open_catalog("", NoFetcher())


def test_an_unknown_scheme_is_an_error_that_lists_the_known_ones() -> None:
    """And names the setting."""
    with pytest.raises(SetupError, match=r"'gopher'.*INTERNAL_API_URL.*known: http, https"):
        open_catalog("gopher://c", NoFetcher())


def test_an_installed_package_adds_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point of the group `tonearm.catalogs` is called with the URL and the fetcher."""
    metadata = tmp_path / "other_catalog-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-catalog\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[tonearm.catalogs]\nother = other_catalog:make\n")
    (tmp_path / "other_catalog.py").write_text("def make(url, fetcher):\n    return (url, fetcher)\n")
    monkeypatch.syspath_prepend(tmp_path)
    fetcher = NoFetcher()
    opened: object = open_catalog("other://music", fetcher)
    assert opened == ("other://music", fetcher)
    sys.modules.pop("other_catalog")
