"""One file, decoded to its last sample by FFmpeg's libraries. Runs in a child that may open nothing any more.

The demuxer is the one that our own look at the first bytes chose; nothing is probed, and nothing else is opened,
whatever the file names. The first packet that does not decode ends it. Where decoders pass over damage in silence, the
container is walked over first (`ogg`, `mpeg`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, BinaryIO

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from tonearm.decoder import mpeg, ogg
from tonearm.decoder.damage import Damaged, clock
from tonearm.decoder.messages import Decoded, Order
from tonearm.decoder.signature import Signature

_BUFFER = 256 * 1024
_DEMUXERS = {"flac": "flac", "m4a": "mov", "ogg": "ogg", "opus": "ogg", "oga": "ogg", "wav": "wav"}
_CODECS = {
    "flac": ("flac",),
    "m4a": ("aac", "alac", "flac", "opus", "ac3", "eac3"),
    "ogg": ("vorbis",),
    "opus": ("opus", "libopus"),
    "oga": ("flac",),
    "wav": (),
}
"""Decoders that a format may ask for. WAV: any PCM."""

_FLAC_OPTIONS = {"err_detect": "crccheck+explode"}
"""A frame with a wrong checksum gives no samples, so that their number tells."""


def decode(descriptor: int, order: Order) -> Decoded:
    """Decode the file that is open as *descriptor*; a fault is part of the answer.

    Cost: about 1/1000 of the time that the music plays; see docs/adr/0008.
    """
    tally = _Tally(order)
    try:
        for frames in _packets(descriptor, order.format):
            tally.add(frames)
    except Damaged as error:
        return tally.result(str(error))
    except MemoryError:
        return tally.result(f"it needs more than {order.memory_bytes >> 20} MiB of memory to decode")
    except av.FFmpegError as error:
        return tally.result(f"it does not decode at {clock(tally.seconds)} ({error.strerror or type(error).__name__})")
    return tally.result("")


def load_everything() -> None:
    """Import what PyAV would import only when it meets it: a child cannot, for it may open nothing any more."""
    for module in walk_packages(av.__path__, "av."):
        if module.name not in ("av.__main__", "av.datasets"):
            import_module(module.name)


class _Tally:
    """What has come out so far."""

    def __init__(self, order: Order) -> None:
        self._longest = order.longest_seconds
        self._signature = Signature(order.bits) if order.bits else None
        self._packer: AudioCodecContext | None = None
        self._samples = 0
        self._broken = 0
        self.seconds = 0.0

    def add(self, frames: list[AudioFrame]) -> None:
        """Count the frames of one packet."""
        self._broken += len(frames) > 1
        for frame in frames:
            self._samples += frame.samples
            self.seconds += frame.samples / frame.sample_rate
            if self._signature is not None:
                self._sign(frame, self._signature)
        if self._longest is not None and self.seconds > self._longest:
            raise Damaged(f"it goes on after {clock(self._longest)}")

    def _sign(self, frame: AudioFrame, signature: Signature) -> None:
        if not frame.format.is_packed:
            raise Damaged(f"it decodes to {frame.format.name}, which is not how FLAC does")
        lane = frame.format.bytes
        if lane == 4 and signature.bits == 24:
            # FFmpeg's own way of writing three bytes of four is five times as fast as slices of Python.
            for packet in self._packer_for(frame).encode(frame):
                signature.update(packet)
        else:
            size = frame.samples * frame.layout.nb_channels * lane
            signature.add(memoryview(frame.planes[0])[:size], lane)

    def _packer_for(self, frame: AudioFrame) -> Any:
        if self._packer is None:
            self._packer = AudioCodecContext.create("pcm_s24le", "w")
            self._packer.format, self._packer.layout = frame.format, frame.layout
            self._packer.sample_rate = frame.sample_rate
        return self._packer

    def result(self, fault: str) -> Decoded:
        """All of it, with what is wrong."""
        md5 = "" if self._signature is None else self._signature.hex()
        return Decoded(self._samples, self.seconds, md5, self._broken, fault)


def _packets(descriptor: int, form: str) -> Iterator[list[AudioFrame]]:
    """The decoded frames, packet by packet."""
    if form == "mp3":
        with _opened(descriptor) as file:
            yield from _mpeg_packets(file)
        return
    if _DEMUXERS[form] == "ogg":
        with _opened(descriptor) as file:
            ogg.check(file)
    with _opened(descriptor) as file:
        yield from _demuxed_packets(file, form)


def _opened(descriptor: int) -> BinaryIO:
    """The file from its beginning. Nothing is opened for it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    return open(descriptor, "rb", buffering=_BUFFER, closefd=False)


def _mpeg_packets(file: BinaryIO) -> Iterator[list[AudioFrame]]:
    decoder: Any = AudioCodecContext.create("mp3float", "r")  # typed without what an audio decoder does
    for frame in mpeg.frames(file):
        yield decoder.decode(av.Packet(frame))
    yield decoder.decode(None)


def _demuxed_packets(file: BinaryIO, form: str) -> Iterator[list[AudioFrame]]:
    with av.open(
        file,
        "r",
        format=_DEMUXERS[form],
        container_options={"codec_whitelist": ",".join(_CODECS[form]) or "none", "protocol_whitelist": "none"},
        metadata_errors="replace",
        buffer_size=_BUFFER,
    ) as container:
        streams = container.streams.audio
        if not streams:
            raise Damaged("it holds no audio")
        for stream in streams:
            _prepare(stream, form)
        yield from _decoded(container, streams)


def _prepare(stream: AudioStream, form: str) -> None:
    """See that the codec is one of the format's, and set it up.

    The whitelist of FFmpeg keeps others from being opened while it looks at the streams; pictures, for one.
    """
    context: AudioCodecContext | None = stream.codec_context  # None for a codec that nobody knows
    name = context.name if context is not None else "an unknown codec"
    if context is None or not (name in _CODECS[form] or (form == "wav" and name.startswith("pcm_"))):
        raise Damaged(f"it holds {name}, which a {form.upper()} file does not")
    context.thread_count = 1
    if name == "flac":
        context.options = _FLAC_OPTIONS


def _decoded(container: InputContainer, streams: tuple[AudioStream, ...]) -> Iterator[list[AudioFrame]]:
    """Decode every packet of every audio stream; the first stream is the one that counts."""
    for packet in container.demux(*streams):
        if packet.is_corrupt:
            raise Damaged("a packet of it is cut off")
        frames = packet.decode()
        if packet.stream_index == streams[0].index:
            yield [frame for frame in frames if isinstance(frame, AudioFrame)]
