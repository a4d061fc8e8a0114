"""`tonearm keys`: make, list and revoke the keys of the API, at the running server, or at the queue where none runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from tonearm.cli.exits import EPILOG
from tonearm.cli.misplaced import OfCommands
from tonearm.cli.options import Json, Server, connect, one_of
from tonearm.cli.terminal import out
from tonearm.client import Client, Key
from tonearm.errors import DatabaseInUse, RefusalCode, Refused, ServerUnreachable
from tonearm.model import LIMIT_RANGES, KeyLimits, KeyRecord, Scope
from tonearm.store.keyring import Keyring

T = TypeVar("T")

app = typer.Typer(
    cls=OfCommands, help="Make, list and revoke the keys of the API.", epilog=EPILOG, no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called, such as kitchen.")]


def _limits(text: str) -> KeyLimits:
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name not in LIMIT_RANGES or name in found or not (value.isascii() and value.isdecimal()):
            raise typer.BadParameter(f"'{text}' must be like rate=5,size=100; there are {', '.join(LIMIT_RANGES)}")
        found[name] = int(value[:18])
        least, most = LIMIT_RANGES[name]
        if not least <= found[name] <= most:
            raise typer.BadParameter(f"{name} must be from {least} to {most}")
    return KeyLimits(**found)


@app.command("create", epilog=EPILOG)
def create(
    name: Name,
    *,
    scope: Annotated[
        Scope,
        one_of(Scope, "--scope", says="What it may do."),
    ],
    limit: Annotated[
        KeyLimits | None,
        typer.Option(
            "--limit",
            metavar="NAME=N,…",
            parser=_limits,
            help="At most: rate (submissions a minute), size (unfinished jobs), concurrent (downloads at a time), "
            "bytes (received in 24 hours).",
        ),
    ] = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Make a key and print it, this once.

    Talks to the running server, or opens the queue itself where none answers. The first key has scope admin.
    """
    out.json = json
    limits = limit or KeyLimits()

    async def make(store: Keyring) -> str:
        from tonearm.api.newkeys import made  # noqa: PLC0415 - loads the server's libraries
        from tonearm.clock import SystemClock  # noqa: PLC0415 - as above

        return (await made(store, name, scope, limits, SystemClock().wall_ms()))[0]

    text = _ask(server, lambda client: client.create_key(name, scope, limits), make)
    out.document({"success": True, "name": name, "scope": scope, "key": text})
    out.line(text)
    out.note(f"This is the key {name}, scope {scope}. It is shown this once; commands take it from TONEARM_API_KEY.")


@app.command("list", epilog=EPILOG)
def show(*, server: Server = None, json: Json = False) -> None:
    """List the keys: name, scope, limits and open sessions."""
    out.json = json

    async def read(store: Keyring) -> list[Key]:
        records = await store.keys()
        return [_key(each, records) for each in records if each.parent is None]

    keys = _ask(server, lambda client: client.keys(), read)
    for key in keys:
        out.document(key.as_json())
        limits = ",".join(f"{name}={value}" for name, value in key.limits.items())
        out.line("  ".join(filter(None, (f"{key.name:<20}", f"{key.scope:<8}", limits, f"sessions {key.sessions}"))))
    if not keys:
        out.note(
            "There is no key, so everybody who reaches the server may do everything. "
            "Make one: tonearm keys create NAME --scope admin"
        )


@app.command("revoke", epilog=EPILOG)
def revoke(name: Name, *, server: Server = None, json: Json = False) -> None:
    """Revoke a key, and end its sessions."""
    out.json = json

    async def remove(store: Keyring) -> None:
        if "/" in name or not await store.remove_key(name):
            raise Refused(RefusalCode.NOT_FOUND, "There is no key of this name")

    _ask(server, lambda client: client.revoke_key(name), remove)
    out.document({"success": True, "name": name})
    out.line(f"{name} is revoked")


def _ask(server: str | None, ask: Callable[[Client], T], work: Callable[[Keyring], Awaitable[T]]) -> T:
    """Ask the running server; where none answers and none was named, do it at the queue itself.

    Raises:
        Refused: it cannot be done.
        SetupError: neither is there.
    """
    try:
        with connect(server) as client:
            return ask(client)
    except ServerUnreachable as unreachable:
        if server is not None:
            raise
        import asyncio  # noqa: PLC0415 - takes longer than the rest of a command

        return asyncio.run(_at_the_queue(work, unreachable))


async def _at_the_queue(work: Callable[[Keyring], Awaitable[T]], unreachable: ServerUnreachable) -> T:
    from tonearm.clock import SystemClock  # noqa: PLC0415 - loads the store
    from tonearm.ops import logs  # noqa: PLC0415 - as above
    from tonearm.settings import load  # noqa: PLC0415 - as above
    from tonearm.store.opening import open_store  # noqa: PLC0415 - as above

    settings = load()
    logs.set_up(settings)
    try:
        store = await open_store(settings, SystemClock())
    except DatabaseInUse:  # a server that listens elsewhere than the settings here say
        raise unreachable from None
    try:
        return await work(store)
    finally:
        await store.close()


def _key(record: KeyRecord, records: tuple[KeyRecord, ...]) -> Key:
    return Key(
        name=record.name,
        scope=record.scope,
        created_at=record.created_at,
        limits=record.limits.given(),
        sessions=sum(each.parent == record.name for each in records),
    )
