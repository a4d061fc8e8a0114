"""The usual run: which tests of the contract an engine is asked without `--all`.

Two engines run the scripts of a third one, Redis 7.0, which is always asked everything. A Valkey is asked each rule
once, with one set of its parameters. A Cluster, where a call has six nodes to choose from and a test costs several
times as much, is asked like that for those files alone that between them call every script that the contract calls.
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
    asked = set[tuple[str, str]]()
    for item in items:
        engine = _engine(item)
        if engine is None or engine.name not in ("valkey", "cluster"):
            continue
        rule = (engine.name, item.nodeid.partition("[")[0])
        if rule in asked or (engine.name == "cluster" and item.path.stem.removeprefix("test_") not in ON_CLUSTER):
            yield item
        asked.add(rule)


def _engine(item: pytest.Item) -> Engine | None:
    called = getattr(item, "callspec", None)
    return next((value for value in called.params.values() if isinstance(value, Engine)), None) if called else None
