"""The command line; this page only hands its entry point on."""

from tonearm.cli.app import main

__all__ = ["main"]
