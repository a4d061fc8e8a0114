"""Attack 18: JSON that two readers understand differently, or that one of them does not survive."""

from __future__ import annotations

import pytest
from tests.api.refusals import JSON, NOT_JSON
from tests.api.serving import Api

from tonearm.model import Control


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_what_is_not_one_strict_json_object(api: Api, body: bytes) -> None:
    """400 INVALID_JSON by every route that reads one, and nothing is queued or changed."""
    for method, path in (
        ("POST", ""),
        ("POST", "/batch"),
        ("POST", "/actions"),
        ("PATCH", "/control"),
        ("POST", "/keys"),
    ):
        answer = await api.call(method, path, data=body, headers=JSON)
        assert (answer.status, answer.body["code"], answer.body["success"]) == (400, "INVALID_JSON", False)

    assert (await api.call("GET")).body["count"] == 0
    assert await api.store.control() == Control()
    assert await api.store.keys() == ()
