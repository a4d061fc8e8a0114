"""Kinds of settings: each type with its unit and with what is allowed, checked and said in the same place."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from tonearm.model import Quality
from tonearm.settings import loglevels
from tonearm.settings.redisaddress import RedisAddress


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: its unit, and what is allowed, in words that end "must be …"."""

    unit: str
    allowed: str


class Mark(Enum):
    """What is said of a setting beside its kind."""

    RELOADABLE = "reloadable"


T = TypeVar("T")
Reloadable = Annotated[T, Mark.RELOADABLE]
"""A setting of this kind changes while the process runs, at SIGHUP; every other one needs a restart."""


def _split(value: object) -> object:
    """A comma-separated text as its parts; anything else as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _pairs(value: object) -> object:
    """`A=B,C=D` as a mapping; a part without `=` maps to nothing and is refused."""
    if not isinstance(value, str):
        return value
    pairs = (part.partition("=") for part in value.split(",") if part.strip())
    return {name.strip(): word.strip() for name, _, word in pairs}


class NoHome(ValueError):
    """Nobody knows where the home folder is that a path begins with."""


def folder(path: Path) -> Path:
    """The path in full, `~` included."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise NoHome(f"{path.parts[0]} has no home folder here") from None


def _in_utf8(secret: SecretStr) -> SecretStr:
    if any("\ud800" <= letter <= "\udfff" for letter in secret.get_secret_value()):
        raise ValueError("bytes of another encoding")
    return secret


def _web_url(url: str) -> str:
    parts = urlsplit(url)
    if not url.isprintable() or " " in url:  # nor can an error be told of a text that has bytes which are no UTF-8
        raise ValueError("what no address has")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(url)
    return url.rstrip("/")


def _service_url(url: str) -> str:
    """What any service can have; which there are, Apprise knows."""
    if not url.isprintable() or " " in url or not urlsplit(url).scheme or not url.partition("://")[2]:
        raise ValueError("what no address has")
    return url


def _redis_url(url: str) -> str:
    RedisAddress.parse(url)
    return url


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


def _no_boolean(value: object) -> object:
    """A file of TOML has true and false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - what pydantic reports
    return value


def _host_port(text: str) -> str:
    _, _, port = text.rpartition("]")[2].rpartition(":")
    if port.isdecimal() and not 0 < int(port) < 65_536:
        raise ValueError(text)
    return text


MOST = 10**12


def _whole(least: int, most: int, off: str = "") -> str:
    zero = f" (0 = {off})" if off else ""
    return f"a whole number from {least} to {most}{zero}"


def _number(most: int) -> str:
    return f"a number from 0 to {most}"


_Int = Annotated[int, BeforeValidator(_no_boolean)]
_Float = Annotated[float, BeforeValidator(_no_boolean)]
Millis = Annotated[_Int, Field(ge=100, le=MOST), Kind("ms", _whole(100, MOST))]
MillisOrOff = Annotated[_Int, Field(ge=0, le=MOST), Kind("ms", _whole(0, MOST, "off"))]
Days = Annotated[_Float, Field(ge=0, le=36_500, allow_inf_nan=False), Kind("days", _number(36_500))]
Megabytes = Annotated[_Float, Field(ge=0, le=MOST, allow_inf_nan=False), Kind("MB", _number(MOST))]
Count = Annotated[_Int, Field(ge=1, le=MOST), Kind("", _whole(1, MOST))]
CountOrOff = Annotated[_Int, Field(ge=0, le=MOST), Kind("", _whole(0, MOST, "off"))]
Retries = Annotated[_Int, Field(ge=0, le=20), Kind("", _whole(0, 20))]
Bytes = Annotated[_Int, Field(ge=1, le=MOST), Kind("bytes", _whole(1, MOST))]
BytesOrOff = Annotated[_Int, Field(ge=0, le=10**15), Kind("bytes", _whole(0, 10**15, "no limit"))]
Speed = Annotated[_Int, Field(ge=0, le=10**15), Kind("bytes/s", _whole(0, 10**15, "no limit"))]
PortNumber = Annotated[_Int, Field(ge=0, le=65_535), Kind("", _whole(0, 65_535, "any free port"))]
FilePath = Annotated[Path, AfterValidator(folder), Kind("", "a path")]
Text = Annotated[str, Field(min_length=1), Kind("", "a text that is not empty")]
Secret = Annotated[SecretStr, AfterValidator(_in_utf8), Kind("", "a text in UTF-8")]
WebUrl = Annotated[str, AfterValidator(_web_url), Kind("", "an address that begins with http:// or https://")]
WebUrls = Annotated[
    tuple[Annotated[str, AfterValidator(_web_url)], ...],
    NoDecode,
    BeforeValidator(_split),
    Kind("", "addresses that begin with http:// or https://, with commas between"),
]
ServiceUrls = Annotated[
    tuple[Annotated[str, AfterValidator(_service_url)], ...],
    NoDecode,
    BeforeValidator(_split),
    Kind("", "addresses of Apprise such as mailto://…, with commas between (one within an address is written %2C)"),
]
RedisUrl = Annotated[str, AfterValidator(_redis_url), Kind("", "an address such as redis://host:6379/0")]
Hosts = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^\s/,:]+$")], ...],
    NoDecode,
    BeforeValidator(_split),
    Kind("", "names of hosts, without port, with commas between"),
]
HostPorts = Annotated[
    tuple[
        Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s/,:]+)(:\d{1,5})?$"), AfterValidator(_host_port)],
        ...,
    ],
    NoDecode,
    BeforeValidator(_split),
    Kind("", "host or host:port, with commas between"),
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    NoDecode,
    BeforeValidator(_split),
    Kind("", "addresses or networks such as 10.0.0.0/8, with commas between"),
]
QualityAliases = Annotated[
    Mapping[Annotated[str, Field(min_length=1)], Quality],
    NoDecode,
    BeforeValidator(_pairs),
    AfterValidator(MappingProxyType),
    Kind("", "pairs such as HI_RES_LOSSLESS=LOSSLESS, with commas between"),
]
Umask = Annotated[str, Field(pattern=r"^0?[0-7]{1,3}$"), Kind("octal", "an octal number from 000 to 777")]
BasePath = Annotated[
    str,
    BeforeValidator(lambda value: value.rstrip("/") if isinstance(value, str) else value),
    Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$"),
    Kind("", "a path such as /music"),
]
LogLevels = Annotated[
    str,
    AfterValidator(loglevels.checked),
    Kind("", f"{', '.join(loglevels.LEVELS)}, or with levels of parts such as info,worker.transfer=debug"),
]
Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
