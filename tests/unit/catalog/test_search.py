"""What is remembered of a service's answers to searches, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.clock import FakeClock
from tests.unit.catalog.test_http import Answers

from tonearm.catalog import HttpCatalog, Searchable
from tonearm.catalog.search import ABSENT_MS, LONGEST_HOLD_MS
from tonearm.errors import CannotSearch, HttpStatus
from tonearm.model import Hit, JobType


async def ask(catalog: HttpCatalog) -> Any:
    """What comes of a search: what was found, or the error."""
    try:
        return await catalog.search("a b", JobType.TRACK, 3)
    except (CannotSearch, HttpStatus) as error:
        return error


async def test_a_search_is_put_below_the_base_and_aside() -> None:
    """Words, type and limit in the query; nothing found is an answer."""
    fetcher = Answers(lambda _: {"results": []})

    catalog = HttpCatalog(fetcher, "http://c/api/")

    assert isinstance(catalog, Searchable)
    assert await ask(catalog) == ()
    assert fetcher.asked == ["http://c/api/search?q=a+b&limit=3&type=track"]
    assert fetcher.aside


async def test_that_there_is_no_search_is_believed_for_a_while_and_not_for_ever() -> None:
    """A service may learn it; then nobody has to start anything anew."""
    clock = FakeClock()
    fetcher = Answers(lambda _: HttpStatus(404, "raw"))
    catalog = HttpCatalog(fetcher, "http://c", clock)

    assert isinstance(await ask(catalog), CannotSearch)
    clock.advance(ABSENT_MS - 1)
    assert isinstance(await ask(catalog), CannotSearch)
    assert len(fetcher.asked) == 1

    clock.advance(1)
    fetcher.answers({"results": [{"type": "track", "id": 11, "title": "Blue"}]})
    assert await ask(catalog) == (Hit(JobType.TRACK, 11, "Blue"),)
    assert len(fetcher.asked) == 2


@pytest.mark.parametrize(
    ("asked_ms", "kept_ms"), [(7_000, 7_000), (10**12, LONGEST_HOLD_MS)], ids=["as asked", "at most"]
)
async def test_a_wish_to_wait_is_heeded_without_asking(asked_ms: int, kept_ms: int) -> None:
    """For as long as the service said, and no longer than a quarter of an hour."""
    clock = FakeClock()
    fetcher = Answers(lambda _: HttpStatus(429, "raw", retry_after_ms=asked_ms))
    catalog = HttpCatalog(fetcher, "http://c", clock)
    await ask(catalog)

    clock.advance(kept_ms - 1)
    refusal = await ask(catalog)

    assert (refusal.status, refusal.retry_after_ms, len(fetcher.asked)) == (429, 1, 1)
    assert "for a search" in refusal.message
    clock.advance(1)
    await ask(catalog)
    assert len(fetcher.asked) == 2
