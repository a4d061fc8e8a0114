"""The store: its protocol (`tonearm.store.base`) and its engines."""

from tonearm.store.base import Store

__all__ = ["Store"]
