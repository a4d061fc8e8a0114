"""The spool: a local store that stands in for the main one while that is away."""

from tonearm.store.spool.spool import Spool, open_spool

__all__ = ["Spool", "open_spool"]
