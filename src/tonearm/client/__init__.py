"""The Python client of the HTTP API; this page only hands the names on.

What is asynchronous stands on aiohttp, which takes 0.4 s to import; so it is loaded when it is named first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tonearm.client.blocking import Client
from tonearm.client.calls import Action, Submission
from tonearm.client.events import Event, JobChanged, Progress, Removed, Resync, Snapshot, StatsChanged
from tonearm.client.exchange import ServerAddress, authorization
from tonearm.client.following import OUTAGE_SECONDS
from tonearm.client.records import (
    Cleared,
    Control,
    Dashboard,
    Deleted,
    FailedTrack,
    Health,
    HealthDisk,
    HealthFailures,
    HealthQueue,
    HealthStore,
    HealthWorker,
    HistoryEntry,
    Hit,
    Job,
    KeptFile,
    Key,
    Metrics,
    Outcome,
    Outcomes,
    QueueCounts,
    Receipt,
    RestingHost,
    Stats,
    Track,
    Wanted,
    WebhookDelivery,
    Webhooks,
    Worker,
    WorkerFigures,
    Workers,
    WorkerTask,
)
from tonearm.client.transport import Download

if TYPE_CHECKING:
    from tonearm.client.async_transport import AsyncDownload
    from tonearm.client.asynchronous import AsyncClient
else:
    _LATER = {"AsyncClient": "asynchronous", "AsyncDownload": "async_transport"}

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "OUTAGE_SECONDS",
    "Action",
    "AsyncClient",
    "AsyncDownload",
    "Cleared",
    "Client",
    "Control",
    "Dashboard",
    "Deleted",
    "Download",
    "Event",
    "FailedTrack",
    "Health",
    "HealthDisk",
    "HealthFailures",
    "HealthQueue",
    "HealthStore",
    "HealthWorker",
    "HistoryEntry",
    "Hit",
    "Job",
    "JobChanged",
    "KeptFile",
    "Key",
    "Metrics",
    "Outcome",
    "Outcomes",
    "Progress",
    "QueueCounts",
    "Receipt",
    "Removed",
    "RestingHost",
    "Resync",
    "ServerAddress",
    "Snapshot",
    "Stats",
    "StatsChanged",
    "Submission",
    "Track",
    "Wanted",
    "WebhookDelivery",
    "Webhooks",
    "Worker",
    "WorkerFigures",
    "WorkerTask",
    "Workers",
    "authorization",
]
