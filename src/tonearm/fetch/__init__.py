"""The outbound engine: one client for everything that leaves the machine."""

from tonearm.fetch.courtesy import Courtesy, Turn
from tonearm.fetch.fetcher import Fetcher
from tonearm.fetch.hosts import HostPort
from tonearm.fetch.limits import FetchLimits
from tonearm.fetch.part import PART, SIDECAR, mark_of
from tonearm.fetch.progress import Progress
from tonearm.fetch.throttle import Throttle
from tonearm.fetch.transfer import Received

__all__ = [
    "PART",
    "SIDECAR",
    "Courtesy",
    "FetchLimits",
    "Fetcher",
    "HostPort",
    "Progress",
    "Received",
    "Throttle",
    "Turn",
    "mark_of",
]
