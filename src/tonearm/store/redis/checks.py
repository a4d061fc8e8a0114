"""Checks of a Redis: whether a queue may live there, and what its owner should know.

Everything is read from INFO, which servers for hire answer as well; what this user may not see is said to be unseen.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping

from redis.exceptions import NoPermissionError, ResponseError

from tonearm.errors import SetupError, StoreUnavailable
from tonearm.store.checks import Check, Verdict
from tonearm.store.redis.link import Link
from tonearm.store.redis.scripts import make
from tonearm.store.redis.version import OURS, Version

OLDEST = (7, 0)
"""The oldest Redis that knows what our scripts use, their flags above all; any Valkey does."""

SKEW_MS = 5_000
"""How far the clocks of server and this machine may differ before people are told, milliseconds."""

FULL = 0.9
"""The part of `maxmemory` above which people are told."""

_PROBE = make("probe", "#!lua flags=no-writes\nreturn redis.call('EXISTS', KEYS[1])")

Info = Mapping[str, str]


async def require(link: Link, tag: str = "tonearm", version: Version = OURS) -> tuple[str, ...]:
    """See that a queue with this hash tag may live here, for programs of this version; the warnings, for people.

    Raises:
        SetupError: it may not; says everything that is wrong.
        StoreUnavailable: the server does not answer now.
    """
    checks = [check async for check in look(link, tag, version)]
    if wrong := [check.text for check in checks if check.verdict is Verdict.WRONG]:
        raise SetupError("\n".join(wrong))
    return tuple(check.text for check in checks if check.verdict is Verdict.WARNING)


async def look(link: Link, tag: str = "tonearm", version: Version = OURS) -> AsyncIterator[Check]:
    """Look at the server of this link, and at the queue with this hash tag, if there is one.

    Raises:
        StoreUnavailable: it does not answer now.
    """
    try:
        info = _parsed(await link.call("INFO"))
    except (ResponseError, StoreUnavailable) as error:
        if not isinstance(error.__cause__ or error, NoPermissionError):
            raise
        yield Check("server", Verdict.WARNING, "This user may not say INFO: version, memory and AOF are not looked at.")
    else:
        for check in (_version(info), _role(info), _memory(info), _persistence(info), *_fail_over(info, link)):
            yield check
        if info.get("cluster_enabled") == "1":
            yield await _cluster(link)
    user = await _scripts(link, tag)
    yield user
    yield await _clock(link)
    if user.verdict is Verdict.WELL and (found := await _queue(link, tag, version)) is not None:
        yield found


async def queue_exists(link: Link, tag: str = "tonearm") -> bool:
    """Whether there is a queue with this hash tag."""
    return bool(await link.call("EXISTS", f"{{{tag}}}:meta"))


def _parsed(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


def _version(info: Info) -> Check:
    valkey = info.get("valkey_version")
    if valkey is not None:
        return Check("server", Verdict.WELL, f"Valkey {valkey}.")
    version = info.get("redis_version", "0")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        return Check("server", Verdict.WRONG, f"This is Redis {version}; Redis 7.0, or any Valkey, is the oldest.")
    return Check("server", Verdict.WELL, f"Redis {version}.")


def _role(info: Info) -> Check:
    if info.get("role") == "master":
        return Check("role", Verdict.WELL, f"A master with {info.get('connected_slaves', '0')} replicas.")
    master = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
    return Check(
        "role",
        Verdict.WRONG,
        f"This is a replica of {master}, which takes no writes: name the master in REDIS_URL, or Sentinels.",
    )


def _memory(info: Info) -> Check:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return Check(
            "memory",
            Verdict.WRONG,
            f"The server throws keys away when its memory is full (maxmemory-policy {policy}), and jobs with them: "
            "set `maxmemory-policy noeviction`, or give the queue a server of its own.",
        )
    used, most = int(info.get("used_memory", "0")), int(info.get("maxmemory", "0"))
    if most and used > FULL * most:
        return Check(
            "memory",
            Verdict.WARNING,
            f"{used * 100 // most} % of `maxmemory` is used. When it is full, no job is taken any more.",
        )
    limit = f"of {_megabytes(most)} " if most else ""
    return Check("memory", Verdict.WELL, f"{_megabytes(used)} {limit}used, and nothing is thrown away when it is full.")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _persistence(info: Info) -> Check:
    if info.get("aof_enabled") != "1":
        return Check(
            "disk",
            Verdict.WARNING,
            "The server writes no AOF: jobs are lost when it crashes. Set `appendonly yes`.",
        )
    for name, what in (("aof_last_write_status", "write to"), ("aof_last_bgrewrite_status", "tidy up")):
        if info.get(name, "ok") != "ok":
            return Check("disk", Verdict.WARNING, f"The server could not {what} its AOF lately: look into its log.")
    return Check(
        "disk",
        Verdict.WELL,
        "AOF is on. A power cut loses up to a second of it, and nothing with `appendfsync always`.",
    )


def _fail_over(info: Info, link: Link) -> Iterator[Check]:
    if link.address.kind in ("sentinel", "cluster") or info.get("connected_slaves", "0") != "0":
        yield Check(
            "fail-over",
            Verdict.WARNING,
            "A fail-over may lose the newest jobs: a replica has them a moment after they were acknowledged. "
            "`min-replicas-to-write 1` makes that rarer.",
        )
    if link.address.kind in ("server", "socket") and info.get("cluster_enabled") == "1":
        yield Check("cluster", Verdict.WRONG, "This is one node of a Cluster: write redis+cluster:// in REDIS_URL.")


async def _cluster(link: Link) -> Check:
    state = _parsed(await link.call("CLUSTER", "INFO"))
    said = f"{state.get('cluster_slots_ok', '?')} of 16384 slots are served by {state.get('cluster_size', '?')} masters"
    if state.get("cluster_state") == "ok":
        return Check("cluster", Verdict.WELL, f"{said}.")
    return Check("cluster", Verdict.WRONG, f"The Cluster is down: {said}.")


async def _scripts(link: Link, tag: str) -> Check:
    """Whether this user may run scripts on our keys."""
    try:
        await link.run(_PROBE, [f"{{{tag}}}:meta"], [])
    except (ResponseError, StoreUnavailable) as error:
        if not isinstance(error.__cause__ or error, NoPermissionError):
            raise
        return Check("user", Verdict.WRONG, str(error))
    return Check("user", Verdict.WELL, f"Scripts may use the keys that begin with {{{tag}}}:")


async def _clock(link: Link) -> Check:
    """How far the server's clock is from ours, by the quickest of some answers, and how quick that was."""
    best_ms, skew_ms = float("inf"), 0.0
    for _ in range(5):
        before = time.perf_counter()
        seconds, micros = await link.call("TIME")
        took_ms = (time.perf_counter() - before) * 1_000
        if took_ms < best_ms:
            best_ms, skew_ms = took_ms, int(seconds) * 1_000 + int(micros) / 1_000 - (time.time() * 1_000 - took_ms / 2)
    if abs(skew_ms) > SKEW_MS:
        return Check(
            "clock",
            Verdict.WARNING,
            f"The server's clock is {abs(skew_ms) / 1_000:.0f} s {'ahead of' if skew_ms > 0 else 'behind'} this "
            "machine's. The queue goes by the server's; look which of them is right.",
        )
    return Check("clock", Verdict.WELL, f"{skew_ms:+.0f} ms from this machine's; an answer takes {best_ms:.1f} ms.")


async def _queue(link: Link, tag: str, version: Version) -> Check | None:
    """Whether a program of this version may work on the queue that is here; None: there is none."""
    kind = await link.call("TYPE", f"{{{tag}}}:meta")
    if kind not in ("hash", "none"):
        return Check("queue", Verdict.WRONG, f"The key {{{tag}}}:meta is of somebody else: it is a {kind}.")
    kept = await link.call("HMGET", f"{{{tag}}}:meta", "version", "works_beside")
    if not all(number and number.isdecimal() for number in kept):
        return None
    there = Version(*map(int, kept))
    if not version.fits(there):
        return Check("queue", Verdict.WRONG, version.refusal(there))
    if there.own > version.own:
        return Check(
            "queue",
            Verdict.WARNING,
            f"A newer Tonearm works on this queue, of version {there.own}. This program, of version {version.own}, may "
            "go on beside it, and beside the next version it may not: upgrade this program too.",
        )
    return Check("queue", Verdict.WELL, f"It is of version {there.own}.")
