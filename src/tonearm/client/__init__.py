"""The Python client of the HTTP API; this page only hands the names on."""

from tonearm.client.blocking import Client
from tonearm.client.calls import Action, Submission
from tonearm.client.exchange import ServerAddress, authorization
from tonearm.client.following import OUTAGE_SECONDS
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
from tonearm.client.transport import Download

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
    "Submission",
    "Track",
    "Wanted",
    "Worker",
    "WorkerFigures",
    "WorkerTask",
    "Workers",
    "authorization",
]
