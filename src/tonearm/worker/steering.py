"""Steering: a worker follows what people set for the whole queue while it runs.

What was set wins over the settings, and what was taken back leaves them in force. That nothing is claimed while the
queue is paused is the store's business; what runs goes on in any case.
"""

from __future__ import annotations

import structlog

from tonearm.fetch import Throttle
from tonearm.model import Control
from tonearm.settings import Settings
from tonearm.worker.slots import Slots

log = structlog.get_logger("worker.steering")


class Steering:
    """Holds the slots and the throttle of one worker process to the control and, below it, to the settings."""

    def __init__(self, slots: Slots, throttle: Throttle, settings: Settings) -> None:
        self._slots = slots
        self._throttle = throttle
        self._settings = settings
        self.paused = False
        """Whether people hold the whole queue."""

    def follow(self, control: Control) -> bool:
        """Let *control* hold from now on; answers whether anything is different from before. Again is harmless."""
        slots = self._settings.max_concurrent if control.max_concurrent is None else control.max_concurrent
        limit = self._settings.bandwidth_limit if control.bandwidth_limit is None else control.bandwidth_limit
        if (control.paused, slots, limit) == (self.paused, self._slots.limit, self._throttle.limit):
            return False
        self.paused = control.paused
        self._slots.change(slots)
        self._throttle.change(limit)
        log.info("Steered", paused=control.paused, max_concurrent=slots, bandwidth_limit=limit)
        return True
