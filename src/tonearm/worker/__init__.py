"""The worker: claims tasks, brings each through its journey into the library, and keeps its leases meanwhile.

worker.py      what a process runs: the claim loop, start and stop
leases.py      what it holds, and until when: renewing, polling, progress
attempt.py     one claim from its start to its settling, whatever happens in between
journey.py     a track: ask, transfer, verify, tag, commit, publish
resolving.py   an album: its track list enters the store in pages
steering.py    what people set for the whole queue, followed while it runs
gates.py       whether anything may be claimed at all; diskhold.py: while the disk is full
janitor.py     stages of the dead and the forgotten
supervisor.py  loops that come back when they fall over; backoff.py: after which pauses
pulse.py       how a worker is at this moment, for the probes of its process
"""

from tonearm.worker.pulse import Pulse, RoundTrip
from tonearm.worker.tools import WorkerTools
from tonearm.worker.worker import Worker

__all__ = ["Pulse", "RoundTrip", "Worker", "WorkerTools"]
