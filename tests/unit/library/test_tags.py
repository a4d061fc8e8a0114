"""Tags: what the catalog says stands in the file, what it does not say stays, and the sound is the same."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import mutagen
import mutagen.flac
import mutagen.id3
import pytest
from tests.support.music import Music, jpeg, pcm, png
from tests.support.programs import find
from tests.unit.library.samples import a_track

from tonearm.errors import DiskFull
from tonearm.library import AudioFormat, Picture, Tags, flacheader, verify, write_tags
from tonearm.model import AlbumInfo

_id3: Any = mutagen.id3  # typed only in part
EVERY_FORMAT = list(AudioFormat)
TITLE = "Prélude à l'après-midi 前奏曲 🎵"
FULL = Tags(
    title=TITLE,
    artist="Ådá; Bob / Carol",
    album="Colours",
    album_artist="Various Artists",
    track_number=3,
    track_count=12,
    disc_number=1,
    disc_count=2,
    year=1999,
    isrc="USABC9912345",
    license="https://creativecommons.org/licenses/by/4.0/",
)


def tagged(source: Path, audio: AudioFormat, tags: Tags, picture: Picture | None = None) -> Path:
    """A tagged copy of *source*, beside it."""
    target = source.with_name(f"tagged.{audio.extension}")
    assert write_tags(source, target, audio, tags, picture) == ()
    return target


def probed(path: Path) -> dict[str, str]:
    """The tags as ffprobe sees them, by lower-case names."""
    command = [find("ffprobe"), "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    parts = [answer["format"], *answer["streams"]]
    return {key.lower(): value for part in parts for key, value in part.get("tags", {}).items()}


def opened(path: Path) -> Any:
    """The file as mutagen sees it."""
    return mutagen.File(path)


@pytest.mark.parametrize("audio", EVERY_FORMAT)
def test_every_format_says_what_the_catalog_said(music: Music, tmp_path: Path, audio: AudioFormat) -> None:
    """An independent reader sees the tags, the decoded sound is the same, and the file still passes verification."""
    source = music.copy(tmp_path / "part", audio.extension)
    target = tagged(source, audio, FULL)

    seen = probed(target)
    assert seen["title"] == TITLE
    assert seen["artist"] == FULL.artist
    assert seen["album"] == FULL.album
    assert seen["album_artist"] == FULL.album_artist
    assert seen["track"] in ("3", "3/12")
    assert seen["disc"] in ("1", "1/2")
    assert seen["date"] == "1999"
    assert seen.get("isrc", seen.get("tsrc")) == FULL.isrc
    assert FULL.license
    if audio in (AudioFormat.MP3, AudioFormat.WAV):  # ffprobe shows no frame that is an address
        assert b"WCOP" in target.read_bytes()
        assert FULL.license.encode() in target.read_bytes()
    else:
        assert seen["license"] == FULL.license
    assert pcm(target) == pcm(music(audio.extension))
    assert verify(target, a_track(duration_seconds=3), target.stat().st_size).format is audio


def test_metaflac_reads_every_comment(music: Music, tmp_path: Path) -> None:
    """The reference program agrees with the names, totals and licence."""
    target = tagged(music.copy(tmp_path / "part"), AudioFormat.FLAC, FULL)
    command = [find("metaflac"), "--no-utf8-convert", "--export-tags-to=-", str(target)]
    listed = subprocess.run(command, check=True, capture_output=True).stdout.decode().splitlines()

    assert set(listed) == {
        f"TITLE={TITLE}", f"ARTIST={FULL.artist}", "ALBUM=Colours", "ALBUMARTIST=Various Artists", "TRACKNUMBER=3",
        "TRACKTOTAL=12", "DISCNUMBER=1", "DISCTOTAL=2", "DATE=1999", "ISRC=USABC9912345", f"LICENSE={FULL.license}",
    }  # fmt: skip
    subprocess.run([find("flac"), "--silent", "--test", str(target)], check=True)


@pytest.mark.parametrize("audio", EVERY_FORMAT)
def test_what_the_catalog_does_not_say_stays(music: Music, tmp_path: Path, audio: AudioFormat) -> None:
    """Genre and total of the file survive a catalog that only knows title and number."""
    source = music.copy(tmp_path / "part", audio.extension)
    tagged(source, audio, FULL)
    flacheader.restore(tmp_path)
    first = tmp_path / "first"
    write_tags(source, first, audio, FULL, None)
    first.rename(source)

    again = tagged(source, audio, Tags(title="New", track_number=4))

    seen = probed(again)
    assert seen["title"] == "New"
    assert seen["album"] == FULL.album
    file = opened(again)
    if audio in (AudioFormat.MP3, AudioFormat.WAV):
        assert file.tags["TRCK"].text == ["4/12"]
        assert file.tags["TSRC"].text == [FULL.isrc]
        assert file.tags["WCOP"].url == FULL.license
    elif audio is AudioFormat.M4A:
        assert file.tags["trkn"] == [(4, 12)]
        assert bytes(file.tags["----:com.apple.iTunes:ISRC"][0]).decode() == FULL.isrc
    else:
        assert (file.tags["TRACKNUMBER"], file.tags["TRACKTOTAL"]) == (["4"], ["12"])
        assert file.tags["LICENSE"] == [FULL.license]


def test_a_finer_date_and_several_values_survive(music: Music, tmp_path: Path) -> None:
    """A day within the catalog's year says more than the year; two genres stay two; "3/12" keeps its total."""
    source = music.copy(tmp_path / "part")
    file = opened(source)
    file.tags.extend([("DATE", "1999-05-06"), ("GENRE", "Jazz"), ("GENRE", "Fusion"), ("TRACKNUMBER", "7/12")])
    file.save()

    seen = opened(tagged(source, AudioFormat.FLAC, Tags(year=1999, track_number=3))).tags
    assert seen["DATE"] == ["1999-05-06"]
    assert seen["GENRE"] == ["Jazz", "Fusion"]
    assert (seen["TRACKNUMBER"], seen["TRACKTOTAL"]) == (["3"], ["12"])


