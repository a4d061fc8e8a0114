"""Attack 31: settings, paths and addresses given with a job or to the control of the queue."""

from __future__ import annotations

import pytest
from tests.api.serving import Api

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
