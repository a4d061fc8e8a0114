"""Catalogs: where a track id becomes a title and a media URL; this page only hands the names on.

`base` is the seam, `http` asks any service that keeps the catalog contract, `registry` picks the adapter by the URL's
scheme, and `folder` is the other side: a service that keeps the contract for a folder of music.
"""

from tonearm.catalog.base import MAX_ALBUM_TRACKS, Catalog, Fetcher, Searchable
from tonearm.catalog.http import HttpCatalog
from tonearm.catalog.registry import ENTRY_POINTS, open_catalog

__all__ = ["ENTRY_POINTS", "MAX_ALBUM_TRACKS", "Catalog", "Fetcher", "HttpCatalog", "Searchable", "open_catalog"]