@pytest.mark.parametrize("license_text", ["https://example.org/by/4.0/", "CC BY 4.0", "https://example.org/ü and more"])
@pytest.mark.parametrize("audio", [AudioFormat.MP3, AudioFormat.WAV])
def test_a_licence_is_an_address_or_words_and_replaces_the_other(
    music: Music, tmp_path: Path, audio: AudioFormat, license_text: str
) -> None:
    """Not both, which might say different things; an odd one costs no other tag."""
    source = music.copy(tmp_path / "part", audio.extension)
    file = opened(source)
    if file.tags is None:
        file.add_tags()
    file.tags.add(_id3.WCOP(url="https://old.example/"))
    file.tags.add(_id3.TXXX(encoding=3, desc="LICENSE", text=["old"]))
    file.tags.add(_id3.TXXX(encoding=3, desc="ALBUM ARTIST", text=["old"]))
    file.tags.add(_id3.TCOP(encoding=3, text=["1999 Ada"]))
    file.save()

    seen = opened(tagged(source, audio, replace(FULL, license=license_text))).tags
    licences = [frame.url for frame in seen.getall("WCOP")] + [frame.text[0] for frame in seen.getall("TXXX:LICENSE")]
    assert licences == [license_text]
    assert bool(seen.getall("WCOP")) is (license_text == "https://example.org/by/4.0/")
    assert seen["TCOP"].text == ["1999 Ada"]
    assert not seen.getall("TXXX:ALBUM ARTIST")


def test_a_number_that_a_format_cannot_hold_costs_no_other_tag(music: Music, tmp_path: Path) -> None:
    """MP4 has two bytes for it; albums may be longer."""
    target = tagged(music.copy(tmp_path / "part", "m4a"), AudioFormat.M4A, replace(FULL, track_count=100_000))
    assert opened(target).tags["trkn"] == [(3, 0)]
    assert probed(target)["title"] == TITLE


@pytest.mark.parametrize("odd", ["", "x"])
def test_older_tags_of_a_wave_file_do_not_contradict(music: Music, tmp_path: Path, odd: str) -> None:
    """Programs that read INFO before ID3 see the same; what the catalog does not say stays in it."""
    plain, source = music("wav"), tmp_path / "part.wav"
    old = {"title": f"Old{odd}", "artist": "Old", "album": "Old", "track": "9", "date": "1999-05-06", "genre": "Jazz"}
    options = [part for key, value in old.items() for part in ("-metadata", f"{key}={value}")]
    subprocess.run([find("ffmpeg"), "-v", "error", "-i", str(plain), *options, str(source)], check=True)
    target = tagged(source, AudioFormat.WAV, replace(FULL, album=None))

    seen = probed(target)
    assert (seen["title"], seen["artist"], seen["album"], seen["track"]) == (TITLE, FULL.artist, "Old", "3")
    assert (seen["genre"], seen["date"]) == ("Jazz", "1999-05-06")
    assert pcm(target) == pcm(plain)
    assert verify(target, a_track(duration_seconds=3), target.stat().st_size).format is AudioFormat.WAV
    again = target.rename(source)
    assert probed(tagged(again, AudioFormat.WAV, replace(FULL, album=None))) == seen


@pytest.mark.parametrize("damage", [b"INAM\xff\xff\0\0x", b"INA"])
def test_older_tags_that_are_damaged_are_left_alone(music: Music, tmp_path: Path, damage: bytes) -> None:
    """The newer ones are written all the same."""
    source = tmp_path / "part.wav"
    body = b"INFO" + damage + b"\0" * (len(damage) % 2)
    content = music("wav").read_bytes() + b"LIST" + len(body).to_bytes(4, "little") + body
    source.write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])
    target = tagged(source, AudioFormat.WAV, FULL)

    assert body in target.read_bytes()
    assert opened(target).tags["TIT2"].text == [TITLE]


def test_nothing_is_invented() -> None:
    """Tags hold what the catalog said, cleaned, and the album's answer only where the track's is silent."""
    track = a_track(title="a\0b\ud800", album="", album_artist=None, year=0, isrc="  ", track_number=None)
    album = AlbumInfo(id=5, title="Box", artist="Ada", year=2001)

    assert Tags.of(track) == Tags(title="ab\ufffd", artist="Ada")
    assert Tags.of(track, album) == Tags(title="ab\ufffd", artist="Ada", album="Box", year=2001)


