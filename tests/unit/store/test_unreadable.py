"""A record that cannot be read is set aside, counted and reported; it never stops the queue."""

from __future__ import annotations

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.contract.steps import claim, claim_one, complete, open_album, submit_track

from tonearm.errors import FailureCode
from tonearm.model import JobQuery, State
from tonearm.store.sqlite import SqliteStore
from tonearm.store.story import SET_ASIDE


async def spoil(store: SqliteStore, task_id: str, column: str, text: str = '{"path": ') -> None:
    """Put something that is no record into a column of a task."""
    await store._writer.do(lambda unit: unit.run(f"UPDATE task SET {column} = ? WHERE id = ?", text, task_id))


async def set_aside(store: SqliteStore) -> list[tuple[str, str]]:
    """Which tasks were set aside, and what they were."""
    return await store._read(lambda unit: unit.all("SELECT task, body FROM set_aside ORDER BY number"))


async def test_the_next_task_is_claimed_instead(store: SqliteStore) -> None:
    """The broken job fails as internal, whole in the drawer; the claim hands out the one behind it."""
    broken = await submit_track(store)
    sound = await submit_track(store)
    await spoil(store, broken, "publication")

    with capture_logs() as logs:
        assert (await claim_one(store)).job_id == sound

    assert [(entry["job"], entry["log_level"]) for entry in logs if entry["event"] == SET_ASIDE] == [
        (broken, "warning")
    ]
    record = await store.job(broken)
    assert (record.state, record.failure_code) == (State.FAILED, FailureCode.INTERNAL)
    ((task, body),) = await set_aside(store)
    assert (task, msgspec.json.decode(body)["publication"]) == (broken, '{"path": ')


@pytest.mark.parametrize("text", ["[", "17", '["a", 5]', '{"a": 1}'])
async def test_a_list_leaves_out_nothing_but_the_broken_column(store: SqliteStore, text: str) -> None:
    """A completed job stays completed and listed; only its files are unknown."""
    broken = await submit_track(store)
    await complete(store, await claim_one(store))
    sound = await submit_track(store)
    await spoil(store, broken, "files", text)

    page = await store.jobs(JobQuery())

    assert [(job.id, job.state) for job in page.jobs] == [(sound, State.READY), (broken, State.COMPLETED)]
    assert [task for task, _ in await set_aside(store)] == [broken]


async def test_an_album_goes_on_without_the_broken_track(store: SqliteStore) -> None:
    """The track counts as failed, and the album ends partial."""
    job_id = await open_album(store, 2)
    await spoil(store, f"{job_id}.1", "publication")

    await complete(store, await claim_one(store))

    record = await store.job(job_id)
    assert (record.state, record.completed_tracks, record.failed_count) == (State.COMPLETED, 1, 1)


async def test_the_audit_names_what_was_set_aside(store: SqliteStore) -> None:
    """And finds nothing else: the figures agree with what is left."""
    broken = await submit_track(store)
    await spoil(store, broken, "publication", "nonsense")
    assert await claim(store, tracks=1) == ()

    (sentence,) = await store.audit()
    assert broken in sentence
    await store.retry(broken)
    assert (await claim_one(store)).job_id == broken
