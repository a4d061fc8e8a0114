"""The embedded store: one SQLite file, or memory."""

from tonearm.store.sqlite.engine import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
