"""The behaviours: what hostile origins send, and how.

First the makers, which turn bytes into a behaviour, then those that need more than a line.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from tests.support.hostile.scene import Behaviour, Scene
from tests.support.origin import Visit, answer, head, redirect

CHUNKED = head(200, {"Transfer-Encoding": "chunked"})
UNFRAMED = b"HTTP/1.0 200 OK\r\n\r\n"
V1 = {"ETag": '"v1"'}
MEDIUM = {"url": "/media/song.flac"}

Bytes = bytes | Callable[[Scene], bytes]


def length(size: object, headers: Mapping[str, str] | None = None) -> bytes:
    """The head of an answer that announces *size* bytes."""
    return head(200, {"Content-Length": str(size), **(headers or {})})


def chunk(body: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n" % len(body) + body + b"\r\n"


# --- makers ----------------------------------------------------------------------------------------------------------


def sends(data: Bytes) -> Behaviour:
    """Just these bytes, then a regular end of the connection."""

    async def behave(visit: Visit, scene: Scene) -> None:
        await visit.send(data(scene) if callable(data) else data)

    return behave


def page(body: Bytes, kind: str = "audio/flac", status: int = 200, **headers: str) -> Behaviour:
    """A whole answer with its right length."""

    async def behave(visit: Visit, scene: Scene) -> None:
        content = body(scene) if callable(body) else body
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        await answer(status, content, {"Content-Type": kind, **fields})(visit)

    return behave


def says(value: object) -> Behaviour:
    """A whole answer in JSON."""
    return page(json.dumps(value).encode(), "application/json")


def says_of_track(**fields: object) -> Behaviour:
    """The catalog's right answer for the track, but for these fields."""

    async def behave(visit: Visit, scene: Scene) -> None:
        number = int(visit.request.target.removeprefix("/"))
        track = {"id": number, "title": "One", "artist": "Ann", "album": "Blue", "media": MEDIUM}
        await says({**track, **fields})(visit, scene)

    return behave


def says_of_medium(**fields: object) -> Behaviour:
    """The catalog's right answer for the track, but for these fields of its medium."""
    return says_of_track(media={**MEDIUM, **fields})


def for_ever(start: bytes, piece: bytes, pause_s: float = 0.0) -> Behaviour:
    """*start*, and then *piece* again and again until the other side hangs up."""

    async def behave(visit: Visit, _: Scene) -> None:
        await visit.send(start)
        while not visit.writer.is_closing():
            await visit.send(piece)
            await asyncio.sleep(pause_s)  # the pace of a trickle

    return behave


def leads_to(target: str | Callable[[Scene], str]) -> Behaviour:
    """A redirect."""

    async def behave(visit: Visit, scene: Scene) -> None:
        await redirect(target(scene) if callable(target) else target)(visit)

    return behave


def cut_under(headers: Mapping[str, str], then: Behaviour | None = None) -> Behaviour:
    """Cut at a random byte after these headers; who asks for the rest gets *then*."""

    async def behave(visit: Visit, scene: Scene) -> None:
        if then is not None and "range" in visit.request.headers:
            await then(visit, scene)
        else:
            await visit.send(length(len(scene.song), headers) + scene.song[: scene.somewhere()])

    return behave


def rest_of(file: Callable[[Scene], bytes], tag: str = '"v1"') -> Behaviour:
    """206 with the rest of another *file*, under *tag*."""

    async def behave(visit: Visit, scene: Scene) -> None:
        body, start = file(scene), _asked(visit)
        content_range = f"bytes {start}-{len(body) - 1}/{len(body)}"
        await answer(206, body[start:], {"ETag": tag, "Content-Range": content_range})(visit)

    return behave


def _asked(visit: Visit) -> int:
    """The first byte of the range that is asked for."""
    return int(visit.request.headers["range"].removeprefix("bytes=").removesuffix("-"))


# --- bodies ----------------------------------------------------------------------------------------------------------


def whole(scene: Scene) -> bytes:
    """The song as it is."""
    return scene.song


def beginning(scene: Scene) -> bytes:
    """The song up to a random byte."""
    return scene.song[: scene.somewhere()]


def flipped(scene: Scene) -> bytes:
    """The song with one bit turned over."""
    at = scene.somewhere()
    return scene.song[:at] + bytes([scene.song[at] ^ 1]) + scene.song[at + 1 :]


