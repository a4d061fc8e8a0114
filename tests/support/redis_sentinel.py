"""A real Sentinel trio that watches a master and its replica.

with RedisSentinel() as sentinel:
    old = sentinel.master()
    old.kill()
    sentinel.await_master(other_than=old)  # about two seconds
    old.start()                            # becomes a replica
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import quote

from tests.support.redis_server import Aof, Program, RedisServer, await_state

SERVICE = "tonearm"
QUORUM = 2


class RedisSentinel:
    """Five servers, ready when constructed. A master that is silent for *down_after_ms* is replaced by the replica.

    With *password* master and replica ask for it; with *sentinel_password* the Sentinels do.
    """

    def __init__(
        self,
        *,
        program: Program = "redis",
        down_after_ms: int = 1_000,
        aof: Aof = "no",
        password: str | None = None,
        sentinel_password: str | None = None,
    ) -> None:
        self._ending = ExitStack()
        self._password, self._sentinel_password = password, sentinel_password
        try:
            own = {} if password is None else {"masterauth": password}
            first = self._run(RedisServer(program=program, aof=aof, password=password, settings=own))
            follow = {"replicaof": f"127.0.0.1 {first.port}"}
            second = self._run(RedisServer(program=program, aof=aof, password=password, settings=own | follow))
            self.servers = (first, second)
            await_state("the replica has the master's data", lambda: _follows(second, first))
            settings = self._watching(first, down_after_ms)
            self.sentinels = tuple(
                self._run(SentinelServer(program=program, password=sentinel_password, settings=settings))
                for _ in range(QUORUM + 1)
            )
            await_state("the Sentinels know one another and both servers", self._all_known)
        except BaseException:
            self._ending.close()
            raise

    def _run(self, server: RedisServer) -> RedisServer:
        return self._ending.enter_context(server)

    def _watching(self, master: RedisServer, down_after_ms: int) -> dict[str, str]:
        settings = {
            "sentinel monitor": f"{SERVICE} 127.0.0.1 {master.port} {QUORUM}",
            "sentinel down-after-milliseconds": f"{SERVICE} {down_after_ms}",
            "sentinel failover-timeout": f"{SERVICE} {5 * down_after_ms}",
        }
        if self._password is not None:
            settings["sentinel auth-pass"] = f"{SERVICE} {self._password}"
        return settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def _all_known(self) -> bool:
        for sentinel in self.sentinels:
            said = sentinel.call("SENTINEL", "MASTER", SERVICE)
            known = dict(zip(said[::2], said[1::2], strict=True))
            if (known["num-other-sentinels"], known["num-slaves"]) != (str(QUORUM), "1"):
                return False
        return True

    # --- who is who -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The URL that names the Sentinels and the service."""
        who = "" if self._password is None else f":{quote(self._password, safe='')}@"
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        asked = self._sentinel_password
        query = "" if asked is None else f"?sentinel_password={quote(asked, safe='')}"
        return f"redis+sentinel://{who}{hosts}/{SERVICE}{query}"

    def master(self) -> RedisServer:
        """The server that the Sentinels which run call the master."""
        asked = next(sentinel for sentinel in self.sentinels if sentinel.answers())
        _, port = asked.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    def replica(self) -> RedisServer:
        """The other one."""
        master = self.master()
        return next(server for server in self.servers if server is not master)

    def await_master(self, *, other_than: RedisServer) -> RedisServer:
        """Wait until all Sentinels name another master than this one, and it is one; that server."""

        def found() -> RedisServer | None:
            master = self.master()
            if master is other_than or master.figures("replication")["role"] != "master":
                return None
            addresses = {
                sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1] for sentinel in self.sentinels
            }
            return master if addresses == {str(master.port)} else None

        master = await_state("another server is the master", found)
        assert isinstance(master, RedisServer)
        return master


class SentinelServer(RedisServer):
    """One Sentinel, which writes into its own configuration."""

    def _command(self) -> list[str]:
        return [*map(str, super()._command()), "--sentinel"]

    def _settings(self, aof: Aof, data: Any, further: Any) -> dict[str, str]:
        return {
            name: value
            for name, value in super()._settings(aof, data, further).items()
            if name in ("bind", "port", "dir", "requirepass") or name.startswith("sentinel ")
        }


def _follows(replica: RedisServer, master: RedisServer) -> bool:
    seen = replica.figures("replication")
    return (seen["role"], seen.get("master_port"), seen.get("master_link_status")) == ("slave", str(master.port), "up")
