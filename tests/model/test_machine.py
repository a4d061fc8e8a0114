"""The state machine over each engine: a few short lives by default, many long ones with TONEARM_TEST_ALL=1."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.contract.engines import ENGINES, Engine
from tests.model.machine import QueueMachine
from tests.support.counts import ALL

QUICK = settings(
    max_examples=40,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=1_000, stateful_step_count=80, derandomize=False, print_blob=True)


def _lives(fraction: int) -> settings:
    """As many lives as were asked for, divided; a sabotaged engine is to be caught, not to be studied."""
    chosen = LONG if ALL else QUICK
    if os.environ.get("TONEARM_SABOTAGE"):
        chosen = settings(chosen, max_examples=25, phases=[Phase.generate], report_multiple_bugs=False)
    return settings(chosen, max_examples=chosen.max_examples // fraction)


def _engine(name: str) -> Engine:
    return next(engine for engine in ENGINES if engine.name == name)


class MemoryMachine(QueueMachine):
    """Over SQLite in memory."""

    engine = _engine("sqlite-memory")


class FileMachine(QueueMachine):
    """Over SQLite in a file, which is also closed and opened between the calls."""

    engine = _engine("sqlite-file")


class RedisMachine(QueueMachine):
    """Over a Redis 7.0, whose clients also go and come between the calls."""

    engine = _engine("redis")


class ValkeyMachine(QueueMachine):
    """Over a Valkey 8."""

    engine = _engine("valkey")


class ClusterMachine(QueueMachine):
    """Over a Cluster of six nodes."""

    engine = _engine("cluster")


pytestmark = pytest.mark.timeout(3_600)  # with --all the lives are many

TestMemory = MemoryMachine.TestCase
TestMemory.settings = _lives(1)
TestFile = FileMachine.TestCase
TestFile.settings = _lives(5)
TestRedis = RedisMachine.TestCase
TestRedis.settings = _lives(2)
TestValkey = ValkeyMachine.TestCase
TestValkey.settings = _lives(5)
TestCluster = ClusterMachine.TestCase
TestCluster.settings = _lives(10)
