"""MPEG audio, layer III, as bytes: its frames one after the other, and nothing between them that is none.

A decoder looks for the next frame header and passes over what comes before it, so damage is silence that nobody
reports. Here every byte has to belong to a frame, to a tag, or to the rest behind the last frame. What is inside a
frame has no checksum (the optional one is written wrongly by too many encoders to be believed): a flipped bit there
cannot be found by anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from tonearm.decoder.damage import Damaged

_STRAY_BYTES = 64 * 1024
"""How far behind the tags the first frame may begin; players pass over padding there."""

_REST_BYTES = 1024 * 1024
"""More than this behind the last frame, that is no tag, is a part of the audio that was lost."""

_HALVINGS = {3: 0, 2: 1, 0: 2}
_MPEG1_KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KILOBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def frame_size(header: bytes) -> int:
    """Bytes of the MPEG layer III frame that these four bytes begin, 0 if they do not (ISO 11172-3, 2.4.1.3)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0
    first = version == 3
    kilobits = (_MPEG1_KILOBITS if first else _MPEG2_KILOBITS)[bitrate]
    hertz = (44_100, 48_000, 32_000)[rate] >> _HALVINGS[version]
    return (144 if first else 72) * kilobits * 1000 // hertz + (header[2] >> 1 & 1)


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that *head* begins with, 0 without one (ID3v2.4 structure, section 3.1)."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or max(head[6:10]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    footer = 10 if head[5] & 0x10 else 0
    return 10 + size + footer


def xing(frame: bytes) -> tuple[int | None, int | None] | None:
    """The numbers of frames and of bytes that a Xing or Info header announces (None: not said); None without one.

    *frame* begins with a frame header. The frame that carries it holds no sound.
    """
    mono, first = frame[3] >> 6 == 3, frame[1] >> 3 & 3 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    header = frame[4 + side : 4 + side + 16]
    if header[:4] not in (b"Xing", b"Info") or len(header) < 16:
        return None
    flags = int.from_bytes(header[4:8], "big")
    frames = int.from_bytes(header[8:12], "big") if flags & 1 else None
    at = 12 if flags & 1 else 8
    return frames, int.from_bytes(header[at : at + 4], "big") if flags & 2 else None


def frames(file: BinaryIO) -> Iterator[bytes]:
    """Yield every frame that holds sound. *file* stands at its beginning and is buffered.

    Raises:
        Damaged: something between two frames is none, a frame is cut off, or there are fewer than were announced.
    """
    _pass_tags(file)
    head = _first_header(file)
    count, announced = 0, None
    while _belongs(header := _peek(file, 4), head) or _pass_tags(file):
        if not (size := frame_size(header)):
            continue
        frame = file.read(size)
        if len(frame) < size:
            raise Damaged("its last frame is cut off")
        if not count and announced is None and (said := xing(frame)) is not None:
            announced = said[0] or 0
            continue
        count += 1
        yield frame
    _check_rest(file, head)
    # Some encoders count the frame that carries the header as well.
    if announced and count < announced - 1:
        raise Damaged(f"{announced - count} of its {announced} frames are missing")


def _first_header(file: BinaryIO) -> bytes:
    """The header of the first frame that another one follows; *file* stands there afterwards."""
    start = file.tell()
    head = file.read(_STRAY_BYTES)
    for at in _sync_points(head):
        if _follows(head, at, head[at : at + 4], at_end=len(head) < _STRAY_BYTES):
            file.seek(start + at)
            return head[at : at + 4]
    raise Damaged("no MPEG frame begins where its tags end")


def _check_rest(file: BinaryIO, head: bytes) -> None:
    """What follows the last frame may be padding or a tag that nobody knows, but not more frames."""
    place = file.tell()
    rest = file.read(_REST_BYTES + 1)
    if len(rest) > _REST_BYTES or any(_follows(rest, at, head) for at in _sync_points(rest)):
        raise Damaged(f"no frame begins at byte {place}, where one should")


def _sync_points(block: bytes) -> Iterator[int]:
    at = -1
    while (at := block.find(b"\xff", at + 1)) >= 0:
        if frame_size(block[at : at + 4]):
            yield at


def _follows(block: bytes, at: int, head: bytes, *, at_end: bool = False) -> bool:
    """Whether a frame like *head* stands at this place and another one behind it, or, with *at_end*, the end."""
    following = at + frame_size(block[at : at + 4])
    if not _belongs(block[at : at + 4], head):
        return False
    return _belongs(block[following : following + 4], head) or (at_end and following == len(block))


def _belongs(header: bytes, head: bytes) -> bool:
    """Whether *header* begins a frame of the stream that began with *head*: same version, rate, and mono or not.

    The bit that says whether a checksum follows is the same too: where it flips, the frame is read at a wrong place.
    """
    return (
        frame_size(header) > 0
        and header[1] == head[1]
        and header[2] & 0x0C == head[2] & 0x0C
        and (header[3] >> 6 == 3) == (head[3] >> 6 == 3)
    )


def _peek(file: BinaryIO, size: int) -> bytes:
    place = file.tell()
    head = file.read(size)
    file.seek(place)
    return head


def _pass_tags(file: BinaryIO) -> bool:
    """Pass over tags that stand here (ID3v2, ID3v1, APEv2); whether there was one."""
    start = file.tell()
    while size := _tag_size(_peek(file, 32)):
        file.seek(size, 1)
    return file.tell() > start


def _tag_size(head: bytes) -> int:
    if head[:3] == b"TAG":
        return 128
    if head[:8] == b"APETAGEX" and len(head) == 32:
        is_header = head[23] & 0x20
        return int.from_bytes(head[12:16], "little") + 32 if is_header else 32
    return id3_size(head)
