"""Batching: the jobs of one client that are submitted together, as one script (`lua/submit_many.lua`).

Not to be mixed up with `tonearm.store.redis.batch`, which carries single calls of many callers together.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tonearm.errors import QuotaExceeded
from tonearm.model import Idempotency, Submission, SubmitLimits, Submitted
from tonearm.store import batches, wording
from tonearm.store.batches import Answers
from tonearm.store.redis import wire
from tonearm.store.redis.desk import Desk
from tonearm.store.redis.refusals import Refusal, limited

_ANSWERS = msgspec.json.Decoder(list[list[str]])


async def submit_many(
    desk: Desk, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None
) -> Answers:
    """Add the jobs of a batch (`Store.submit_many`)."""
    client = batches.client_of(submissions)
    words = [word for each in submissions for word in (wire.new_task(each), wire.flag(each.check_duplicate))]
    try:
        reply = await desk.run(
            "submit_many",
            client,
            *wire.answer_name(client, idempotency),
            limits.rate_per_minute,
            limits.client_unfinished,
            limits.queue_unfinished,
            limits.client_bytes,
            batches.JOBS_A_TOKEN,
            *words,
        )
    except Refusal as refusal:
        tokens = batches.cost(int(refusal.details[1])) if refusal.kind == "RATE" else 0
        if tokens > limits.rate_per_minute:
            raise wording.batch_too_large(limits.rate_per_minute, tokens) from None
        raise limited(refusal, limits, idempotency) from None
    return tuple(_answer(each) for each in _ANSWERS.decode(reply))


def _answer(told: Sequence[str]) -> Submitted | QuotaExceeded:
    """Read what became of one job."""
    if told[0]:
        return Submitted(told[0], duplicate=told[1] == "1")
    _, kind, figure, limit = told
    if kind == "CLIENT_BYTES":
        return wording.client_bytes_exceeded(int(limit), int(figure))
    full = wording.client_queue_full if kind == "CLIENT_FULL" else wording.queue_full
    return full(int(figure), int(limit))
