"""FLAC as bytes: its metadata blocks, and the proof that it ends where it says (RFC 9639).

The whole audio is not read. The first frame must begin where the metadata ends; the last frame must end at the end
of the file with a right checksum and at the sample that STREAMINFO announces. A file that was cut anywhere fails one
of these. What lies between is for the full decode to judge (`soundness`). Writing tags is `flacheader`'s work.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from tonearm.decoder.mpeg import id3_size
from tonearm.errors import Corrupt
from tonearm.library.formats import HEAD_BYTES
from tonearm.stopping import checkpoint

MAGIC = b"fLaC"
STREAMINFO, PADDING, VORBIS_COMMENT, PICTURE = 0, 1, 4, 6
MAX_BLOCK_BYTES = 2**24 - 1
MAX_METADATA_BYTES = 64 * 1024 * 1024
"""More than this before the first frame is refused."""

_LEAST_TAIL = 64 * 1024
_FRAME_OVERHEAD = 64
_MOST_CANDIDATES = 32


@dataclass(frozen=True, slots=True)
class Block:
    """One metadata block: its type and content without the four bytes before it."""

    type: int
    content: bytes


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The first block. Sizes in samples and bytes; 0 in *samples* and *largest_frame* means unknown.

    *md5* is that of the unencoded samples, None where the encoder did not compute it.
    """

    shortest_block: int
    longest_block: int
    largest_frame: int
    rate: int
    channels: int
    bits: int
    samples: int
    md5: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's own header: the number of its first sample, how many it holds, and their shape where it says."""

    first_sample: int
    samples: int
    rate: int | None
    channels: int
    bits: int | None


@dataclass(frozen=True, slots=True)
class Metadata:
    """All before the audio: blocks in their order, and where the first frame begins, in bytes from the start."""

    blocks: tuple[Block, ...]
    audio_offset: int

    @property
    def stream(self) -> StreamInfo:
        """The content of STREAMINFO."""
        return _stream_info(self.blocks[0].content)


def read_metadata(file: BinaryIO, size: int) -> Metadata:
    """Read the metadata blocks of a FLAC file of *size* bytes; an ID3 tag before them is passed over.

    Raises:
        Corrupt: they are not well formed, or go on beyond the end.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    offset = id3_size(head)
    if head[offset : offset + 4] != MAGIC:
        file.seek(offset)
        if file.read(4) != MAGIC:
            raise _damaged("its first bytes are wrong")
    offset += 4
    blocks: list[Block] = []
    last = False
    while not last:
        file.seek(offset)
        header = file.read(4)
        length = int.from_bytes(header[1:4], "big")
        offset += 4 + length
        if len(header) < 4 or offset > min(size, MAX_METADATA_BYTES) or header[0] & 0x7F == 0x7F:
            raise _damaged("its metadata is cut off or not well formed")
        last = bool(header[0] & 0x80)
        blocks.append(Block(header[0] & 0x7F, _content(file, header[0] & 0x7F, length)))
    if blocks[0].type != STREAMINFO or len(blocks[0].content) != 34:
        raise _damaged("it does not begin with STREAMINFO")
    return Metadata(tuple(blocks), offset)


def read_ogg_stream(file: BinaryIO) -> StreamInfo:
    """Read STREAMINFO of an Ogg FLAC file, whose first packet it is (the Ogg mapping of RFC 9639, section 10.1).

    Raises:
        Corrupt: it is not there.
    """
    file.seek(0)
    file.seek(id3_size(file.read(10)))
    page = file.read(HEAD_BYTES)
    packet = page[27 + page[26] :] if page[:4] == b"OggS" and len(page) > 27 else b""
    if packet[:5] != b"\x7fFLAC" or packet[9:13] != MAGIC or len(packet) < 51:
        raise _damaged("it does not begin with STREAMINFO")
    return _sane(_stream_info(packet[17:51]))


def check(file: BinaryIO, size: int) -> float:
    """Prove that a FLAC file of *size* bytes has a sound beginning and its own last frame. Returns seconds of audio.

    Raises:
        Corrupt: it is damaged or cut; the message says where.

    Cost: a few reads and at most the last two frames' bytes, below a millisecond for usual files.
    """
    metadata = read_metadata(file, size)
    stream = _sane(metadata.stream)
    file.seek(metadata.audio_offset)
    first = read_frame(file.read(_FRAME_OVERHEAD), stream)
    if first is None or first.first_sample:
        raise _damaged("no audio begins where its metadata ends")
    last = _last_frame(file, metadata.audio_offset, size, stream)
    samples = last.first_sample + last.samples
    if stream.samples and stream.samples != samples:
        raise _damaged(f"it ends at sample {samples} of {stream.samples}")
    return samples / stream.rate


def read_frame(header: bytes, stream: StreamInfo) -> Frame | None:
    """The frame header that *header* begins with, None unless it is sound and fits *stream* (RFC 9639, section 9.1)."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xFE != 0xF8 or header[3] & 1:
        return None
    block_code, rate_code = header[2] >> 4, header[2] & 15
    channel_code, bits_code = header[3] >> 4, header[3] >> 1 & 7
    number, at = _coded_number(header, 4)
    if number is None or not block_code or rate_code == 15 or channel_code > 10 or bits_code == 3:
        return None
    samples, at = _block_samples(header, block_code, at)
    at += _RATE_BYTES.get(rate_code, 0)
    if len(header) <= at or _crc8(header[:at]) != header[at]:
        return None
    frame = Frame(
        first_sample=number if header[1] & 1 else number * stream.longest_block,
        samples=samples,
        rate=_RATES.get(rate_code),
        channels=channel_code + 1 if channel_code < 8 else 2,
        bits=_BITS.get(bits_code),
    )
    return frame if _fits(frame, stream) else None


