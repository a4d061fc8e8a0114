"""Attack 20: garbage in the store, as whoever reaches the file or Redis could leave it there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.serving import PREFIX, WORKER, Api
from tests.contract import steps

GARBAGE = ("", "[", '{"path": ', "17", '{"a": 1}', "<script>", "\x1b[2J", "9" * 5_000)


@pytest.mark.parametrize("column", ["files", "publication"])
@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
async def test_a_record_that_is_garbage_costs_no_answer_and_no_other_job(api: Api, column: str, text: str) -> None:
    """Every read goes on, nothing of it comes out as markup or stack, and the next job is handed out."""
    broken, sound = await api.submit(number=1), await api.submit(number=2)
    store: Any = api.store
    await store._write(lambda unit: unit.run(f"UPDATE task SET {column} = ? WHERE id = ?", text, broken))
    for path in ("", f"/{broken}", "/stats", "/dashboard", "/health", "/metrics", f"/{broken}/tracks"):
        async with api.http.get(f"{api.url}{PREFIX}{path}") as answer:
            assert answer.status < 500, path
            assert "Traceback" not in await answer.text()

    claimed = await steps.claim_all(api.store, WORKER)
    assert sound in {claim.job_id for claim in claimed}
    assert (await api.call("DELETE", f"/{broken}")).status == 200
