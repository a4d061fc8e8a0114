"""Answers under idempotency keys: what a submission was answered, so that it can be said again.

It is looked up and written in the unit of the submission itself. What is too old, a sweep removes.
"""

from __future__ import annotations

from tonearm.model import Idempotency, Submitted
from tonearm.store import wording
from tonearm.store.base import KEY_MS, KEYS_LIMIT
from tonearm.store.sqlite.unit import Unit


def recall(unit: Unit, client: str, idempotency: Idempotency | None) -> Submitted | None:
    """Return what this client was answered under the key; None: nothing, or there is no key.

    Raises:
        Refused: IDEMPOTENCY_MISMATCH.
    """
    if idempotency is None:
        return None
    row = unit.one(
        "SELECT digest, job, duplicate FROM answered WHERE client = ? AND key = ? AND at > ?",
        *(client, idempotency.key, unit.now - KEY_MS),
    )
    if row is None:
        return None
    digest, job_id, duplicate = row
    if digest != idempotency.digest:
        raise wording.mismatch(idempotency.key)
    return Submitted(job_id, duplicate=bool(duplicate))


def remember(unit: Unit, client: str, idempotency: Idempotency | None, answer: Submitted) -> None:
    """Keep an answer under the key, if there is one."""
    if idempotency is None:
        return
    unit.run(
        "INSERT OR REPLACE INTO answered (client, key, digest, job, duplicate, at) VALUES (?, ?, ?, ?, ?, ?)",
        *(client, idempotency.key, idempotency.digest, answer.job_id, int(answer.duplicate), unit.now),
    )
    unit.run("DELETE FROM answered WHERE number <= (SELECT max(number) FROM answered) - ?", KEYS_LIMIT)
