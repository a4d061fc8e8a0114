"""A real Redis Cluster of three masters, each with a replica: six `RedisServer`s that know one another.

with RedisCluster() as cluster:
    old = cluster.master_of("tonearm")
    old.kill()
    cluster.await_master_of("tonearm", other_than=old)  # about two seconds
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from tests.support.redis_server import Aof, Program, RedisServer, await_state
from tests.support.server import free_port

MASTERS = 3
SLOTS = 16_384


@dataclass(frozen=True)
class Node:
    """One line of CLUSTER NODES: who it is, which port it serves, what it is, whose replica, and how many slots."""

    id: str
    port: int
    flags: frozenset[str]
    master_id: str
    linked: bool
    slots: tuple[tuple[int, int], ...]

    @property
    def serves(self) -> bool:
        """Whether it is a master in good health."""
        return "master" in self.flags and not self.flags & {"fail", "fail?", "noaddr", "handshake"}


class RedisCluster:
    """Six nodes, ready when constructed. A master that is silent for *node_timeout_ms* is replaced by its replica."""

    def __init__(self, *, program: Program = "redis", node_timeout_ms: int = 1_000, aof: Aof = "no") -> None:
        self._ending = ExitStack()
        self.nodes: tuple[RedisServer, ...] = ()
        try:
            for _ in range(2 * MASTERS):
                node = RedisServer(program=program, aof=aof, settings=_settings())
                self.nodes += (self._ending.enter_context(node),)
            self._form()
            for node in self.nodes:
                node.call("CONFIG", "SET", "cluster-node-timeout", node_timeout_ms)
                node.call("CONFIG", "REWRITE")
        except BaseException:
            self._ending.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill all nodes, and remove what they had."""
        self._ending.close()

    def _form(self) -> None:
        """What `redis-cli --cluster create` does, which knows no port of one's own for what nodes tell one another."""
        first = self.nodes[0]
        for number, node in enumerate(self.nodes, 1):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number)
            if node is not first:
                bus = node.call("CONFIG", "GET", "cluster-port")[1]
                first.call("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        shares = [number * SLOTS // MASTERS for number in range(MASTERS + 1)]
        for number, master in enumerate(self.nodes[:MASTERS]):
            master.call("CLUSTER", "ADDSLOTSRANGE", shares[number], shares[number + 1] - 1)
        await_state("all know one another", lambda: all(self._knows_all(node) for node in self.nodes))
        for number, replica in enumerate(self.nodes[MASTERS:]):
            replica.call("CLUSTER", "REPLICATE", self.nodes[number].call("CLUSTER", "MYID"))
        self.await_health()

    def _knows_all(self, node: RedisServer) -> bool:
        seen = _seen_by(node)
        return len(seen) == len(self.nodes) and not any("handshake" in each.flags for each in seen)

    # --- its health -------------------------------------------------------------------------------------------------

    def await_health(self) -> None:
        """Wait until every node that runs agrees that all slots are served, and every replica has its master's data."""
        await_state("the Cluster is healthy", self._healthy)

    def _healthy(self) -> bool:
        running = [node for node in self.nodes if node.running]
        return all(self._finds_all_well(node, len(running)) for node in running)

    @staticmethod
    def _finds_all_well(node: RedisServer, running: int) -> bool:
        if "cluster_state:ok" not in node.call("CLUSTER", "INFO"):
            return False
        seen = _seen_by(node)
        masters = [each for each in seen if each.serves]
        replicas = [each for each in seen if "slave" in each.flags and each.linked]
        if len(masters) != MASTERS or len(masters) + len(replicas) < running:
            return False
        replication = node.figures("replication")
        return replication["role"] == "master" or replication["master_link_status"] == "up"

    def master_of(self, queue: str) -> RedisServer:
        """The node that has the keys of this queue, as the nodes that run see it.

        Raises:
            LookupError: nobody has them now.
        """
        asked = next(node for node in self.nodes if node.answers())
        slot = int(asked.call("CLUSTER", "KEYSLOT", f"{{{queue}}}"))
        for node in _seen_by(asked):
            if node.serves and any(first <= slot <= last for first, last in node.slots):
                return self._on(node.port)
        raise LookupError(f"no node has slot {slot}")

    def replica_of(self, queue: str) -> RedisServer:
        """The node that would take the place of the master of this queue."""
        master = self.master_of(queue)
        seen = _seen_by(master)
        ours = next(each for each in seen if "myself" in each.flags)
        return self._on(next(each.port for each in seen if each.master_id == ours.id))

    def await_master_of(self, queue: str, *, other_than: RedisServer) -> RedisServer:
        """Wait until another node than this one has the keys of this queue; that node."""

        def found() -> RedisServer | None:
            try:
                master = self.master_of(queue)
            except LookupError:
                return None
            return None if master is other_than else master

        master = await_state("another node has taken over", found)
        assert isinstance(master, RedisServer)
        return master

    def _on(self, port: int) -> RedisServer:
        return next(node for node in self.nodes if node.port == port)

    # --- talking to it ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The URL with all nodes."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}"

    @property
    def masters(self) -> list[RedisServer]:
        """The nodes that have slots now."""
        asked = next(node for node in self.nodes if node.answers())
        return [self._on(node.port) for node in _seen_by(asked) if node.serves and node.slots]

    def all_keys(self) -> set[str]:
        """All keys of all masters."""
        return {key for master in self.masters for key in master.all_keys()}

    def remove(self, *queues: str) -> None:
        """Remove the keys of *queues*, which must be all that there are."""
        for master in self.masters:
            master.remove(*queues)


def _settings() -> dict[str, str]:
    return {
        "cluster-enabled": "yes",
        "cluster-config-file": "nodes.conf",
        "cluster-node-timeout": "1000",  # until it has formed, which is soon then
        "cluster-port": str(free_port()),  # by itself it would be the port + 10000, where others may be
        "cluster-announce-ip": "127.0.0.1",
    }


def _seen_by(node: RedisServer) -> list[Node]:
    return [_node(line.split()) for line in str(node.call("CLUSTER", "NODES")).splitlines()]


def _node(fields: list[str]) -> Node:
    identity, address, flags, master, _, _, _, link, *slots = fields
    ranges = [part.split("-") for part in slots if not part.startswith("[")]
    return Node(
        id=identity,
        port=int(address.partition("@")[0].rpartition(":")[2] or 0),
        flags=frozenset(flags.split(",")),
        master_id=master,
        linked=link == "connected",
        slots=tuple((int(ends[0]), int(ends[-1])) for ends in ranges),
    )
