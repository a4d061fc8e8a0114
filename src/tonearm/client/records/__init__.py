"""Records: the answers of the server as types, field by field as docs/reference/http.md names them.

Times are epoch milliseconds, sizes bytes, speeds bytes per second, progress 0 to 1. Fields that the server leaves out
are None or empty here; fields that this version does not know are passed over. Nothing here talks to a server, and this
page only hands the names on.
"""

from tonearm.client.records.decoding import read
from tonearm.client.records.figures import (
    Control,
    Dashboard,
    Health,
    HealthDisk,
    HealthFailures,
    HealthQueue,
    HealthStore,
    HealthWorker,
    Metrics,
    QueueCounts,
    RestingHost,
    Stats,
    Worker,
    WorkerFigures,
    Workers,
    WorkerTask,
)
from tonearm.client.records.jobs import (
    Cleared,
    Deleted,
    Done,
    FailedTrack,
    HistoryEntry,
    Job,
    JobAnswer,
    JobPage,
    KeptFile,
    Outcome,
    Outcomes,
    Receipt,
    Track,
    TrackPage,
    Wanted,
)
from tonearm.client.records.keys import Key, KeyList, NewKey
from tonearm.client.records.search import Found, Hit
from tonearm.client.records.webhooks import WebhookDelivery, Webhooks, WebhookTest
from tonearm.client.records.wire import Page, Wire

__all__ = [
    "Cleared",
    "Control",
    "Dashboard",
    "Deleted",
    "Done",
    "FailedTrack",
    "Found",
    "Health",
    "HealthDisk",
    "HealthFailures",
    "HealthQueue",
    "HealthStore",
    "HealthWorker",
    "HistoryEntry",
    "Hit",
    "Job",
    "JobAnswer",
    "JobPage",
    "KeptFile",
    "Key",
    "KeyList",
    "Metrics",
    "NewKey",
    "Outcome",
    "Outcomes",
    "Page",
    "QueueCounts",
    "Receipt",
    "RestingHost",
    "Stats",
    "Track",
    "TrackPage",
    "Wanted",
    "WebhookDelivery",
    "WebhookTest",
    "Webhooks",
    "Wire",
    "Worker",
    "WorkerFigures",
    "WorkerTask",
    "Workers",
    "read",
]
