"""Rereading: the settings of a running process are read anew, and what can change at run time changes.

They are checked as a whole first: of a file with a mistake nothing is taken. Parts that read a setting at use need no
word; those that made something of it before (a limit, an allowance, the form of the log) are called. What a setting
means is theirs to know.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from pydantic import SecretStr

from tonearm.errors import SetupError
from tonearm.settings import ATTRIBUTES, RELOADABLE, Settings, load_again
from tonearm.settings.showing import shown

log = structlog.get_logger("server.settings")


class Rereading:
    """Holds *settings* to what their sources say, each time that `now` is called. Belongs to the loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        _warn(settings)
        self._parts: list[Callable[[], None]] = []

    def tell(self, part: Callable[[], None]) -> None:
        """Call *part* after every change from now on. It reads the settings that it has, and cannot refuse."""
        self._parts.append(part)

    def now(self) -> None:
        """Read, and let hold what can; one line of the log says what changed, and what will at the next start."""
        try:
            newer = load_again(self._settings)
        except SetupError as error:
            log.error("The settings cannot be used, so nothing changed", error=str(error))  # noqa: TRY400 - no stack
            return
        different = self._settings.differences(newer)
        changed = [self._said(name, newer) for name in different if name in RELOADABLE]
        later = [self._said(name, newer) for name in different if name not in RELOADABLE]
        self._settings.take(newer)
        for part in self._parts:
            part()
        _warn(newer)
        if later:
            log.warning("The settings were read again", changed=changed, needs_restart=later)
        else:
            log.info("The settings were read again", changed=changed)

    def _said(self, name: str, newer: Settings) -> str:
        before, after = (getattr(settings, ATTRIBUTES[name]) for settings in (self._settings, newer))
        if isinstance(before or after, SecretStr):
            return name
        before, after = shown(before), shown(after)
        return f"{name}: {before or 'not set'} -> {after or 'not set'}"


def _warn(settings: Settings) -> None:
    """Say what people should know of where the settings stand."""
    for warning in settings.origin.warnings:
        log.warning(warning)
