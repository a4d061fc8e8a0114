"""The usual run: which tests of the contract an engine is asked without `--all`.

Every engine is asked everything but a Cluster, where a call has six nodes to choose from and a test costs several
times as much: it runs the scripts of Redis 7.0, and is asked each rule once, with one set of its parameters, of those
files alone that between them call every script that the contract calls.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.engines import Engine

ON_CLUSTER = frozenset(
    {
        *("album_actions", "albums", "batches", "claiming", "concurrency", "deleting", "durability", "feed", "filed"),
        *("flags", "idempotency", "keyring", "leases", "moving_between", "reading", "retention", "settling"),
        *("steering", "workers"),
    }
)
"""The files whose rules a Cluster is asked."""


def left_out(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Those of *items* that belong to a run with `--all`."""
    asked = set[str]()
    for item in items:
        engine = _engine(item)
        if engine is None or engine.name != "cluster":
            continue
        rule = item.nodeid.partition("[")[0]
        if rule in asked or item.path.stem.removeprefix("test_") not in ON_CLUSTER:
            yield item
        asked.add(rule)


def _engine(item: pytest.Item) -> Engine | None:
    called = getattr(item, "callspec", None)
    return next((value for value in called.params.values() if isinstance(value, Engine)), None) if called else None
