"""The demo's music: seven very short pieces, composed and synthesised on the spot, the same on every run.

Four voices (bass, chords, and a melody passed between two hands) are rendered from wave tables at half the rate;
FFmpeg's libraries mix them, add the room, and encode each piece in the three qualities. Tags and a drawn cover make
them real files. Nothing is downloaded, nothing binary is part of the package, and the music is free for all (CC0).
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec import CodecContext
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from mutagen import flac, id3, mp3

ARTIST = "The Patient Turntables"
ALBUM = "All Queued Up"
SINGLE = "Locked Groove"
YEAR = 2025
LICENSE = "https://creativecommons.org/publicdomain/zero/1.0/"

ALBUM_ID = 1
"""The album's id where a fresh folder catalog serves nothing but this music: ids follow artist, album and number."""

SINGLE_ID = 7
"""The single's track id there; the album's tracks are 1 to 6."""

_flac: Any = flac  # mutagen is typed only in part
_id3: Any = id3
_mp3: Any = mp3

_RATE = 22_050  # of the voices, samples per second; the files have twice that
_TABLE = 4_096
_SLOTS = 8  # eighth notes in a bar
_LOUD = 9_000
_COVER_SIZE = 320  # pixels
_FRONT_COVER = 3  # the picture type of ID3 and FLAC


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece: *root* is a MIDI note, *chords* and *motif* are degrees of the scale, one a bar and one an eighth note.

    A degree of None is a rest; *partials* are the strengths of the overtones.
    """

    title: str
    album: str
    number: int
    of: int
    beats_per_minute: int
    root: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    motif: tuple[int | None, ...]
    partials: tuple[float, ...]
    bars: int


_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_DORIAN = (0, 2, 3, 5, 7, 9, 10)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_LYDIAN = (0, 2, 4, 6, 7, 9, 11)
_BELL = (1.0, 0.0, 0.5, 0.12, 0.3, 0.0, 0.08)
_REED = (1.0, 0.5, 0.33, 0.2, 0.12, 0.08)
_SOFT = (1.0, 0.25, 0.1)
_LOW = (1.0, 0.4)
_N = None

_PIECES = (
    _Piece("Needle Down", ALBUM, 1, 6, 92, 57, _DORIAN, (0, 3, 0, 4), (0, _N, 2, 4, 7, _N, 4, 2), _BELL, 5),
    _Piece("First in Line", ALBUM, 2, 6, 96, 60, _MAJOR, (0, 5, 3, 4), (7, 4, 2, 4, 0, _N, 2, _N), _SOFT, 5),
    _Piece(
        "Thirty-Three and a Third", ALBUM, 3, 6, 104, 55, _LYDIAN, (0, 1, 4, 0), (4, 6, 8, _N, 7, 4, 1, _N), _REED, 5
    ),
    _Piece("Warm Dust", ALBUM, 4, 6, 84, 53, _MAJOR, (0, 2, 3, 3), (9, 7, 4, 2, 4, _N, _N, 2), _BELL, 5),
    _Piece("Side B", ALBUM, 5, 6, 104, 62, _MINOR, (0, 5, 2, 6), (0, 4, 7, 9, 7, 4, 2, _N), _REED, 5),
    _Piece("Run-Out", ALBUM, 6, 6, 80, 57, _MAJOR, (0, 4, 3, 0), (4, _N, _N, 2, 0, _N, _N, _N), _SOFT, 5),
    _Piece("Locked Groove", SINGLE, 1, 1, 108, 59, _DORIAN, (0, 0, 3, 3), (0, 7, 4, 7, 2, 7, 4, _N), _BELL, 5),
)


def make_music(target: Path, made: Callable[[str, int, int], None] | None = None) -> None:
    """Write the album and the single into *target*, each piece in three qualities; files of these names are replaced.

    *made* is told of each piece that is there: its title, how many there are now, and how many there will be.

    Raises:
        OSError: a file cannot be written.

    Cost: less than five seconds of one core; a minute and a half of sound, about 10 MB.
    """
    cover = _cover()
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        making = [pool.submit(_make, piece, target, cover) for piece in _PIECES]
        for done, (piece, one) in enumerate(zip(_PIECES, making, strict=True), 1):
            one.result()
            if made is not None:
                made(piece.title, done, len(_PIECES))


def _make(piece: _Piece, target: Path, cover: bytes) -> None:
    sound = _mixed(_voices(piece))
    for folder, codec, bits_per_second, suffix in (
        ("FLAC", "flac", None, "flac"),
        ("MP3 320", "libmp3lame", 320_000, "mp3"),
        ("MP3 128", "libmp3lame", 128_000, "mp3"),
    ):
        path = target / ARTIST / piece.album / folder / f"{piece.number:02} {piece.title}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        _encode(sound, path, codec, bits_per_second)
        (_tag_flac if suffix == "flac" else _tag_mp3)(path, piece, cover)


def _voices(piece: _Piece) -> tuple[bytes, ...]:
    """Bass, chords, left hand, right hand: signed 16-bit samples, all of one length."""
    slot = _RATE * 30 // piece.beats_per_minute
    bar = slot * _SLOTS
    bass: list[bytes] = []
    chords: list[bytes] = []
    for number in range(piece.bars):
        chord = piece.chords[number % len(piece.chords)]
        bass += [_tone(_hertz(piece, chord + step, -1), bar // 2, 1.2, _LOUD, _LOW) for step in (0, 4)]
        chords.append(2 * _chord(tuple(_hertz(piece, chord + step, 0) for step in (0, 2, 4)), bar // 2))
    melody = [_note(piece, bar_number, place, slot) for bar_number in range(piece.bars) for place in range(_SLOTS)]
    hands = (melody[0::2], [bytes(2 * slot), *melody[1::2]])
    length = 2 * bar * piece.bars
    return tuple(b"".join(voice)[:length].ljust(length, b"\0") for voice in (bass, chords, *hands))


def _note(piece: _Piece, bar: int, place: int, slot: int) -> bytes:
    """One note of the melody, ringing for two slots; silence for a rest and after the first note of the last bar."""
    degree = piece.motif[place]
    if degree is None or (bar == piece.bars - 1 and place > 0):
        return bytes(4 * slot)
    # Every other pair of bars answers: its strong notes come an octave higher.
    octave = 2 if bar % 4 >= 2 and place % 4 == 0 else 1
    return _tone(
        _hertz(piece, degree + piece.chords[bar % len(piece.chords)], octave), 2 * slot, 3.0, _LOUD // 2, piece.partials
    )


def _hertz(piece: _Piece, degree: int, octave: int) -> float:
    """The pitch of a degree of the piece's scale, so many octaves above its root."""
    further, step = divmod(degree, len(piece.scale))
    note = piece.root + 12 * (octave + further) + piece.scale[step]
    return 440.0 * 2 ** ((note - 69) / 12)