@pytest.mark.parametrize("make", [png, jpeg])
@pytest.mark.parametrize("audio", EVERY_FORMAT)
def test_a_cover_replaces_the_front_cover_only(music: Music, tmp_path: Path, audio: AudioFormat, make: Any) -> None:
    """Written twice there is one, with the type that its content has, and the sound is the same."""
    cover = make()
    source = music.copy(tmp_path / "part", audio.extension)
    write_tags(source, tmp_path / "first", audio, FULL, Picture.of(png(9, 9)))
    (tmp_path / "first").rename(source)
    target = tagged(source, audio, FULL, Picture.of(cover))

    assert pictures(opened(target), audio) == [cover]
    assert pcm(target) == pcm(music(audio.extension))


def pictures(file: Any, audio: AudioFormat) -> list[bytes]:
    if audio is AudioFormat.FLAC:
        return [picture.data for picture in file.pictures]
    if audio in (AudioFormat.MP3, AudioFormat.WAV):
        return [frame.data for frame in file.tags.getall("APIC")]
    if audio is AudioFormat.M4A:
        return [bytes(picture) for picture in file.tags["covr"]]
    blocks = [base64.b64decode(text) for text in file.tags["METADATA_BLOCK_PICTURE"]]
    return [mutagen.flac.Picture(block).data for block in blocks]  # type: ignore[no-untyped-call]  # it has no types


@pytest.mark.parametrize("audio", EVERY_FORMAT)
def test_failing_to_tag_is_a_warning_and_the_file_is_as_received(
    music: Music, tmp_path: Path, audio: AudioFormat
) -> None:
    """Damaged metadata of the file costs the tags, not the track."""
    source, target = tmp_path / "part", tmp_path / "tagged"
    content = music(audio.extension).read_bytes()
    source.write_bytes(content[: len(content) // 3].replace(b"reference libFLAC", b"\xff" * 17)[:2000])

    (warning,) = write_tags(source, target, audio, FULL, None)

    assert warning.startswith("The tags could not be written: ")
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("padding", [0, 3, 4, 8192])
@pytest.mark.parametrize("picture", [None, Picture.of(png())])
def test_a_flac_header_fits_any_padding(music: Music, tmp_path: Path, padding: int, picture: Picture | None) -> None:
    """Whether the room suffices, is exact, or is too small by a byte, the file is whole and the sound is the same."""
    source = music.copy(tmp_path / "part")
    subprocess.run([find("metaflac"), "--remove-all", "--dont-use-padding", str(source)], check=True)
    if padding:
        subprocess.run([find("metaflac"), f"--add-padding={padding}", str(source)], check=True)

    target = tagged(source, AudioFormat.FLAC, FULL, picture)

    subprocess.run([find("flac"), "--silent", "--test", str(target)], check=True)
    assert probed(target)["title"] == TITLE
    assert pcm(target) == pcm(music("flac"))


@pytest.mark.parametrize("picture", [None, Picture.of(png())])
@pytest.mark.parametrize("audio", EVERY_FORMAT)
def test_the_received_bytes_can_be_had_back(
    music: Music, tmp_path: Path, audio: AudioFormat, picture: Picture | None
) -> None:
    """Whether the file was copied or rewritten in place, a resume finds every byte as it was received."""
    source = music.copy(tmp_path / "part", audio.extension)
    received = source.read_bytes()
    tagged(source, audio, FULL, picture)
    tagged(source, audio, Tags(title="Once more"), picture)

    for _ in range(2):
        flacheader.restore(tmp_path)
        assert source.read_bytes() == received
    assert not list(tmp_path.glob("*.undo"))


def test_a_file_that_the_library_shares_is_never_written_to_again(music: Music, tmp_path: Path) -> None:
    """A crash between link and unlink leaves two names of one file: the one in the stage must not undo the other."""
    target = tagged(music.copy(tmp_path / "part"), AudioFormat.FLAC, FULL)
    library = tmp_path / "published.flac"
    os.link(target, library)
    published = library.read_bytes()

    flacheader.restore(tmp_path)

    assert library.read_bytes() == published
    assert not (tmp_path / "part").exists()


def test_a_full_disk_is_no_failure_to_tag(music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the attempt with its own code, the source is as it was, and no half target is left."""
    source = music.copy(tmp_path / "part", "mp3")
    received = source.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(DiskFull):
        write_tags(source, tmp_path / "tagged.mp3", AudioFormat.MP3, FULL, None)
    assert [path.name for path in tmp_path.iterdir()] == ["part"]
    assert source.read_bytes() == received


def test_without_a_copy_in_the_kernel_the_bytes_are_the_same(
    music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every system and volume copies ranges itself."""
    monkeypatch.delattr(os, "copy_file_range")
    target = tagged(music.copy(tmp_path / "part"), AudioFormat.FLAC, FULL, Picture.of(png()))
    assert pcm(target) == pcm(music("flac"))
