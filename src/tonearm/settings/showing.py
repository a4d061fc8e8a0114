"""Settings for people: as text, with unit and help, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tonearm.settings.fields import ATTRIBUTES, FIELDS, RELOADABLE, Settings
from tonearm.settings.kinds import Kind

MASK = "***"


class Setting(NamedTuple):
    """One line of `tonearm config`.

    *source*: default, environment, flag, or the file. *reload*: changes at SIGHUP.
    """

    name: str
    value: str
    source: str
    unit: str
    help: str
    reload: bool


def effective(settings: Settings) -> list[Setting]:
    """Every setting with its value as text, where it comes from, its unit and its help; secrets are masked."""
    return [
        Setting(
            name,
            shown(getattr(settings, ATTRIBUTES[name])),
            settings.source(name),
            kind_of(field).unit,
            field.description or "",
            name in RELOADABLE,
        )
        for name, field in FIELDS.items()
    ]


def settings_table() -> str:
    """The table of docs/reference/settings.md: name, default, unit, what is allowed, SIGHUP, meaning."""
    return "\n".join(_table_lines()) + "\n"


def _table_lines() -> Iterator[str]:
    yield "| name | default | unit | allowed | SIGHUP | meaning |"
    yield "|---|---|---|---|---|---|"
    for name, field in FIELDS.items():
        default, kind = default_of(field), kind_of(field)
        reload = "yes" if name in RELOADABLE else "no"
        cells = (
            f"`{name}`",
            f"`{default}`" if default else "",
            kind.unit,
            kind.allowed,
            reload,
            field.description or "",
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def shown(value: object) -> str:
    """A value as people write it, without secrets; nothing for a value that is not set."""
    text = str(value)
    if value is None:
        text = ""
    elif isinstance(value, SecretStr):
        text = MASK
    elif isinstance(value, bool):
        text = text.lower()
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, tuple | list):
        text = ",".join(_without_path(part) if "://" in str(part) else shown(part) for part in value)
    elif isinstance(value, Mapping):
        text = ",".join(f"{key}={part}" for key, part in value.items())
    elif "://" in text:
        text = _without_password(text)
    return text


def default_of(field: FieldInfo) -> str:
    """The default as people write it, or in words where it depends on something; nothing where nothing is set."""
    extra = field.json_schema_extra
    return str(extra["shown"]) if isinstance(extra, dict) else shown(field.default)


def kind_of(field: FieldInfo) -> Kind:
    """Unit and range of a setting; those of a choice are its words."""
    kinds = [part for part in (*field.metadata, *_parts(field.annotation)) if isinstance(part, Kind)]
    return kinds[0] if kinds else Kind("", " or ".join(str(word) for word in get_args(field.annotation)))


def secret(field: FieldInfo, wrong: object) -> bool:
    """Whether this *wrong* value may hold a secret: that of a secret and of addresses that are told something always,
    another address with a user or a query.
    """
    if field.repr:
        return SecretStr in _parts(field.annotation)
    return get_origin(field.annotation) is tuple or any(mark in str(wrong) for mark in "@?")


def _parts(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _without_password(address: str) -> str:
    """The password of an address, and all of its query, masked."""
    return re.sub(r"\?.*", f"?{MASK}", re.sub(r"(://[^\s/:@]*):[^\s/]*@", rf"\1:{MASK}@", address))


def _without_path(address: str) -> str:
    """No more than scheme, host and port: of an address that is told something, often the path is the secret. Of one
    that is not of the web it may be the host as well, so its scheme is all.
    """
    if not address.lower().startswith(("http://", "https://")):
        return re.sub(r"://.*", f"://{MASK}", address)
    return re.sub(r"://(?:[^\s/]*@)?([^\s/?#]*).*", rf"://\1/{MASK}", address)
