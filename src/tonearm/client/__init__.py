"""The Python client of the HTTP API; this page only hands the names on."""

from tonearm.client.calls import OUTAGE_SECONDS, Action, Client
from tonearm.client.records import (
    Control,
    FailedTrack,
    HistoryEntry,
    Job,
    Receipt,
    RestingHost,
    Stats,
    Track,
    Wanted,
    Worker,
    WorkerFigures,
    Workers,
    WorkerTask,
)
from tonearm.client.transport import Download, ServerAddress

__all__ = [
    "OUTAGE_SECONDS",
    "Action",
    "Client",
    "Control",
    "Download",
    "FailedTrack",
    "HistoryEntry",
    "Job",
    "Receipt",
    "RestingHost",
    "ServerAddress",
    "Stats",
    "Track",
    "Wanted",
    "Worker",
    "WorkerFigures",
    "WorkerTask",
    "Workers",
]
