"""What a worker works with: the parts that `serve` puts together, handed down as one value."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.catalog import Catalog
from tonearm.clock import Clock
from tonearm.fetch import Fetcher
from tonearm.library import Decoder, DiskGuard, Stage, Template
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.worker.covers import Covers


@dataclass(frozen=True, slots=True)
class WorkerTools:
    """The seams that a task passes through on its journey."""

    store: Store
    catalog: Catalog
    fetcher: Fetcher
    covers: Covers
    stage: Stage
    decoder: Decoder
    """Started when the first file needs it; never with `QUEUE_VERIFY=quick`."""
    template: Template
    disk: DiskGuard
    umask: int
    """Permissions taken from published files and new folders."""
    settings: Settings
    clock: Clock