@cache
def _table(partials: Sequence[float]) -> tuple[float, ...]:
    """One period of a sound, its peak at 1."""
    wave = [
        sum(
            strength * math.sin(2 * math.pi * place * (overtone + 1) / _TABLE)
            for overtone, strength in enumerate(partials)
        )
        for place in range(_TABLE)
    ]
    peak = max(map(abs, wave))
    return tuple(sample / peak for sample in wave)


@cache
def _envelope(count: int, decay: float, loud: int) -> tuple[float, ...]:
    """How loud a note is at each of *count* samples: a short attack, then dying away, and a soft end."""
    attack, release = _RATE // 100, _RATE // 25
    fall = math.exp(-decay / _RATE)
    level = float(loud)
    shape: list[float] = []
    for place in range(count):
        level *= fall
        shape.append(level * min(1.0, place / attack, (count - place) / release))
    return tuple(shape)


@cache
def _tone(hertz: float, count: int, decay: float, loud: int, partials: tuple[float, ...]) -> bytes:
    """One note of *count* samples."""
    table, mask, step = _table(partials), _TABLE - 1, hertz * _TABLE / _RATE
    envelope = _envelope(count, decay, loud)
    return array("h", [int(table[int(place * step) & mask] * level) for place, level in enumerate(envelope)]).tobytes()