def overwritten(scene: Scene) -> bytes:
    """A file of the song's length and of nothing else that it has."""
    return bytes(len(scene.song))


def crumbs(body: bytes) -> list[bytes]:
    """*body* in pieces of seven bytes."""
    return [body[at : at + 7] for at in range(0, len(body), 7)]


def grown(scene: Scene) -> bytes:
    """The song and 5,000 bytes more."""
    return scene.song + bytes(5_000)


@cache
def bomb() -> bytes:
    """200 MiB of blanks in 200 KiB."""
    pack, blanks = zlib.compressobj(9, wbits=31), b" " * (1 << 20)
    first, further = (pack.compress(blanks) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + further * 199


# --- what needs more than a line -------------------------------------------------------------------------------------


async def unframed_cut_without_farewell(visit: Visit, scene: Scene) -> None:
    """TLS where the end of the connection would be the end of the body, and nobody vouches for that end."""
    await visit.send(UNFRAMED + beginning(scene))
    visit.drop()


async def cut_without_farewell(visit: Visit, scene: Scene) -> None:
    """The end of TLS is not said (close_notify), so that it cannot be told from an attack."""
    await visit.send(length(len(scene.song)) + beginning(scene))
    visit.drop()


async def reset_in_the_middle(visit: Visit, scene: Scene) -> None:
    """RST after some of the body."""
    await visit.send(length(len(scene.song)) + beginning(scene))
    visit.reset()


async def reset_at_once(visit: Visit, _: Scene) -> None:
    """RST instead of an answer."""
    visit.reset()


async def silence(visit: Visit, _: Scene) -> None:
    """Not a byte."""
    await visit.gone()


async def silence_in_the_middle(visit: Visit, scene: Scene) -> None:
    """Some of the body, and not a byte more."""
    await visit.send(length(len(scene.song)) + beginning(scene))
    await visit.gone()


async def longer_at_once(visit: Visit, scene: Scene) -> None:
    """The head, the announced body and the bytes beyond it leave together."""
    await visit.send(length(len(scene.song) - 1_000) + scene.song)


async def longer_later(visit: Visit, scene: Scene) -> None:
    """The bytes beyond the announced body come when the head has been read."""
    await visit.send(length(len(scene.song) - 1_000))
    await asyncio.sleep(0.05)  # parts the packets
    await visit.send(scene.song)
    await visit.gone()


async def pieces_of_ranges(visit: Visit, scene: Scene) -> None:
    """206 in the form that is for several ranges."""
    start, size = _asked(visit), len(scene.song)
    label = f"--x\r\nContent-Range: bytes {start}-{size - 1}/{size}\r\n\r\n".encode()
    kind = {"Content-Type": "multipart/byteranges; boundary=x"}
    await answer(206, label + scene.song[start:] + b"\r\n--x--\r\n", {**V1, **kind})(visit)


async def another_range(visit: Visit, scene: Scene) -> None:
    """206 with another part of the file than was asked for."""
    start, size = _asked(visit) // 2, len(scene.song)
    await answer(206, scene.song[start:], {**V1, "Content-Range": f"bytes {start}-{size - 1}/{size}"})(visit)


async def down_to_plain(visit: Visit, scene: Scene) -> None:
    """From https to http, where the song is for whoever brings the key along."""
    if visit.encrypted:
        await redirect(f"{scene.plain}{visit.request.target}")(visit)
    elif "authorization" in visit.request.headers:
        await answer(200, scene.song)(visit)
    else:
        await answer(401)(visit)


async def redirect_with_a_flood(visit: Visit, scene: Scene) -> None:
    """A redirect with a body that never ends, to a page."""
    if visit.request.target.endswith("/page"):
        await answer(200, b"<html>moved</html>")(visit)
        return
    start = head(302, {"Location": f"{visit.request.target}/page", "Transfer-Encoding": "chunked"})
    await for_ever(start, chunk(bytes(65_536)))(visit, scene)


async def in_a_circle(visit: Visit, _: Scene) -> None:
    """A redirect to itself."""
    await redirect(visit.request.target)(visit)


async def broken_chunk_later(visit: Visit, _: Scene) -> None:
    """A good chunk that is read, then one that is none, and silence."""
    await visit.send(CHUNKED + chunk(b"fLaC"))
    await asyncio.sleep(0.05)  # parts the packets
    await visit.send(b"much\r\nfLaC\r\n")
    await visit.gone()
