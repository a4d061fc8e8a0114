"""A real Redis or Valkey: one server process, stopped in every way a server can be stopped, and started again.

    with RedisServer(program="valkey", aof="always") as redis:
        redis.call("SET", "key", "value")
        redis.kill()
        redis.start()  # on the same port, with what it had
        assert redis.call("GET", "key") == "value"

It is a foreground child on a free port of 127.0.0.1 with a folder of its own. What is said here blocks for as long as
the server takes, a few milliseconds mostly; from a test with a loop that must go on meanwhile, say it on a thread.
Several servers together are in `redis_cluster` and `redis_sentinel`; those that tests share in `redis_shared`.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.programs import find
from tests.support.server import free_port
from tests.support.tls import Certificate
from tests.support.valkey import valkey_server

START_S = 20.0
"""Seconds that a server has until it answers PING, its data loaded."""
AGREE_S = 60.0
"""Seconds that several servers have until they agree who is what."""

Program = Literal["redis", "valkey"]
Aof = Literal["no", "everysec", "always"]


class RedisServer:
    """One server that runs from construction on, until the block ends.

    *aof* is how soon a write is on the disk, in the folder *data* (default: one of its own). *settings* are further
    lines of redis.conf, *users* rules of the ACL by user name, such as `on >secret ~{tonearm}:* +@all`. With *password*
    the default user has to give it; with *certificate* the server speaks TLS and nothing else.
    """

    def __init__(
        self,
        *,
        program: Program = "redis",
        aof: Aof = "no",
        data: Path | None = None,
        password: str | None = None,
        users: Mapping[str, str] | None = None,
        certificate: Certificate | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.program = program
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="tonearm-redis-"))
        self.socket = self.folder / "socket"
        self.log = self.folder / "log"
        self.certificate = certificate
        self._password = password
        self._configuration = self.folder / "redis.conf"
        lines = [f"{name} {value}" for name, value in self._settings(aof, data or self.folder, settings or {}).items()]
        lines += [f"user {name} {rules}" for name, rules in (users or {}).items()]
        self._configuration.write_text("\n".join([*lines, ""]), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._client = self._connect()
        try:
            self.start()
        except BaseException:
            self.end()
            raise

    def _settings(self, aof: Aof, data: Path, further: Mapping[str, str]) -> dict[str, str]:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "unixsocket": str(self.socket),
            "dir": str(data),
            "save": '""',
            "appendonly": "no" if aof == "no" else "yes",
            "appendfsync": "everysec" if aof == "no" else aof,
            "repl-diskless-sync-delay": "0",
        }
        if self._password is not None:
            settings["requirepass"] = self._password
        if self.certificate is not None:
            settings |= {
                "port": "0",
                "tls-port": str(self.port),
                "tls-cert-file": str(self.certificate.certificate),
                "tls-key-file": str(self.certificate.key),
                "tls-ca-cert-file": str(self.certificate.authority),
                "tls-auth-clients": "no",
            }
        return settings | dict(further)

    def _connect(self) -> redis.Redis:
        client = redis.Redis(
            host="127.0.0.1",
            port=self.port,
            password=self._password,
            ssl=self.certificate is not None,
            ssl_ca_certs=None if self.certificate is None else str(self.certificate.authority),
            decode_responses=True,
            encoding_errors="surrogateescape",
            protocol=2,
            socket_timeout=10,
            retry=Retry(NoBackoff(), 0),
        )
        client.response_callbacks.clear()  # replies as they come, not as redis-py would shape some of them
        return client

    # --- life and death ---------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start the process, on the port and with the data that it had, and wait until it answers."""
        assert not self.running
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while not self.answers():
            if not self.running or time.monotonic() > end:
                raise RuntimeError(f"{self.program} did not start:\n{self.log.read_text('utf-8', 'replace')}")
            time.sleep(0.005)  # a pause between two looks

    def _command(self) -> Sequence[str | Path]:
        server = find("redis-server") if self.program == "redis" else valkey_server()
        return [server, self._configuration]

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives; a frozen one does."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """`kill -9`, also of a frozen one, and wait until the process is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        self._client.close()

    def shut_down(self) -> None:
        """SIGTERM, and wait until the process is gone."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
        self._client.close()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, and nothing is answered any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT: everything that was asked meanwhile is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it, and remove what it had."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- talking to it ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The URL of the default user."""
        return self.url_of(None, self._password)

    def url_of(self, user: str | None, password: str | None, *, port: int | None = None) -> str:
        """The URL of this user; with *port* through something that stands before the server."""
        scheme = "redis" if self.certificate is None else "rediss"
        who = "" if password is None else f"{quote(user or '', safe='')}:{quote(password, safe='')}@"
        return f"{scheme}://{who}127.0.0.1:{port or self.port}"

    @property
    def socket_url(self) -> str:
        """The URL of its unix socket, for the default user without a password."""
        return f"unix://{self.socket}"

    def call(self, *command: str | float | bytes) -> Any:
        """Say this as the default user, and answer the reply as it came (RESP2, text decoded)."""
        # redis-py has no types here; the reply is anyhow whatever the command says
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # it has no types

    def answers(self) -> bool:
        """Whether it answers PING (it does not while it loads its data)."""
        try:
            return bool(self.call("PING"))
        except redis.RedisError:
            return False

    def figures(self, section: str) -> dict[str, str]:
        """A section of INFO, such as `memory` or `replication`."""
        lines = [line for line in str(self.call("INFO", section)).splitlines() if ":" in line]
        return {name: value for name, _, value in (line.partition(":") for line in lines)}

    def forget_scripts(self) -> None:
        """SCRIPT FLUSH: the next EVALSHA is answered NOSCRIPT."""
        self.call("SCRIPT", "FLUSH", "SYNC")

    def forget_everything(self) -> None:
        """FLUSHALL."""
        self.call("FLUSHALL", "SYNC")

    # --- the keys of a queue ----------------------------------------------------------------------------------------

    def all_keys(self) -> set[str]:
        """All keys."""
        found, cursor = set[str](), "0"
        while True:
            cursor, some = self.call("SCAN", cursor, "COUNT", 1_000)
            found.update(some)
            if cursor == "0":
                return found

    def remove(self, *queues: str) -> None:
        """Remove the keys of *queues*, which must be all that there are: one beside their hash tags is a mistake."""
        keys = self.all_keys()
        tags = tuple(map(tag, queues))
        beside = sorted(key for key in keys if not key.startswith(tags))
        if keys:
            self.forget_everything()
        assert not beside, f"keys beside the hash tags {tags}: {beside[:10]}"


def await_state(what: str, ready: Callable[[], Any]) -> Any:
    """Wait until *ready* answers something true, and answer that.

    Raises:
        TimeoutError: it did not within `AGREE_S`.
    """
    end = time.monotonic() + AGREE_S
    while True:
        try:
            if answer := ready():
                return answer
        except (redis.RedisError, StopIteration):
            pass  # a server that was just killed, or is busy becoming something else
        if time.monotonic() > end:
            raise TimeoutError(f"waited {AGREE_S:g} s in vain: {what}")
        time.sleep(0.02)  # a pause between two looks


def tag(queue: str) -> str:
    """What the keys of a queue begin with."""
    return f"{{{queue}}}:"


def by_kind(keys: set[str], queue: str) -> dict[str, int]:
    """How many keys of each kind (the word behind the hash tag) a queue has."""
    ours = [key.removeprefix(tag(queue)) for key in keys if key.startswith(tag(queue))]
    return dict(sorted(Counter(key.split(":")[0] for key in ours).items()))
