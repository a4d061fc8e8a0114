"""Limits: how long the engine waits and how much it takes. They bound a peer, never our own throttle or disk."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Times in milliseconds, sizes in bytes."""

    connect_ms: int = 30_000
    """From looking up the name to the finished TLS handshake, all addresses of the host together."""
    silence_ms: int = 30_000
    """Without a single byte from the peer. A transfer that moves is never cut by it."""
    json_bytes: int = 8 * MIB
    """Of one JSON answer, after decompression."""
    file_bytes: int = 4 * GIB
    picture_bytes: int = 16 * MIB
    aside_bytes: int = MIB
    """Of one JSON answer that was asked for aside, after decompression."""
    redirects: int = 5


def in_seconds(milliseconds: int) -> str:
    """Write a limit as people read it: `30s`, `1.5s`, `0.1s`."""
    return f"{milliseconds / 1000:g}s"


def in_units(size: int) -> str:
    """Write a number of bytes as people read it: `512 bytes`, `8 MiB`, `1.5 GiB`."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
