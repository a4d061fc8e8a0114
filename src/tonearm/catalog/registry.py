"""Which adapter speaks to a catalog: chosen by the scheme of its URL.

`http` and `https` are built in. A package adds another scheme by an entry point of the group `tonearm.catalogs`: its
name is the scheme, its object is called with the whole URL and the outbound client and answers a `Catalog`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import cast

from tonearm.catalog.base import Catalog, Fetcher
from tonearm.catalog.http import HttpCatalog
from tonearm.errors import SetupError

ENTRY_POINTS = "tonearm.catalogs"
"""The group in which other packages name their catalogs."""


def open_catalog(url: str, fetcher: Fetcher) -> Catalog:
    """The catalog at *url*, asked through *fetcher*.

    Raises:
        SetupError: no URL, or none of the installed catalogs speaks its scheme.
    """
    if not url.strip():
        raise SetupError(
            "No catalog is set: give its address as INTERNAL_API_URL. "
            "`tonearm catalog serve DIR` makes one of a folder of music."
        )
    scheme = url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        return HttpCatalog(fetcher, url)
    for entry in entry_points(group=ENTRY_POINTS, name=scheme):
        return cast(Callable[[str, Fetcher], Catalog], entry.load())(url, fetcher)
    known = sorted({"http", "https"} | entry_points(group=ENTRY_POINTS).names)
    raise SetupError(f"No installed catalog speaks {scheme!r} (INTERNAL_API_URL={url!r}); known: {', '.join(known)}")
