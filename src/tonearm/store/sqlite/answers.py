"""Answers under idempotency keys: what a submission was answered, so that it can be said again.

It is looked up and written in the unit of the submission itself. What is too old, a sweep removes.
"""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.errors import QuotaExceeded
from tonearm.model import Idempotency, Submitted
from tonearm.store import batches, wording
from tonearm.store.base import KEY_MS, KEYS_LIMIT
from tonearm.store.batches import Answers
from tonearm.store.sqlite.unit import Unit


def recall(unit: Unit, client: str, idempotency: Idempotency | None) -> Submitted | None:
    """Return what this client was answered under the key; None: nothing, or there is no key.

    Raises:
        Refused: IDEMPOTENCY_MISMATCH.
    """
    found = _find(unit, client, idempotency)
    return None if found is None else Submitted(found[0], duplicate=found[1])


def recall_many(unit: Unit, client: str, idempotency: Idempotency | None) -> Answers | None:
    """Return what a batch of this client was answered under the key, as `recall`."""
    found = _find(unit, client, idempotency)
    return None if found is None else batches.decode(found[0])


def _find(unit: Unit, client: str, idempotency: Idempotency | None) -> tuple[str, bool] | None:
    if idempotency is None:
        return None
    row = unit.one(
        "SELECT digest, answer, duplicate FROM answered WHERE client = ? AND key = ? AND at > ?",
        *(client, idempotency.key, unit.now - KEY_MS),
    )
    if row is None:
        return None
    digest, answer, duplicate = row
    if digest != idempotency.digest:
        raise wording.mismatch(idempotency.key)
    return answer, bool(duplicate)


def remember(unit: Unit, client: str, idempotency: Idempotency | None, answer: Submitted) -> None:
    """Keep an answer under the key, if there is one."""
    _keep(unit, client, idempotency, answer.job_id, duplicate=answer.duplicate)


def remember_many(
    unit: Unit, client: str, idempotency: Idempotency | None, answers: Sequence[Submitted | QuotaExceeded]
) -> None:
    """Keep the answers of a batch under its key, if there is one and something was accepted."""
    if any(isinstance(answer, Submitted) for answer in answers):
        _keep(unit, client, idempotency, batches.encode(answers), duplicate=False)


def _keep(unit: Unit, client: str, idempotency: Idempotency | None, answer: str, *, duplicate: bool) -> None:
    if idempotency is None:
        return
    unit.run(
        "INSERT OR REPLACE INTO answered (client, key, digest, answer, duplicate, at) VALUES (?, ?, ?, ?, ?, ?)",
        *(client, idempotency.key, idempotency.digest, answer, int(duplicate), unit.now),
    )
    unit.run("DELETE FROM answered WHERE number <= (SELECT max(number) FROM answered) - ?", KEYS_LIMIT)
