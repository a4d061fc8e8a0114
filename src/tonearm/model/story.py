"""The story of a job: the words in which its history tells what happened, and the sentences of the log for them.

The words are kept and go over the wire; the sentences are what people look for in a log. Both lists are closed, and
each word has one sentence, so that a log can be laid beside a history. docs/reference/logs.md explains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STORY: Mapping[str, str] = MappingProxyType(
    {
        "submitted": "Submitted",
        "moved": "Taken in from another queue",
        "started": "Started",
        "resolved": "Album resolved",
        "delayed": "Will try again",
        "released": "Given back",
        "recovered": "Recovered from crash",
        "cancel_requested": "Cancel requested",
        "pause_requested": "Pause requested",
        "paused": "Paused",
        "resumed": "Resumed",
        "retried": "Retried",
        "completed": "Completed",
        "failed": "Failed",
        "cancelled": "Cancelled",
        "deleted": "Deleted",
    }
)
"""The sentence for each word."""

TROUBLES = frozenset({"recovered", "failed"})
"""Words whose lines are warnings; the others are for information."""


def sentence(word: str) -> str:
    """Return the sentence for a word; of one that only a newer server knows, the word itself as one."""
    return STORY.get(word) or word.replace("_", " ").capitalize()
