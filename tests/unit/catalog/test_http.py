"""The questions that `HttpCatalog` asks, and what it makes of refusals and of pages. The fetcher is scripted here; the
real one is in test_scripted.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tonearm.catalog import MAX_ALBUM_TRACKS, HttpCatalog
from tonearm.errors import BadAnswer, ConnectionFailed, FailureCode, HttpStatus, SetupError
from tonearm.model import AlbumPage, Quality

TRACK = {"id": 11, "title": "Blue", "artist": "A", "album": "B", "media": {"url": "media/11"}}


class Answers:
    """A fetcher that answers by a function of the URL and remembers what it was asked."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.asked: list[str] = []
        self.aside: bool | None = None
        self._answer = answer

    async def json(self, url: str, *, aside: bool = False) -> object:
        self.aside = aside
        self.asked.append(url)
        answer = self._answer(url)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers(self, answer: object) -> None:
        """Answer everything with this from now on."""
        self._answer = lambda _: answer


def page(*tracks: int, after: str | None = None) -> dict[str, Any]:
    lines = [{"id": number, "title": f"T{number}"} for number in tracks]
    return {"id": 5, "title": "B", "artist": "A", "trackCount": 3, "tracks": lines, "next": after}


async def pages_of(fetcher: Answers) -> list[AlbumPage]:
    return [page async for page in HttpCatalog(fetcher, "http://c/api").album(5, Quality.HIGH)]


@pytest.mark.parametrize("base", ["http://c/api", "http://c/api/", "http://c/api//"])
async def test_questions_are_asked_below_the_base(base: str) -> None:
    """With and without a slash at its end, and media URLs are resolved below it too."""
    fetcher = Answers(lambda _: TRACK)
    track = await HttpCatalog(fetcher, base).track(11, Quality.LOSSLESS)
    assert fetcher.asked == ["http://c/api/tracks/11?quality=LOSSLESS"]
    assert track.media.url == "http://c/api/media/11"


@pytest.mark.parametrize("base", ["", "catalog", "ftp://c", "http://", "http://c:x/", "http://c/?a=b", "http://c/#x"])
def test_a_base_that_is_no_address_is_refused_at_the_start(base: str) -> None:
    """The message names the setting."""
    with pytest.raises(SetupError, match="INTERNAL_API_URL"):
        HttpCatalog(Answers(lambda _: None), base)


async def test_pages_follow_their_cursors_to_the_end() -> None:
    """Each cursor is handed back, quoted, and the order is kept."""
    answers = {"": page(1, 2, after="a&b=ü"), "&cursor=a%26b%3D%C3%BC": page(3)}
    fetcher = Answers(lambda url: answers[url.removeprefix("http://c/api/albums/5?quality=HIGH")])
    assert [[track.id for track in page.tracks] for page in await pages_of(fetcher)] == [[1, 2], [3]]


async def test_a_page_is_asked_for_only_when_it_is_wanted() -> None:
    """The album is never held as a whole: the second page waits for the reader."""
    fetcher = Answers(lambda _: page(1, after=str(len(fetcher.asked))))
    async for _ in HttpCatalog(fetcher, "http://c").album(5, Quality.HIGH):
        seen = len(fetcher.asked)
        if seen == 2:
            break
        assert seen == 1


async def test_cursors_that_go_in_a_circle_are_a_bad_answer() -> None:
    """a, b, a … would never end."""
    cursors = {"": "a", "a": "b", "b": "a"}
    fetcher = Answers(lambda url: page(1, after=cursors[url.partition("cursor=")[2]]))
    with pytest.raises(BadAnswer, match="circle"):
        await pages_of(fetcher)
    assert len(fetcher.asked) == 3


async def test_an_empty_page_that_leads_on_is_a_bad_answer() -> None:
    """New cursors for ever, and never a track."""
    fetcher = Answers(lambda _: page(after=str(len(fetcher.asked))))
    with pytest.raises(BadAnswer, match="no tracks"):
        await pages_of(fetcher)


async def test_an_album_beyond_the_limit_is_a_bad_answer() -> None:
    """100,000 tracks are the end of any album."""
    many = range(1, MAX_ALBUM_TRACKS // 4 + 1)
    fetcher = Answers(lambda _: page(*many, after=str(len(fetcher.asked))))
    with pytest.raises(BadAnswer, match="more than 100,000 tracks"):
        await pages_of(fetcher)
    assert len(fetcher.asked) == 5


async def test_every_page_must_be_about_the_album_that_was_asked_for() -> None:
    """A later page of another album is refused like a first one."""
    fetcher = Answers(lambda url: page(1, after="x") | {"id": 6 if "cursor" in url else 5})
    with pytest.raises(BadAnswer, match="it is about 6"):
        await pages_of(fetcher)


async def test_the_catalogs_own_count_is_kept_beside_what_arrived() -> None:
    """Whether they agree is the worker's business."""
    (only,) = await pages_of(Answers(lambda _: page(1)))
    assert (only.album.track_count, len(only.tracks)) == (3, 1)


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (404, FailureCode.NOT_FOUND, "Track 11 is not in the catalog"),
        (410, FailureCode.NOT_FOUND, "Track 11 is not in the catalog"),
        (409, FailureCode.QUALITY_UNAVAILABLE, "Track 11 is not available in LOSSLESS"),
        (401, FailureCode.AUTH, "INTERNAL_API_TOKEN"),
        (403, FailureCode.AUTH, "refused access to track 11"),
        (429, FailureCode.RATE_LIMIT, "slow down"),
        (503, FailureCode.SERVER_ERROR, "in trouble (HTTP 503 for track 11)"),
        (418, FailureCode.API_ERROR, "answered HTTP 418 for track 11"),
    ],
)
async def test_a_refusal_says_in_peoples_words_what_was_asked(status: int, code: FailureCode, text: str) -> None:
    """Status, code and the server's wish to wait stay as they came."""
    fetcher = Answers(lambda _: HttpStatus(status, "raw", retry_after_ms=7_000))
    with pytest.raises(HttpStatus) as caught:
        await HttpCatalog(fetcher, "http://c").track(11, Quality.LOSSLESS)
    assert text in caught.value.message
    assert (caught.value.status, caught.value.code, caught.value.retry_after_ms) == (status, code, 7_000)


async def test_other_failures_pass_as_they_are() -> None:
    """The fetcher's own words are best for the network's troubles."""
    failure = ConnectionFailed("refused", connecting=True)
    with pytest.raises(ConnectionFailed) as caught:
        await HttpCatalog(Answers(lambda _: failure), "http://c").track(11, Quality.LOW)
    assert caught.value is failure
