"""Routes: how the server is found that takes our writes, behind each kind of address.

One server is where it is. Sentinels are asked who is master. The nodes of a Cluster are asked who serves the slot of
our hash tag: all keys of a queue carry one tag, so one node has them all. Each way ends at a `Line`; whoever needs
another one after a fail-over asks the route again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast

from redis.asyncio.connection import Connection as Plain
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.crc import key_slot
from redis.exceptions import RedisError, ResponseError

from tonearm.errors import SetupError, StoreUnavailable
from tonearm.settings.redisaddress import Node, RedisAddress
from tonearm.store.redis.failures import mendable, silent, unavailable
from tonearm.store.redis.line import Connection, Line, packed

T = TypeVar("T")
NODE_S = 1.0
"""How long one of several is waited for before the next is asked, seconds."""


class Route(Protocol):
    """A way to the server that takes our writes."""

    async def open(self, limit_s: float) -> Line:
        """Open a line within *limit_s* seconds.

        Raises:
            SetupError: a person has to mend something first.
            StoreUnavailable: nobody takes our writes now.
        """
        ...

    def moved(self, slot: int) -> None:
        """A Cluster says that our keys are in this slot."""
        ...


def route_of(address: RedisAddress, tag: str) -> Route:
    """The route to this address, for keys with the hash tag *tag*."""
    if address.kind == "sentinel":
        return _BySentinel(address)
    if address.kind == "cluster":
        return _ByCluster(address, tag)
    return _Straight(address)


class _Straight:
    """One server, always the same."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address

    async def open(self, limit_s: float) -> Line:
        node = self._address.nodes[0] if self._address.nodes else None
        return await _open(self._address, node, limit_s)

    def moved(self, slot: int) -> None:
        pass


