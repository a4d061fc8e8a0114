"""Tonearm: a download queue server for music libraries."""
