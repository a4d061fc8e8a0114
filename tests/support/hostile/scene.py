"""What a row of the table consists of, and what its behaviour has to work with."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.support.origin import Visit
from tonearm.errors import FailureCode


@dataclass(frozen=True)
class Scene:
    """The props: *song* is a whole FLAC file, *preview* one of 30 seconds, *moments* say where to cut."""

    song: bytes
    preview: bytes
    moments: Random
    plain: str
    """Base URL of the hostile origin over HTTP, whichever way it was asked."""
    elsewhere: str
    """Base URL of a server on this machine that nobody allowed."""

    def somewhere(self) -> int:
        """A random place inside the song."""
        return self.moments.randrange(1_000, len(self.song) - 1_000)


Behaviour = Callable[[Visit, Scene], Awaitable[None]]
"""What the origin does with one request. It keeps no state: a second attempt shows in the request, by its range."""

Promise = Callable[[Scene], dict[str, Any]]
"""What the catalog says of the medium beside its URL."""


def nothing(_: Scene) -> dict[str, Any]:
    """Only the URL."""
    return {}


def its_size(scene: Scene) -> dict[str, Any]:
    """The song's size."""
    return {"sizeBytes": len(scene.song)}


def its_sha256(scene: Scene) -> dict[str, Any]:
    """The song's SHA-256."""
    return {"checksum": f"sha256:{hashlib.sha256(scene.song).hexdigest()}"}


def its_md5(scene: Scene) -> dict[str, Any]:
    """The song's MD5."""
    return {"checksum": f"md5:{hashlib.md5(scene.song).hexdigest()}"}


def a_key(_: Scene) -> dict[str, Any]:
    """A header without which the medium is refused."""
    return {"headers": {"Authorization": "Bearer of the medium"}}


@dataclass(frozen=True)
class Hostility:
    """One kind of trouble: *name*, what the origin does, and how the job has to end."""

    name: str
    behave: Behaviour
    code: FailureCode
    retried: bool = False
    """Whether another attempt is made before it ends."""
    promised: Promise = nothing
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the catalog says of the track."""
    encrypted: bool = False
    by_catalog: bool = False
    """Whether it is the catalog's answer for the track that misbehaves, and not the medium's."""