class _BySentinel:
    """Whoever is master, as the first Sentinel says that answers (https://redis.io/docs/latest/develop/reference/sentinel-clients)."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._asked = RedisAddress(
            "server", username=address.sentinel_username, password=address.sentinel_password, tls=address.tls
        )
        self._sentinels = list(address.nodes)

    async def open(self, limit_s: float) -> Line:
        master = await _first_of(self._sentinels, self._ask)
        line = await _open(self._address, master, limit_s)
        role = await _first_answer(line, ("ROLE",), limit_s)
        if role[0] != "master":
            await line.close()
            raise StoreUnavailable(f"{line.where} is no master any more: a fail-over is under way.")
        return line

    async def _ask(self, sentinel: Node) -> Node:
        """The master, as this Sentinel sees it."""
        service = self._address.service
        line = await _open(self._asked, sentinel, NODE_S, what="Sentinel")
        try:
            found = await _first_answer(line, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service), NODE_S)
            if found is not None:
                return Node(found[0], int(found[1]))
            masters = await _first_answer(line, ("SENTINEL", "MASTERS"), NODE_S)
            names = sorted(str(dict(zip(master[::2], master[1::2], strict=False)).get("name")) for master in masters)
            raise SetupError(f"{line.where} watches no {service}, only {', '.join(names) or 'nothing'}.")
        finally:
            await line.close()

    def moved(self, slot: int) -> None:
        pass


class _ByCluster:
    """Whoever serves our slot, as the first node says that answers."""

    def __init__(self, address: RedisAddress, tag: str) -> None:
        self._address = address
        self._slot = key_slot(tag.encode())
        self._nodes = list(address.nodes)

    async def open(self, limit_s: float) -> Line:
        return await _first_of(self._nodes, lambda node: self._open_by(node, limit_s))

    async def _open_by(self, node: Node, limit_s: float) -> Line:
        """Open a line to the master of our slot, as this node sees it."""
        line = await _open(self._address, node, min(limit_s, NODE_S))
        try:
            ranges = await _first_answer(line, ("CLUSTER", "SLOTS"), NODE_S)
            master = self._learn(ranges, node)
        except BaseException:
            await line.close()
            raise
        if master == node:
            return line
        await line.close()
        return await _open(self._address, master, min(limit_s, NODE_S))

    def _learn(self, ranges: list[Any], asked: Node) -> Node:
        """The master of our slot; all nodes that stand in the answer are worth asking next time."""
        master: Node | None = None
        for first, last, *servers in ranges:
            nodes = [Node(str(server[0] or asked.host), int(server[1])) for server in servers]
            self._nodes += [node for node in nodes if node not in self._nodes]
            if first <= self._slot <= last:
                master = nodes[0]
        if master is None:
            raise StoreUnavailable(f"The Cluster of {self._address} serves our slot {self._slot} nowhere now.")
        return master

    def moved(self, slot: int) -> None:
        self._slot = slot


async def _first_of(nodes: list[Node], ask: Callable[[Node], Awaitable[T]]) -> T:
    """What the first of these says that can say it; who cannot is asked last from now on.

    Raises:
        SetupError: nobody can, and a person has to mend something with one of them.
        StoreUnavailable: nobody can now.
    """
    failure: SetupError | StoreUnavailable = StoreUnavailable("There is nobody to ask.")
    for node in list(nodes):
        try:
            return await ask(node)
        except (SetupError, StoreUnavailable) as error:
            failure = failure if isinstance(failure, SetupError) else error
            nodes.append(nodes.pop(nodes.index(node)))
    raise failure


async def _open(address: RedisAddress, node: Node | None, limit_s: float, *, what: str = "Redis") -> Line:
    """Connect to one server and make a line of the connection; *what* it is, for messages."""
    where = f"{what} at {node or address}"
    connection = _connection(address, node)
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_s
    try:
        async with asyncio.timeout_at(end):
            await connection.connect()
    except BaseException as error:
        await connection.disconnect(nowait=True)
        if isinstance(error, TimeoutError):
            raise silent(where, tls=address.tls is not None) from error
        if isinstance(error, RedisError | OSError):
            raise _failure(error, where) from error
        raise
    line = Line(connection, where)
    await _first_answer(line, ("CLIENT", "SETNAME", "tonearm"), end - loop.time(), refusable=True)
    return line


async def _first_answer(line: Line, command: tuple[str, ...], limit_s: float, *, refusable: bool = False) -> Any:
    """Ask on a line that nobody else has; it is closed if the answer does not come. None for a *refusable* one."""
    try:
        return await line.ask(packed(command), asyncio.get_running_loop().time() + limit_s)
    except BaseException as error:
        if refusable and isinstance(error, ResponseError):
            return None
        await line.close()
        if isinstance(error, RedisError):
            raise _failure(error, line.where) from error
        raise


def _failure(error: RedisError | OSError, where: str) -> SetupError | StoreUnavailable:
    return (
        mendable(error, where)
        or unavailable(error, where)
        or StoreUnavailable(f"{where} refuses what it has to allow: {error}")
    )


def _connection(address: RedisAddress, node: Node | None) -> Connection:
    """A connection of redis-py, not connected yet. It has no time limits of its own: the line has them."""
    given: dict[str, Any] = {
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "socket_timeout": None,
        "encoding_errors": "surrogateescape",
        "decode_responses": True,
        "protocol": 2,
        "driver_info": None,
    }
    if node is None:
        return cast("Connection", UnixDomainSocketConnection(path=address.path, **given))
    kind = Plain if address.tls is None else SSLConnection
    return cast("Connection", kind(host=node.host, port=node.port, **given, **_trust(address)))


def _trust(address: RedisAddress) -> dict[str, Any]:
    trust = address.tls
    if trust is None:
        return {}
    for path in (trust.ca_certs, trust.certfile, trust.keyfile):
        if path is not None and not os.access(path, os.R_OK):
            raise SetupError(f"REDIS_URL names the file {path}, which is not there or cannot be read.")
    return {
        "ssl_ca_certs": trust.ca_certs,
        "ssl_certfile": trust.certfile,
        "ssl_keyfile": trust.keyfile,
        "ssl_cert_reqs": "none" if trust.anybody else "required",
        "ssl_check_hostname": trust.check_hostname,
    }
