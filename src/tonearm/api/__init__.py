"""The HTTP API over a store; this page only hands the names on."""

from tonearm.api.app import create_app, create_worker_app
from tonearm.api.exposition import Exposition
from tonearm.api.probes import Probes
from tonearm.api.server import ApiServer

__all__ = ["ApiServer", "Exposition", "Probes", "create_app", "create_worker_app"]
