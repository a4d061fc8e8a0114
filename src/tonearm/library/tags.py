"""Tags: what the catalog says of a track, written into the staged file.

The audio is never touched, and tags of the file that the catalog says nothing about stay. Failing to tag is a warning:
the target is then what was received. Only a disk that refuses is an error. How each format spells its tags stands in
`tagforms`, how a FLAC file gets a new header in `flacheader`.
"""

from __future__ import annotations

import os
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from tonearm.errors import Corrupt
from tonearm.library import flacheader, riffinfo
from tonearm.library.formats import AudioFormat
from tonearm.library.pictures import Picture
from tonearm.library.tagforms import Tags, cover_into_comments, into_comments, into_id3, into_mp4
from tonearm.library.verification import HOSTILE, measure
from tonearm.stopping import checkpoint
from tonearm.volume import disk_failures, disk_fault

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


def write(source: Path, target: Path, audio: AudioFormat, tags: Tags, cover: Picture | None) -> tuple[str, ...]:
    """Make *target* the content of *source* with *tags* and, where there is one, *cover* as the front cover.

    *source* keeps its bytes, or, where no copy is needed (FLAC with room for the tags), becomes *target* and leaves
    behind what `Stage.enter` needs to bring it back. Both lie in one folder. Saying it again is harmless.

    Returns:
        What went wrong, for people; *target* is whole in any case.

    Raises:
        DiskFull, DiskError: the disk refused; *target* does not exist, *source* is as it was.
    """
    with disk_failures("writing tags", target.parent):
        flacheader.restore(target.parent)
        warnings: tuple[str, ...] = ()
        try:
            _tag(source, target, audio, tags, cover)
        except (*HOSTILE, Corrupt, OSError) as error:
            target.unlink(missing_ok=True)
            if fault := disk_fault(error):
                raise fault from None
            warnings = (f"The tags could not be written: {str(error) or type(error).__name__}",)
            flacheader.copy(source, target)
    return warnings


def _tag(source: Path, target: Path, audio: AudioFormat, tags: Tags, cover: Picture | None) -> None:
    if audio is AudioFormat.FLAC:
        flacheader.write(source, target, tags, cover)
        return
    flacheader.copy(source, target)
    with BufferedRandom(_StoppableFile(target, "r+")) as file:
        _rewrite(file, audio, tags, cover)
    if audio is AudioFormat.WAV:
        riffinfo.correct(target, tags)
    with target.open("rb") as whole:
        measure(whole, os.fstat(whole.fileno()).st_size)


def _rewrite(file: BinaryIO, audio: AudioFormat, tags: Tags, cover: Picture | None) -> None:
    opened = _WRITERS[audio](file)
    if opened.tags is None:
        opened.add_tags()
    match audio:
        case AudioFormat.MP3 | AudioFormat.WAV:
            into_id3(opened.tags, tags, cover)
        case AudioFormat.M4A:
            into_mp4(opened.tags, tags, cover)
        case _:
            into_comments(opened.tags, tags)
            if cover is not None:
                cover_into_comments(opened.tags, cover)
    file.seek(0)
    opened.save(file)


class _StoppableFile(FileIO):
    """A file whose every read and write is a checkpoint: mutagen may move all of a large file to make room."""

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        checkpoint()
        return super().readinto(buffer)

    def write(self, content: ReadableBuffer, /) -> int:
        checkpoint()
        return super().write(content)


_WRITERS: dict[AudioFormat, Any] = {
    AudioFormat.MP3: MP3,
    AudioFormat.WAV: WAVE,
    AudioFormat.M4A: MP4,
    AudioFormat.OGG: OggVorbis,
    AudioFormat.OPUS: OggOpus,
    AudioFormat.OGG_FLAC: OggFLAC,
}
