"""Attack 31: settings, paths and addresses given with a job or to the control of the queue."""

from __future__ import annotations

import pytest
from tests.api.serving import Api

from tonearm.model import MAX_BANDWIDTH, MAX_CONCURRENT, Control, ControlChange
from tonearm.settings.fields import ATTRIBUTES, FIELDS

KEYS = ("paused", "bandwidthLimit", "maxConcurrent")
STEERED = ControlChange(paused=False, bandwidth_limit=1_000, max_concurrent=2)

CHOSEN = {
    "downloadDir": "/etc",
    "path": "../../etc/cron.d/x",
    "filePath": "/etc/passwd",
    "url": "http://169.254.169.254/",
    "mediaUrl": "file:///etc/passwd",
    "INTERNAL_API_URL": "http://127.0.0.1:1/",
    "id": "job-1-a",
    "client": "somebody else",
    "status": "completed",
}


@pytest.mark.parametrize("inside", [True, False])
async def test_nothing_that_a_client_adds_to_a_job_is_used(api: Api, *, inside: bool) -> None:
    """Where files go, where they come from and who asks is not for a job to say; the answer names what was ignored."""
    job = {"type": "track", "trackId": 1, "quality": "LOW", **(CHOSEN if inside else {})}
    answer = await api.call("POST", json={"job": job, **({} if inside else CHOSEN)})
    record = await api.job(answer.body["jobId"])

    assert "warning" in answer.body
    assert record["client"] == "127.0.0.1"
    assert record["status"] == "queued"
    assert record["id"] == answer.body["jobId"] != "job-1-a"
    for value in ("/etc", "169.254", "127.0.0.1:1/"):
        assert value not in str(record)


HUGE = ("9" * 4_000, "-" + "9" * 4_000, "1e308", "1E400", "0x10", "1e3", "10000000000000000000000", "1.0", "NaN")
KINDS = ('"4"', "[]", "[4]", "{}", '{"$gt": 0}', '"4; rm -rf /"', '"../../etc"', '"\\u0000"')


@pytest.mark.parametrize("field", KEYS)
async def test_no_number_and_no_type_but_the_right_one_steers_the_queue(api: Api, field: str) -> None:
    """Written as no client of ours would: nothing is rounded, cut or converted, and what held goes on."""
    before = await api.store.steer(STEERED)
    for text in (*HUGE, *KINDS, "1" if field == "paused" else "true"):
        body = f'{{"{field}": {text}}}'
        answer = await api.call("PATCH", "/control", data=body, headers={"Content-Type": "application/json"})
        assert answer.body.get("code") in ("INVALID_FIELD", "INVALID_JSON", "PAYLOAD_TOO_LARGE"), text
        assert answer.status in (400, 413)

    assert await api.store.control() == before


async def test_no_setting_can_be_changed_by_steering(api: Api) -> None:
    """Where files go, who is trusted and what is allowed is not for the API to say, at whatever scope."""
    for name in (*FIELDS, *(name.lower() for name in FIELDS), *ATTRIBUTES.values(), *CHOSEN, "__proto__"):
        answer = await api.call("PATCH", "/control", json={name: "/tmp/x"})
        assert (answer.status, answer.body["warning"]) == (200, f"Fields that are not used: {name}")
        assert set(answer.body) == {*KEYS, "success", "overrides", "workers", "warning"}

    assert await api.store.control() == Control()


async def test_what_is_steered_never_leaves_its_range(api: Api) -> None:
    """The last value on each side, and the first beyond it; a name that is given twice is nobody's."""
    for body, status in (
        ('{"bandwidthLimit": 0}', 200),
        ('{"bandwidthLimit": -1}', 400),
        (f'{{"bandwidthLimit": {MAX_BANDWIDTH}}}', 200),
        (f'{{"bandwidthLimit": {MAX_BANDWIDTH + 1}}}', 400),
        ('{"maxConcurrent": 0}', 400),
        (f'{{"maxConcurrent": {MAX_CONCURRENT + 1}}}', 400),
        ('{"maxConcurrent": 1, "maxConcurrent": 1000}', 400),
        ('{"maxConcurrent": 1, "max\\u0043oncurrent": 1000}', 400),
    ):
        answer = await api.call("PATCH", "/control", data=body, headers={"Content-Type": "application/json"})
        assert answer.status == status, body

    assert await api.store.control() == Control(bandwidth_limit=MAX_BANDWIDTH)