@cache
def _chord(pitches: tuple[float, float, float], count: int) -> bytes:
    """Three notes at once."""
    notes = [array("h", _tone(hertz, count, 0.7, _LOUD // 4, _SOFT)) for hertz in pitches]
    return array("h", map(sum, zip(*notes, strict=True))).tobytes()


def _mixed(voices: Sequence[bytes]) -> list[AudioFrame]:
    """The four voices in stereo, with some room, at the rate of the files."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=_RATE, format="s16p", layout="4.0", time_base=Fraction(1, _RATE))
    sink = graph.add("abuffersink")
    graph.link_nodes(
        source,
        graph.add("pan", "stereo|c0=1.3*c0+1.5*c1+1.6*c2+0.7*c3|c1=1.3*c0+1.5*c1+0.7*c2+1.6*c3"),
        graph.add("aecho", "0.9:0.7:170|370:0.28|0.16"),
        graph.add("aresample", f"{2 * _RATE}"),
        graph.add("aformat", f"sample_fmts=s16:channel_layouts=stereo:sample_rates={2 * _RATE}"),
        sink,
    ).configure()
    frame = AudioFrame("s16p", "4.0", len(voices[0]) // 2)
    frame.sample_rate = _RATE
    for plane, voice in zip(frame.planes, voices, strict=True):
        plane.update(voice)
    source.push(frame)
    source.push(None)
    return list(_pulled(sink))


def _pulled(sink: FilterContext) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except av.EOFError:
            return
        assert isinstance(frame, AudioFrame)
        frame.pts = None
        yield frame


def _encode(sound: Sequence[AudioFrame], path: Path, codec: str, bits_per_second: int | None) -> None:
    with av.open(str(path), "w") as container:
        # The quickest of LAME's ways: it is nearly all the time that the demo's music takes.
        quickly = {} if bits_per_second is None else {"compression_level": "9", "joint_stereo": "0"}
        stream = container.add_stream(codec, rate=2 * _RATE, options=quickly)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "stereo"
        stream.codec_context.format = "s16" if bits_per_second is None else "s16p"
        if bits_per_second is not None:
            stream.codec_context.bit_rate = bits_per_second
        for frame in [*sound, None]:
            container.mux(stream.encode(frame))


def _cover() -> bytes:
    """A record with its label, seen from above, as JPEG."""
    size, middle = _COVER_SIZE, _COVER_SIZE // 2
    rings: list[bytes] = []
    for squared in range(2 * middle * middle + 1):
        radius = math.sqrt(squared)
        if radius < 5:
            shade = (240, 236, 225)
        elif radius < 52:
            shade = (214, 90, 50)
        elif radius < 150:
            groove = 26 + int(14 * math.sin(radius * 1.9) + 10 * math.sin(radius * 0.21))
            shade = (groove, groove, groove + 4)
        else:
            shade = (238, 222, 190)
        rings.append(bytes((*shade, 255)))
    pixels = b"".join(rings[(x - middle) ** 2 + (y - middle) ** 2] for y in range(size) for x in range(size))
    frame = VideoFrame.from_bytes(pixels, size, size, "rgba").reformat(format="yuvj420p")
    frame.pts = 0
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width = encoder.height = size
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _tag_flac(path: Path, piece: _Piece, cover: bytes) -> None:
    file = _flac.FLAC(path)
    file.update(
        {
            "title": piece.title,
            "artist": ARTIST,
            "albumartist": ARTIST,
            "album": piece.album,
            "tracknumber": str(piece.number),
            "tracktotal": str(piece.of),
            "date": str(YEAR),
            "license": LICENSE,
        }
    )
    picture = _flac.Picture()
    picture.type, picture.mime, picture.data = _FRONT_COVER, "image/jpeg", cover
    picture.width = picture.height = _COVER_SIZE
    picture.depth = 24
    file.add_picture(picture)
    file.save()


def _tag_mp3(path: Path, piece: _Piece, cover: bytes) -> None:
    file = _mp3.MP3(path)
    if file.tags is None:
        file.add_tags()
    for frame in (
        _id3.TIT2(text=piece.title),
        _id3.TPE1(text=ARTIST),
        _id3.TPE2(text=ARTIST),
        _id3.TALB(text=piece.album),
        _id3.TRCK(text=f"{piece.number}/{piece.of}"),
        _id3.TDRC(text=str(YEAR)),
        _id3.TXXX(desc="LICENSE", text=LICENSE),
        _id3.APIC(mime="image/jpeg", type=_FRONT_COVER, data=cover),
    ):
        file.tags.add(frame)
    file.save()
