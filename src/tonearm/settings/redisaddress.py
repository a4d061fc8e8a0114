"""The address of a Redis: what REDIS_URL may look like, and where it leads.

    redis://[user:password@]host[:port][/db]                                    one server
    unix://[user:password@]/path/to/redis.sock[?db=0]                           one server on this machine
    redis+sentinel://[user:password@]host[:port],host[:port]…/service[/db]      whoever is master, as Sentinels say
    redis+cluster://[user:password@]host[:port],host[:port]…                    whoever serves our slot of a Cluster

`rediss` in the place of `redis` speaks TLS, with Sentinels too. What stands behind `?` are the names of `OPTIONS`.
User, password, service and paths are percent-encoded. Nothing here connects to anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

REDIS_PORT = 6_379
SENTINEL_PORT = 26_379

_SCHEMES: Mapping[str, tuple[Literal["server", "socket", "sentinel", "cluster"], bool]] = MappingProxyType(
    {
        "redis": ("server", False),
        "rediss": ("server", True),
        "unix": ("socket", False),
        "redis+sentinel": ("sentinel", False),
        "rediss+sentinel": ("sentinel", True),
        "redis+cluster": ("cluster", False),
        "rediss+cluster": ("cluster", True),
    }
)
_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "db": "number of the database; for unix:// and where the path has none",
        "sentinel_username": "user at the Sentinels",
        "sentinel_password": "password at the Sentinels",
        "ssl_ca_certs": "file of the authorities to trust (PEM), beside those of the system",
        "ssl_certfile": "file of our own certificate (PEM)",
        "ssl_keyfile": "file of its key (PEM)",
        "ssl_cert_reqs": "required, or none to trust anybody",
        "ssl_check_hostname": "true, or false to accept a certificate of another name",
    }
)
"""What may stand behind `?`, and what it means."""

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s\[\]:/@,]+))(?::(?P<port>\d{1,5}))?")
_UNFIT = re.compile(r"[\x00-\x20\x7f]")


class WrongAddress(ValueError):
    """The text is no address of a Redis; the message is a clause that says why, and holds no secret."""


class Node(NamedTuple):
    """One server by host and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we trust over TLS, and who we are."""

    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    anybody: bool = False
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where the queue's Redis is. *nodes*: the server, the Sentinels, or the nodes to ask first; none for a socket."""

    kind: Literal["server", "socket", "sentinel", "cluster"]
    nodes: tuple[Node, ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: Trust | None = None

    def __str__(self) -> str:
        """The address without user and password, for people."""
        if self.kind == "socket":
            return f"unix://{self.path}"
        how = "" if self.kind == "server" else f"+{self.kind}"
        scheme = f"redis{'s' if self.tls else ''}{how}"
        service = f"/{self.service}" if self.service else ""
        return f"{scheme}://{','.join(map(str, self.nodes))}{service}{f'/{self.db}' if self.db else ''}"

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Read an address.

        Raises:
            WrongAddress: it is none of the forms above; says what is wrong, without repeating it.
        """
        if _UNFIT.search(url):
            raise WrongAddress("it has a space or a control character in it")
        try:
            parts = urlsplit(url)
        except ValueError:
            raise WrongAddress("a bracket in it does not close") from None
        if parts.scheme not in _SCHEMES:
            raise WrongAddress(f"it does not begin with one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
        if parts.fragment:
            raise WrongAddress("it has a # in it; in a password that is written %23")
        kind, tls = _SCHEMES[parts.scheme]
        options = _options(parts.query, kind, tls=tls)
        user, hosts = _user(parts.netloc)
        path, service, db = _path(kind, parts.path, options)
        return cls(
            kind,
            _nodes(kind, hosts),
            path,
            service,
            db,
            *user,
            sentinel_username=options.get("sentinel_username"),
            sentinel_password=options.get("sentinel_password"),
            tls=_trust(options) if tls else None,
        )


def _options(query: str, kind: str, *, tls: bool) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        raise WrongAddress("what stands behind its ? is not of the form name=value&name=value") from None
    for name, _ in pairs:
        if name not in OPTIONS:
            raise WrongAddress(f"behind its ? stands a name that is none of {', '.join(OPTIONS)}")
        if name.startswith("sentinel_") and kind != "sentinel":
            raise WrongAddress(f"{name} is for redis+sentinel:// alone")
        if name in _TLS and not tls:
            raise WrongAddress(f"{name} is for rediss:// alone, which speaks TLS")
    return dict(pairs)


def _user(netloc: str) -> tuple[tuple[str | None, str | None], str]:
    """User and password, and the rest."""
    credentials, _, hosts = netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    if "@" in credentials:
        raise WrongAddress("it has more than one @; in a password that is written %40")
    return (unquote(username) or None, unquote(password) or None), hosts


def _nodes(kind: str, hosts: str) -> tuple[Node, ...]:
    if kind == "socket":
        if hosts:
            raise WrongAddress("a socket is a full path, with three slashes: unix:///run/redis.sock")
        return ()
    if not hosts:
        raise WrongAddress("it names no host")
    nodes = tuple(_node(host, SENTINEL_PORT if kind == "sentinel" else REDIS_PORT) for host in hosts.split(","))
    if kind == "server" and len(nodes) > 1:
        raise WrongAddress("it names several hosts, which only redis+sentinel:// and redis+cluster:// may")
    return nodes


def _node(text: str, port: int) -> Node:
    found = _HOST.fullmatch(text)
    if not found:
        raise WrongAddress("a host in it is not of the form host, host:port or [IPv6 address]:port")
    number = int(found["port"] or port)
    if not 0 < number < 65_536:
        raise WrongAddress("a port in it is not between 1 and 65535")
    return Node(found["v6"] or found["host"], number)


def _path(kind: str, path: str, options: Mapping[str, str]) -> tuple[str, str, int]:
    """Path of the socket, name of the service, and number of the database."""
    if kind == "socket":
        if path in ("", "/"):
            raise WrongAddress("it names no socket, as unix:///run/redis.sock does")
        return unquote(path), "", _database(options.get("db", "0"))
    service = ""
    names = path.strip("/").split("/") if path.strip("/") else []
    if kind == "sentinel":
        if not names:
            raise WrongAddress("it does not name the service, as redis+sentinel://host:26379/service does")
        service = unquote(names.pop(0))
    if len(names) > 1:
        raise WrongAddress("its path is more than the number of the database")
    db = _database(names[0] if names else options.get("db", "0"))
    if kind == "cluster" and db:
        raise WrongAddress("a Cluster has only database 0")
    return "", service, db


def _database(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise WrongAddress("the number of the database in it is no number")
    return int(text)


def _trust(options: Mapping[str, str]) -> Trust:
    return Trust(
        options.get("ssl_ca_certs"),
        options.get("ssl_certfile"),
        options.get("ssl_keyfile"),
        anybody=_one_of(options, "ssl_cert_reqs", {"required": False, "none": True}),
        check_hostname=_one_of(options, "ssl_check_hostname", {"true": True, "false": False}),
    )


def _one_of(options: Mapping[str, str], name: str, words: Mapping[str, bool]) -> bool:
    word = options.get(name, next(iter(words)))
    if word not in words:
        raise WrongAddress(f"{name} in it is neither of {', '.join(words)}")
    return words[word]