def _last_frame(file: BinaryIO, audio_offset: int, size: int, stream: StreamInfo) -> Frame:
    """The last frame of the file, proven by the checksum that ends it."""
    tail = _read_tail(file, audio_offset, size, stream)
    # Zeros behind the frame leave its checksum as it is: padding is no damage. An ID3v1 tag takes 128 bytes.
    ends = (len(tail), len(tail) - 128) if tail[-128:].startswith(b"TAG") else (len(tail),)
    start, candidates = len(tail), 0
    while candidates < _MOST_CANDIDATES and (start := tail.rfind(b"\xff", 0, start)) >= 0:
        frame = read_frame(tail[start : start + _FRAME_OVERHEAD], stream)
        if frame is None:
            continue
        checkpoint()  # a hostile file makes each of them slow
        if any(crc16(tail[start:end]) == 0 for end in ends):
            return frame
        candidates += 1
    raise _damaged("its end is missing")


def _read_tail(file: BinaryIO, audio_offset: int, size: int, stream: StreamInfo) -> bytes:
    raw = stream.longest_block * stream.channels * (stream.bits + 1) // 8
    tail = max(_LEAST_TAIL, stream.largest_frame, raw + _FRAME_OVERHEAD)
    start = max(audio_offset, size - tail)
    file.seek(start)
    return file.read(size - start)


def _content(file: BinaryIO, kind: int, length: int) -> bytes:
    """The content of a block; padding is not worth reading."""
    if kind == PADDING:
        return b""
    content = file.read(length)
    if len(content) < length:
        raise _damaged("its metadata is cut off")
    return content


def _stream_info(content: bytes) -> StreamInfo:
    shortest, longest = struct.unpack_from(">HH", content)
    packed = int.from_bytes(content[10:18], "big")
    return StreamInfo(
        shortest_block=shortest,
        longest_block=longest,
        largest_frame=int.from_bytes(content[7:10], "big"),
        rate=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        bits=(packed >> 36 & 31) + 1,
        samples=packed & (1 << 36) - 1,
        md5=content[18:34].hex() if any(content[18:34]) else None,
    )


def _sane(stream: StreamInfo) -> StreamInfo:
    if stream.longest_block < 16 or stream.shortest_block > stream.longest_block or not stream.rate or stream.bits < 4:
        raise _damaged("its STREAMINFO makes no sense")
    return stream


def _fits(frame: Frame, stream: StreamInfo) -> bool:
    return (
        0 < frame.samples <= stream.longest_block
        and frame.channels == stream.channels
        and frame.rate in (None, stream.rate)
        and frame.bits in (None, stream.bits)
    )


_RATES = {
    1: 88_200, 2: 176_400, 3: 192_000, 4: 8_000, 5: 16_000, 6: 22_050, 7: 24_000, 8: 32_000, 9: 44_100, 10: 48_000,
    11: 96_000,
}  # fmt: skip
_RATE_BYTES = {12: 1, 13: 2, 14: 2}
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


def _coded_number(header: bytes, at: int) -> tuple[int | None, int]:
    """The frame or sample number, coded like UTF-8 in up to seven bytes, and where it ends."""
    lead = header[at]
    if lead < 0x80:
        return lead, at + 1
    length = 8 - (lead ^ 0xFF).bit_length()
    following = header[at + 1 : at + length]
    if not 2 <= length <= 7 or len(following) < length - 1 or any(byte & 0xC0 != 0x80 for byte in following):
        return None, at
    number = lead & (0x7F >> length)
    for byte in following:
        number = number << 6 | byte & 0x3F
    return number, at + length


def _block_samples(header: bytes, code: int, at: int) -> tuple[int, int]:
    if code == 1:
        return 192, at
    if code <= 5:
        return 144 << code, at
    if code == 6:
        return int.from_bytes(header[at : at + 1], "big") + 1, at + 1
    if code == 7:
        return int.from_bytes(header[at : at + 2], "big") + 1, at + 2
    return 1 << code, at


def _crc8(message: bytes) -> int:
    """CRC-8 of a frame header, polynomial x^8 + x^2 + x + 1."""
    table = _crc8_table()
    crc = 0
    for byte in message:
        crc = table[crc ^ byte]
    return crc


def crc16(message: bytes) -> int:
    """CRC-16 of a frame, polynomial x^16 + x^15 + x^2 + 1; 0 over a frame with its own checksum at the end."""
    words = array("H", message if len(message) % 2 == 0 else b"\0" + message)
    if sys.byteorder == "little":
        words.byteswap()
    table = _crc16_table()
    crc = 0
    for word in words:
        crc = table[crc ^ word]
    return crc


@cache
def _crc8_table() -> bytes:
    return bytes(_linear_table(8, 0x07))


@cache
def _crc16_table() -> array[int]:
    """The checksum of every pair of bytes: two bytes a step keep pure Python below a millisecond for a frame."""
    return array("H", _linear_table(16, 0x8005))


def _linear_table(bits: int, polynomial: int) -> list[int]:
    """What each value of *bits* bits becomes after as many steps of the division: linear, so built by doubling."""
    table = [0]
    for bit in range(bits):
        crc = 1 << bit
        for _ in range(bits):
            crc = (crc << 1) ^ (polynomial | 1 << bits if crc >> bits - 1 else 0)
        table += [crc ^ entry for entry in table]
    return table


def _damaged(why: str) -> Corrupt:
    return Corrupt(f"The FLAC file is damaged: {why}")
