"""Attack 18: JSON that two readers understand differently, or that one of them does not survive."""

from __future__ import annotations

import pytest
from tests.api.serving import Api

from tonearm.model import Control

JSON = {"Content-Type": "application/json"}
NOT_JSON = {
    "nothing": b"",
    "no JSON": b"hello",
    "cut off": b'{"job": {"type": "tr',
    "an array": b"[]",
    "a text": b'"job"',
    "null": b"null",
    "a key twice": b'{"job": {"type": "track", "type": "album", "trackId": 1, "quality": "LOW"}}',
    "NaN": b'{"job": {"type": "track", "trackId": NaN, "quality": "LOW"}}',
    "Infinity": b'{"job": 1, "priority": -Infinity}',
    "out of range": b'{"job": {"type": "track", "trackId": 1e999, "quality": "LOW"}}',
    "long number": b'{"job": ' + b"9" * 900 + b"e1}",
    "deep": b'{"job": ' + b"[" * 400 + b"]" * 400 + b"}",
    "deeper than allowed": b'{"job": ' + b"[" * 17 + b"]" * 17 + b"}",
    "lone surrogate": b'{"job": {"type": "track", "trackId": 1, "quality": "LOW", "trackTitle": "\\ud800"}}',
    "lone surrogate in a key": b'{"job": {"\\udfff": 1}}',
    "byte order mark": b'\xef\xbb\xbf{"job": {"type": "track", "trackId": 1, "quality": "LOW"}}',
    "not UTF-8": b'{"job": "\xff"}',
    "UTF-16": '{"job": {}}'.encode("utf-16"),
    "trailing": b'{"job": {}} {}',
    "comment": b'{"job": {} /* x */}',
    "control character": b'{"job": "\x01"}',
}


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
