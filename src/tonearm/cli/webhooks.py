"""`tonearm webhooks`: who is told what happens, and what became of the newest webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from tonearm.cli.options import Json, Server, connect
from tonearm.cli.terminal import out
from tonearm.cli.wording import span
from tonearm.client import WebhookDelivery, Webhooks


def webhooks(
    *,
    test: Annotated[bool, typer.Option("--test", help="Tell every address that this is a test.")] = False,
    server: Server = None,
    json: Json = False,
) -> None:
    """Show who is told what happens, and what became of it.

    The newest webhooks are listed. Of an address no more than scheme, host and port are shown, of a service by which
    messages go its scheme alone. A test goes the way of all others, so that what became of it is shown a moment later.
    """
    out.json = json
    with connect(server) as client:
        if test:
            for delivery_id in client.test_webhooks():
                out.document({"id": delivery_id})
                out.line(delivery_id)
            out.note("The test is on its way. See what becomes of it: tonearm webhooks")
            return
        found = client.webhooks()
    out.document(found.as_json())
    if not out.json:
        _show(found)


def _show(found: Webhooks) -> None:
    for each in found.deliveries:
        out.line("  ".join(_facts(each, found.timestamp)))
    if not found.addresses:
        out.note("Nobody is told anything. Name addresses: QUEUE_WEBHOOK_URLS or QUEUE_NOTIFY_URLS")
        return
    signed = ", signed" if found.signed else ", not signed (QUEUE_WEBHOOK_SECRET)"
    if all(address.endswith("://***") for address in found.addresses):  # services alone, which get messages
        signed = ""
    told = "1 address is told" if len(found.addresses) == 1 else f"{len(found.addresses)} addresses are told"
    waits = "1 webhook waits" if found.waiting == 1 else f"{found.waiting} webhooks wait"
    out.note(f"{told}{signed}. {waits}.")


def _facts(each: WebhookDelivery, now_ms: int) -> Iterator[str]:
    yield each.id
    yield f"{each.event:<16}"
    yield f"{each.status:<9}"
    yield f"{span(max(0, now_ms - each.at) / 1_000)} ago"
    yield each.address
    yield f"tried {each.attempts} times" if each.attempts != 1 else "tried once"
    if each.answer is not None and each.status != "delivered":
        yield each.answer
