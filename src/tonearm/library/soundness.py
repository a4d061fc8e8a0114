"""Soundness: whether what came out of the full decode is the track that was promised, sample for sample where it says.

A *candidate* is the tagged file that will be published, opened for the decoder. What has to decode, and how, is the
decoder's business (`tonearm.decoder`); here its numbers are compared with what the file and the catalog announce.

* FLAC, also in Ogg: the number of samples and the MD5 in STREAMINFO. Zeros there mean unknown, not wrong; then every
  frame's own checksum and the number of the last one tell.
* Every format: some audio, and the catalog's length.

A flipped bit inside a frame of MP3, AAC or ALAC, or in the samples of WAV, can be found by nobody unless it makes the
frame undecodable: these formats have no checksum.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from tonearm.decoder import Decoded, Order
from tonearm.decoder.messages import printable
from tonearm.errors import Corrupt
from tonearm.library import flac
from tonearm.library.formats import AudioFormat
from tonearm.library.verification import Audio, check_duration, longest
from tonearm.model import Track
from tonearm.volume import disk_failures

LIMIT_SECONDS = 120
LIMIT_BYTES_PER_SECOND = 10 * 1024 * 1024
"""A decode may take so long, and a second more for each of so many bytes."""

MEMORY_BYTES = 512 * 1024 * 1024
"""What a decode may take besides the libraries; usual files take some 10 MiB."""


class Candidate:
    """An open file that is to be decoded. Made by `open`; a context that closes it."""

    def __init__(self, file: BinaryIO, size: int, audio: Audio, stream: flac.StreamInfo | None) -> None:
        self._file = file
        self._audio = audio
        self._stream = stream
        self.limit_seconds = LIMIT_SECONDS + size // LIMIT_BYTES_PER_SECOND

    @staticmethod
    def open(path: Path, audio: Audio) -> Candidate:
        """Open the file at *path*, which `verify` found to be *audio* before it was tagged.

        Raises:
            Corrupt: what it says of itself cannot be read.
            DiskError: the disk refused.
        """
        with disk_failures("reading the tagged file", path):
            file = path.open("rb", buffering=0)
            try:
                size = os.fstat(file.fileno()).st_size
                return Candidate(file, size, audio, _stream_of(file, size, audio.format))
            except BaseException:
                file.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def descriptor(self) -> int:
        """The open file."""
        return self._file.fileno()

    @property
    def _samples(self) -> int | None:
        """How many there have to be; None where nothing tells."""
        if self._stream is None:
            return None
        if self._audio.format is AudioFormat.FLAC:
            # Where STREAMINFO does not say, the last frame did.
            return round(self._audio.duration_seconds * self._stream.rate)
        return self._stream.samples or None

    def order(self, track: Track) -> Order:
        """What the decoder is asked for."""
        most = longest(track.duration_seconds)
        if self._stream is not None and self._samples is not None:
            most = self._samples / self._stream.rate + 1
        return Order(
            format=self._audio.format.value,
            cpu_seconds=self.limit_seconds,
            memory_bytes=MEMORY_BYTES,
            longest_seconds=most,
            bits=self._stream.bits if self._stream is not None else None,
        )

    def judge(self, decoded: Decoded, track: Track) -> None:
        """Decide whether *decoded* is all that was promised.

        Raises:
            Corrupt: it is not; the message says why.
        """
        if not self._proven(decoded):
            self._require_all(decoded)
        if not decoded.samples:
            raise Corrupt("The file holds no audio")
        check_duration(decoded.seconds, track.duration_seconds)

    def _proven(self, decoded: Decoded) -> bool:
        """Whether the checksum over all samples is right; then nothing else about them matters."""
        if self._stream is None or self._stream.md5 is None:
            return False
        return decoded.md5 == self._stream.md5 and self._samples in (None, decoded.samples)

    def _require_all(self, decoded: Decoded) -> None:
        if decoded.fault:
            raise self._damaged(printable(decoded.fault))
        if self._samples not in (None, decoded.samples):
            raise self._damaged(f"{decoded.samples} of {self._samples} samples decode")
        if self._stream is not None and self._stream.md5 is not None:
            raise self._damaged("its samples are not those that it was made of (MD5)")
        if decoded.broken:
            raise self._damaged("there is something between its frames that is none")

    def _damaged(self, why: str) -> Corrupt:
        return Corrupt(f"The {self._audio.format.value.upper()} file is damaged: {why}")


def _stream_of(file: BinaryIO, size: int, audio: AudioFormat) -> flac.StreamInfo | None:
    if audio is AudioFormat.FLAC:
        return flac.read_metadata(file, size).stream
    if audio is AudioFormat.OGG_FLAC:
        return flac.read_ogg_stream(file)
    return None
