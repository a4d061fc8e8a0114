"""The HTTP API over a store; this page only hands the names on."""

from tonearm.api.app import create_app
from tonearm.api.server import ApiServer

__all__ = ["ApiServer", "create_app"]
