"""Which files of the library other jobs name: what may not be removed with one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.carrying import pages
from tests.contract.steps import (
    DONE,
    claim,
    claim_all,
    claim_one,
    fail,
    open_album,
    stall,
    submit_track,
    sweep_all,
)
from tonearm.model import Claim, Publication
from tonearm.store.base import PAGE, Store

BLUE, RED = "Ådá/Colours/01 Blue.flac", "Ådá/Colours/02 Red.flac"


async def bring(store: Store, held: Claim, path: str = BLUE) -> None:
    """Complete a claim with the file of this path."""
    await store.commit(held, Publication(path, 5, 4711))
    await store.settle(held, DONE)


async def brought(store: Store, path: str = BLUE, client: str = "ann") -> str:
    """A completed track with this file."""
    job_id = await submit_track(store, client)
    await bring(store, await claim_one(store), path)
    return job_id


async def named(store: Store, job_id: str, *paths: str) -> set[str]:
    return set(await store.named_elsewhere(job_id, paths or (BLUE,)))


async def test_a_file_of_one_record_is_named_by_no_other(store: Store) -> None:
    """Whatever else there is, failed with the same name once or completed with another."""
    job_id = await brought(store)
    await brought(store, RED)
    failing = await submit_track(store)
    held = await claim_one(store)
    await store.commit(held, Publication(BLUE, 5, 4712))
    await store.retract(held)
    await fail(store, held)

    assert await named(store, job_id) == set()
    assert await named(store, failing) == {BLUE}
    assert await store.audit() == ()


@pytest.mark.parametrize("how", ["completed", "committed", "crashed"])
async def test_a_file_that_two_records_name_is_named_elsewhere_for_both(store: Store, how: str) -> None:
    """Also while the other one has committed it only, and after its worker died."""
    first = await brought(store)
    second = await submit_track(store, "bob")
    held = await claim_one(store)
    await store.commit(held, Publication(BLUE, 5, 4712))
    if how == "completed":
        await store.settle(held, DONE)
    elif how == "crashed":
        await stall(store, "w1")

    assert await named(store, first) == {BLUE}
    assert (await named(store, second) == {BLUE}) or how != "completed"
    assert await store.audit() == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_last_record_that_names_a_file_is_alone_with_it(store: Store, order: tuple[int, int, int]) -> None:
    """In whatever order the others are deleted."""
    jobs = [await brought(store, client=client) for client in ("ann", "bob", "cem")]
    *others, last = (jobs[place] for place in order)
    for job_id in others:
        assert await named(store, last) == {BLUE}
        await store.delete(job_id)

    assert await named(store, last) == set()
    assert await store.audit() == ()


async def test_what_a_commit_names_anew_it_names_no_more_under_the_old_name(store: Store) -> None:
    """The name was taken, so the task went on to the next number."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    for path in (BLUE, RED):
        await store.commit(held, Publication(path, 5, 4711))
    await store.settle(held, DONE)
    first, second = await brought(store, BLUE), await brought(store, RED)

    assert await named(store, first, BLUE) == set()
    assert await named(store, second, RED) == {RED}
    assert await named(store, job_id, RED) == {RED}


async def test_the_tracks_of_an_album_are_one_record(store: Store) -> None:
    """The album does not stand in its own way; its tracks stand in that of others until it is deleted."""
    album_id = await open_album(store, 3)
    one, two, three = await claim(store, tracks=3)
    await bring(store, one, BLUE)
    await bring(store, two, RED)
    await bring(store, three, RED)
    job_id = await brought(store, RED, "bob")
    other = await brought(store, "Ådá/Other/1.flac", "bob")

    assert await named(store, album_id, BLUE, RED) == {RED}
    assert await named(store, job_id, RED) == {RED}
    assert await named(store, other, "Ådá/Other/1.flac") == set()
    await store.delete(album_id)
    assert await named(store, job_id, RED) == set()
    await sweep_all(store)
    assert await named(store, job_id, RED) == set()
    assert await store.audit() == ()


async def test_a_deleted_album_names_nothing_while_its_tracks_are_still_being_removed(store: Store) -> None:
    """They go in pages, behind the answer."""
    album_id = await open_album(store, PAGE + 1)
    claims = await claim_all(store)
    last = next(held for held in claims if held.position == PAGE + 1)
    await bring(store, last)
    job_id = await brought(store, client="bob")
    assert await named(store, job_id) == {BLUE}
    await store.delete(album_id)

    assert await named(store, job_id) == set()


async def test_a_job_that_came_from_another_store_names_its_files_too(store: Store) -> None:
    """As `tonearm import` and the spool bring them, an album in pages."""
    album_id = await open_album(store, PAGE + 1)
    for held in await claim_all(store):
        await bring(store, held, f"Ådá/Long/{held.position:03}.flac")
    first, last = "Ådá/Long/001.flac", f"Ådá/Long/{PAGE + 1:03}.flac"
    for page in await pages(store, album_id):
        await store.take_in(replace(page, id="job-1-moved"))
    await sweep_all(store)

    assert await named(store, album_id, first, last) == {first, last}
    await store.delete("job-1-moved")
    assert await named(store, album_id, first, last) == set()


async def test_of_many_files_those_are_answered_that_others_name(store: Store) -> None:
    """A page of them at once."""
    album_id = await open_album(store, PAGE)
    paths = []
    for held in await claim_all(store):
        paths.append(f"Ådá/Long/{held.position:03}.flac")
        await bring(store, held, paths[-1])
    shared = paths[::50]
    for path in shared:
        await brought(store, path, "bob")

    assert await named(store, album_id, *paths) == set(shared)
