"""Attack 28: metrics that grow with what strangers send."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families as parse
from tests.api.conftest import Serve
from tests.api.keyed import bearer, make
from tests.api.serving import WORKER, Api
from tests.contract import steps

from tonearm.errors import FailureCode
from tonearm.model import Failure, WorkerReport

STRANGE = ('x"} 1\nevil{a="b', "\\", "a\nb", "é" * 100, "job-1-a", "{}", "#", "x" * 900)
PLANTED = "pl4nted"


async def series(api: Api) -> set[tuple[str, ...]]:
    """Every series of the text form, by its name and labels."""
    async with api.http.get(f"{api.url}/metrics") as answer:
        families = parse(await answer.text())
    return {
        (one.name, *(f"{label}={value}" for label, value in one.labels.items()))
        for family in families
        for one in family.samples
    }


async def test_no_input_makes_a_series(serve: Serve) -> None:
    """Qualities, names of clients and workers, paths, codes, titles: the series stay those of an idle server."""
    api = await serve(QUEUE_TRUSTED_PROXIES="127.0.0.1", QUEUE_QUALITY_ALIASES=f"{PLANTED}=LOW")
    before = await series(api)
    for number, strange in enumerate((*STRANGE, PLANTED), 1):
        job = {"type": "track", "trackId": number, "quality": PLANTED, "trackTitle": strange, "artistName": PLANTED}
        await api.call("POST", json={"job": job}, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        await api.call("POST", json={"job": {**job, "quality": strange, "type": strange}})
        await api.call("POST", "/actions", json={"action": strange, "status": strange})
        await api.call("GET", f"/{PLANTED}{number}?status={PLANTED}&sort={PLANTED}")
        await api.call("PUT", f"//{PLANTED}/{number}")
    await api.store.heartbeat(f"{PLANTED}-worker", f"{PLANTED}-host", 4)
    first, second, third = (await steps.claim_all(api.store, WORKER))[:3]
    await steps.fail(api.store, first, Failure(FailureCode.API_ERROR, f"{PLANTED} {STRANGE[0]}"))
    await steps.complete(api.store, second)
    await api.store.report(WorkerReport(f"{PLANTED}-worker", 1, 4))

    assert third.job_id
    assert await series(api) == before
    async with api.http.get(f"{api.url}/metrics") as answer:
        assert PLANTED not in await answer.text()


async def test_no_key_makes_a_series(api: Api) -> None:
    """Nor do its name, its scope or its limits, and listening with it is a number and no name."""
    root = await make(api, PLANTED)
    for path in ("/metrics", "/api/download-queue/metrics"):
        async with api.http.get(api.url + path, headers={**bearer(root), "Accept": "text/plain"}) as answer:
            text = await answer.text()
        assert answer.status == 200
        assert PLANTED not in text
