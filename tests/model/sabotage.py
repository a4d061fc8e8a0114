"""Sabotage: the store is broken on purpose, and the contract and the state machine must notice.

    python -m tests.model.sabotage            all of it, as a table
    python -m tests.model.sabotage NAME …     only these

Each breakage goes against one rule of the store (docs/explain, "The rules of the store") and is made by replacing
functions of the SQLite engine while it runs; no file is touched. A part of the tests (`SUBSET`) runs with it in a
process of its own, where this module is a pytest plugin (`-p tests.model.sabotage`). Without any breakage it must pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

from tests.support.pages import ROOT
from tonearm.errors import LeaseLost, StoreUnavailable
from tonearm.model import Claim, Mark, Outcome
from tonearm.store.sqlite import albums, leases, moves, outcomes
from tonearm.store.sqlite.engine import SqliteStore
from tonearm.store.sqlite.held import orphaned
from tonearm.store.sqlite.storetime import StoreTime
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task

ENVIRONMENT = "TONEARM_SABOTAGE"
SOUND = "none"

CONTRACT = (
    "tests/contract/test_albums.py",
    "tests/contract/test_leases.py",
    "tests/contract/test_settling.py",
    "tests/contract/test_time.py",
)
MACHINE = "tests/model/test_machine.py"
SELECTION = "sqlite-memory and (lease or back_off or pruned or cannot_write or whole or again) or TestMemory"


@dataclass(frozen=True)
class Breakage:
    """One way to break a rule: the rule's number in design.md, what is done, and the function that does it."""

    rule: int
    how: str
    apply: Callable[[], None]


def _replace(owner: Any, name: str, new: Any) -> None:
    """Replace for the rest of this process; the plugin's process ends with its tests."""
    mock.patch.object(owner, name, new).start()


def settle_in_two_transactions() -> None:
    """Rule 1: the state is committed first, the counts and the album second; every third time the power fails between.

    The caller hears that the outcome is unknown and says it again, as a worker does.
    """
    settle, apply, close = outcomes.settle, moves._apply, albums.close_if_done
    left: list[Callable[[], None]] | None = None
    settled = 0

    def later(act: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*args: Any) -> None:
            if left is None:
                act(*args)
            else:
                left.append(lambda: act(*args))

        return wrapped

    def settle_twice(unit: Unit, claim: Claim, outcome: Outcome, mark: Mark | None) -> None:
        nonlocal left, settled
        second: list[Callable[[], None]] = []
        left = second
        try:
            settle(unit, claim, outcome, mark)
        finally:
            left = None
        for statement in ("COMMIT", "BEGIN IMMEDIATE", "SAVEPOINT call"):
            unit.db.execute(statement)
        settled += 1
        if settled % 3 == 0:
            raise StoreUnavailable("the power failed between")
        for act in second:
            act()

    store_settle = SqliteStore.settle

    async def settle_until_answered(
        store: SqliteStore, claim: Claim, outcome: Outcome, mark: Mark | None = None
    ) -> None:
        try:
            await store_settle(store, claim, outcome, mark)
        except StoreUnavailable:
            await store_settle(store, claim, outcome, mark)

    _replace(moves, "_apply", later(apply))
    _replace(albums, "close_if_done", later(close))
    _replace(outcomes, "settle", settle_twice)
    _replace(SqliteStore, "settle", settle_until_answered)


def _accept(alike: Callable[[str, str], bool]) -> None:
    """Compare tokens by *alike* in every write of a worker."""

    def held(unit: Unit, claim: Claim) -> Task:
        task = unit.named(claim.task_id)
        if task is None or task.token is None or not alike(task.token, claim.token) or orphaned(unit, task):
            raise LeaseLost
        return task

    for module in (outcomes, albums):
        _replace(module, "held", held)


def compare_the_epoch_only() -> None:
    """Rule 2: a token with the right epoch is taken for the token."""
    _accept(lambda current, said: current.partition(":")[0] == said.partition(":")[0])


def accept_any_token() -> None:
    """Rule 2: whoever once had a claim of the task may write, as long as somebody holds it."""
    _accept(lambda _current, _said: True)


def follow_the_wall_clock() -> None:
    """Rule 5: store time is what the wall shows."""
    _replace(StoreTime, "now", lambda time: time._clock.wall_ms())


def stand_still_when_the_clock_is_set_back() -> None:
    """Rule 5: store time never runs back, but it stops until the wall has caught up."""
    newest: dict[int, int] = {}
    guard = threading.Lock()

    def now(time: StoreTime) -> int:
        with guard:
            newest[id(time)] = max(newest.get(id(time), 0), time._clock.wall_ms())
            return newest[id(time)]

    _replace(StoreTime, "now", now)


def free_no_lease() -> None:
    """Rule 5 and the promise of a deadline: a lease that was renewed once never ends."""
    renew = leases.renew
    _replace(leases, "renew", lambda unit, worker, marks, _ms: renew(unit, worker, marks, 2**40))


BREAKAGES = {
    "two-transactions": Breakage(1, "settle in two transactions, the power fails between", settle_in_two_transactions),
    "epoch-only": Breakage(2, "tokens compared by their epoch only", compare_the_epoch_only),
    "any-token": Breakage(2, "any token of the task accepted", accept_any_token),
    "wall-clock": Breakage(5, "store time follows the wall clock", follow_the_wall_clock),
    "standstill": Breakage(5, "store time stops when the wall is set back", stand_still_when_the_clock_is_set_back),
    "endless-lease": Breakage(3, "a renewed lease never ends", free_no_lease),
}


def pytest_configure() -> None:
    """As a plugin: break what the environment names."""
    name = os.environ[ENVIRONMENT]
    if name != SOUND:
        BREAKAGES[name].apply()


@dataclass(frozen=True)
class Verdict:
    """What the subset said: the exit status of pytest (0 passed, 1 failed), and the tests that failed."""

    status: int
    contract: tuple[str, ...]
    machine: tuple[str, ...]

    @property
    def caught(self) -> bool:
        """Whether both the contract and the state machine noticed."""
        return self.status == 1 and bool(self.contract) and bool(self.machine)


def run(name: str = SOUND) -> Verdict:
    """Run the subset with this breakage, or with none, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "tests.model.sabotage", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-k", SELECTION, *CONTRACT, MACHINE],
        cwd=ROOT,
        env={**os.environ, ENVIRONMENT: name, "TONEARM_TEST_ALL": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    return Verdict(
        done.returncode,
        tuple(test for test in failed if MACHINE not in test),
        tuple(test for test in failed if MACHINE in test),
    )


def main(names: list[str]) -> int:
    """Print the table; the exit status is 0 when everything was caught and the sound engine passed."""
    rows = [("rule", "how it is broken", "caught by")]
    sound = run()
    rows.append(("-", "nothing is broken", "nothing, as it should be" if sound.status == 0 else "FAILS: see the tests"))
    good = sound.status == 0
    for name in names or list(BREAKAGES):
        verdict = run(name)
        good = good and verdict.caught
        by = f"{len(verdict.contract)} contract tests, {'the state machine' if verdict.machine else 'NOT the machine'}"
        rows.append((str(BREAKAGES[name].rule), BREAKAGES[name].how, by))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        sys.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
