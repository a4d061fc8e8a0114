"""Attack 7: names whose address changes between two looks, through the system's own resolver."""

from __future__ import annotations

from tests.support.alone import run_alone

ALONE = ["BlockedAddress", "BlockedAddress"]


async def test_a_name_that_turns_private_is_never_followed_there() -> None:
    """What was public a moment ago is checked again; a private address beside a public one is passed over."""
    found = await run_alone("tests.support.rebinding", "--mount")

    assert found.pop("connections") == ["0"]
    assert found.pop("steady.example") == ["served", "served"]
    assert found.pop("both.example") == ["served", "served"]
    assert found.pop("rebound.example") == ["served", "BlockedAddress"]
    assert found == dict.fromkeys(found, ALONE)
    assert len(found) == 2
