"""The same collection and server as in the HTTP tests of the folder catalog."""

from tests.api.catalog.conftest import collection, music, serve

__all__ = ["collection", "music", "serve"]
