"""Control: how people steer the whole queue while it runs. What it means to a worker is decided there, not here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MAX_BANDWIDTH = 10**15
"""The largest bandwidth limit, bytes per second."""

MAX_CONCURRENT = 1_000
"""The most transfers at a time that a worker process can be told at run time."""


class Unchanged(Enum):
    """The type of `UNCHANGED`: a field that a change does not speak of, where None already means something."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Control:
    """What people set for the whole queue; None: as the settings say.

    *paused*: nothing new is claimed, running tasks go on. *bandwidth_limit* (bytes per second, 0: no limit) and
    *max_concurrent* (transfers) hold for each worker process.
    """

    paused: bool = False
    bandwidth_limit: int | None = None
    max_concurrent: int | None = None


UNSTEERED = Control()
"""Nothing set: everything runs as the settings say."""


@dataclass(frozen=True, slots=True)
class ControlChange:
    """A change of some fields of `Control`; the others stay as they are when the change comes, whoever set them."""

    paused: bool | Unchanged = UNCHANGED
    bandwidth_limit: int | Unchanged | None = UNCHANGED
    max_concurrent: int | Unchanged | None = UNCHANGED

    def applied(self, control: Control) -> Control:
        """Return what *control* is after this change."""
        return Control(
            paused=control.paused if isinstance(self.paused, Unchanged) else self.paused,
            bandwidth_limit=(
                control.bandwidth_limit if isinstance(self.bandwidth_limit, Unchanged) else self.bandwidth_limit
            ),
            max_concurrent=control.max_concurrent
            if isinstance(self.max_concurrent, Unchanged)
            else self.max_concurrent,
        )
