"""Attack 21: markup in every text that a client can give."""

from __future__ import annotations

import pytest
from tests.api.serving import PREFIX, Api

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg/onload=alert(1)>",
    "{{7*7}}${7*7}",
)


@pytest.mark.parametrize("text", TEXTS)
async def test_markup_in_a_title_comes_back_as_a_text_of_json(api: Api, text: str) -> None:
    """It is kept as it was written, and no answer that holds it is one that a browser would show as a page."""
    job = {"type": "track", "trackId": 1, "quality": "LOW", "trackTitle": text, "albumTitle": text, "artistName": text}
    job_id = (await api.call("POST", json={"job": job})).body["jobId"]

    assert (await api.job(job_id))["job"]["trackTitle"] == text
    for path in (PREFIX, f"{PREFIX}/{job_id}"):
        async with api.http.get(api.url + path, headers={"Accept": "text/html"}) as answer:
            assert answer.content_type == "application/json"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "script-src" not in answer.headers["Content-Security-Policy"]
    async with api.http.get(f"{api.url}/") as page:
        assert text not in await page.text()
