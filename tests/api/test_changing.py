"""Changing jobs over HTTP: cancel, pause, resume, retry, prioritize, delete."""

from __future__ import annotations

import pytest
from tests.api.serving import WORKER, Api
from tests.contract import steps


async def act(api: Api, job_id: str, action: str, **more: str) -> str:
    """Ask, be accepted, and return the words of the answer."""
    answer = await api.call("PATCH", f"/{job_id}", json={"action": action, **more})
    assert answer.status == 200, answer.body
    assert (answer.body["success"], answer.body["jobId"]) == (True, job_id)
    return str(answer.body["message"])


async def test_actions_answer_with_the_words_that_clients_show(api: Api) -> None:
    """A job through pause, resume, prioritize, cancel and retry."""
    job_id = await api.submit()

    assert await act(api, job_id, "pause") == "Pause requested"
    assert (await api.job(job_id))["status"] == "paused"
    assert await act(api, job_id, "resume") == "Resume requested"
    assert (await api.job(job_id))["status"] == "queued"
    assert await act(api, job_id, "prioritize", priority="low") == "Priority changed"
    assert (await api.job(job_id))["priority"] == "low"
    assert await act(api, job_id, "prioritize") == "Priority changed"
    assert (await api.job(job_id))["priority"] == "high"
    assert await act(api, job_id, "cancel") == "Cancellation requested"
    assert (await api.job(job_id))["status"] == "cancelled"
    assert await act(api, job_id, "retry") == "Retry requested"
    assert (await api.job(job_id))["status"] == "queued"


async def test_a_running_job_shows_what_was_asked_of_it(api: Api) -> None:
    """Until the worker has stopped, the wish stands in the record."""
    job_id = await api.submit()
    await steps.claim_one(api.store, WORKER)

    await act(api, job_id, "pause")
    assert (await api.job(job_id))["pauseRequested"] is True
    await act(api, job_id, "cancel")
    record = await api.job(job_id)
    assert (record["status"], record["cancellationRequested"]) == ("processing", True)


async def test_unknown_fields_of_an_action_are_named(api: Api) -> None:
    """As with a submission."""
    job_id = await api.submit()
    answer = await api.call("PATCH", f"/{job_id}", json={"action": "cancel", "reason": "x"})

    assert answer.body["warning"] == "Fields that are not used: reason"


@pytest.mark.parametrize(("finish", "message"), [(False, "Job cancelled"), (True, "Job removed")])
async def test_a_deleted_job_is_gone_when_the_answer_arrives(api: Api, finish: bool, message: str) -> None:  # noqa: FBT001 - a case of the table
    """404 from then on, not counted, no longer a duplicate; a second DELETE is 404."""
    job_id = await api.submit()
    if finish:
        await steps.complete(api.store, await steps.claim_one(api.store, WORKER))
    answer = await api.call("DELETE", f"/{job_id}/")

    assert (answer.status, answer.body) == (200, {"success": True, "message": message, "jobId": job_id})
    assert (await api.call("GET", f"/{job_id}")).status == 404
    assert (await api.call("DELETE", f"/{job_id}")).status == 404
    assert (await api.call("GET", "/stats")).body["queue"]["total"] == 0
    assert await api.submit() != job_id


async def test_a_wish_beside_a_delete_that_is_not_known_is_named(api: Api) -> None:
    """Nobody believes that it was only tried."""
    answer = await api.call("DELETE", f"/{await api.submit()}?files=false&dry=1")

    assert answer.body["warning"] == "Fields that are not used: dry"


async def test_a_running_job_can_be_deleted(api: Api) -> None:
    """It counts as cancelled, and its worker is told so."""
    job_id = await api.submit()
    claim = await steps.claim_one(api.store, WORKER)
    answer = await api.call("DELETE", f"/{job_id}")

    assert answer.body["message"] == "Job cancelled"
    flags = await api.store.poll(WORKER, [claim.token])
    assert flags.cancel == {claim.task_id}
