"""Fixtures of the attacks: the servers of the HTTP tests, and a folder for downloads with a fetcher of its own."""

from __future__ import annotations

from tests.api.conftest import api, serve

__all__ = ["api", "serve"]
