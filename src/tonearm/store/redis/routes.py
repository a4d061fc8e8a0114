"""Routes: how the server is found that takes our writes, behind each kind of address.

One server is where it is. Sentinels are asked who is master. The nodes of a Cluster are asked who serves the slot of
our hash tag: all keys of a queue carry one tag, so one node has them all. Each way ends at a `Line`; whoever needs
another one after a fail-over asks the route again.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from redis.asyncio.connection import Connection as Plain
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError

from tonearm.errors import SetupError, StoreUnavailable
from tonearm.settings.redisaddress import Node, RedisAddress
from tonearm.store.redis.failures import mendable, silent, unavailable
from tonearm.store.redis.line import Connection, Line, packed

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

    async def close(self) -> None:
        """Close what was opened to find the way."""
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

    async def close(self) -> None:
        pass


class _BySentinel:
    """Whoever is master, as the first Sentinel says that knows one that is up."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py left it untyped
            list(address.nodes),
            sentinel_kwargs={
                "username": address.sentinel_username,
                "password": address.sentinel_password,
                "socket_timeout": NODE_S,
                "socket_connect_timeout": NODE_S,
                "retry": Retry(NoBackoff(), 0),
                "decode_responses": True,
                "driver_info": None,
                "ssl": address.tls is not None,
                **_trust(address),
            },
        )

    async def open(self, limit_s: float) -> Line:
        address = self._address
        try:
            host, port = await self._sentinel.discover_master(address.service)
        except MasterNotFoundError as error:
            if (known := await self._known()) and address.service not in known:
                raise SetupError(
                    f"The Sentinels of {address} know no {address.service}, only {', '.join(sorted(known))}."
                ) from error
            raise StoreUnavailable(f"No Sentinel of {address} names a master that is up: {error}") from error
        except RedisError as error:
            raise _failure(error, address) from error
        line = await _open(address, Node(str(host), int(port)), limit_s)
        role = await _first_answer(line, ("ROLE",), limit_s)
        if role[0] != "master":
            await line.close()
            raise StoreUnavailable(f"Redis at {line.where} is no master any more: a fail-over is under way.")
        return line

    async def _known(self) -> set[str]:
        """The names of the services that the Sentinels know."""
        known = set[str]()
        for sentinel in self._sentinel.sentinels:
            try:
                known.update(map(str, await sentinel.sentinel_masters()))
            except (RedisError, OSError):
                continue
        return known

    def moved(self, slot: int) -> None:
        pass

    async def close(self) -> None:
        await self._sentinel.aclose()


class _ByCluster:
    """Whoever serves our slot, as the first node says that answers."""

    def __init__(self, address: RedisAddress, tag: str) -> None:
        self._address = address
        self._slot = key_slot(tag.encode())
        self._nodes = list(address.nodes)

    async def open(self, limit_s: float) -> Line:
        failure: SetupError | StoreUnavailable | None = None
        for node in list(self._nodes):
            try:
                return await self._open_by(node, limit_s)
            except (SetupError, StoreUnavailable) as error:
                failure = failure if isinstance(failure, SetupError) else error
                self._nodes.append(self._nodes.pop(0))  # another one is asked first, this time and next time
        assert failure is not None, "an address has nodes"
        raise failure

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

    async def close(self) -> None:
        pass


async def _open(address: RedisAddress, node: Node | None, limit_s: float) -> Line:
    """Connect to one server and make a line of the connection."""
    where = node or address
    connection = _connection(address, node)
    try:
        async with asyncio.timeout(limit_s):
            await connection.connect()
    except TimeoutError as error:
        await connection.disconnect(nowait=True)
        raise silent(where) from error
    except (RedisError, OSError) as error:
        await connection.disconnect(nowait=True)
        raise _failure(error, where) from error
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    line = Line(connection, where)
    await _first_answer(line, ("CLIENT", "SETNAME", "tonearm"), limit_s, needed=False)
    return line


async def _first_answer(line: Line, command: tuple[str, ...], limit_s: float, *, needed: bool = True) -> Any:
    """Ask on a line that nobody else has; it is closed if the answer is *needed* and does not come."""
    try:
        async with asyncio.timeout(limit_s):
            return await line.ask(packed(command))
    except RedisError as error:
        if not needed:
            return None
        failure: Exception = _failure(error, line.where)
        raise failure from error
    except TimeoutError as error:
        await line.close()
        raise silent(line.where) from error


def _failure(error: RedisError | OSError, where: object) -> SetupError | StoreUnavailable:
    return (
        mendable(error, where)
        or unavailable(error, where)
        or StoreUnavailable(f"Redis at {where} refuses what it has to allow: {error}")
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
    return {
        "ssl_ca_certs": trust.ca_certs,
        "ssl_certfile": trust.certfile,
        "ssl_keyfile": trust.keyfile,
        "ssl_cert_reqs": "none" if trust.anybody else "required",
        "ssl_check_hostname": trust.check_hostname,
    }
