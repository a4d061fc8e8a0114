"""A folder of music as a catalog: `tonearm catalog serve DIR`; this page only hands the names on.

`walk` and `tags` read the folder, `grouping` and `identity` say what belongs together and keeps its id, `index`
remembers it in a small SQLite file, `texts` is what a search looks through, `app` answers the catalog contract,
`serving` runs it.
"""

from tonearm.catalog.folder.app import build_app
from tonearm.catalog.folder.index import MusicIndex, Totals, default_database, index_folder
from tonearm.catalog.folder.serving import listen, serve, serving

__all__ = ["MusicIndex", "Totals", "build_app", "default_database", "index_folder", "listen", "serve", "serving"]
