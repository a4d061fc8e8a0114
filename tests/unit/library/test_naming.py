"""Names: every title gives a path that every file system takes and that stays in the library."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.counts import count
from tests.unit.library.samples import a_track
from wcwidth import iter_graphemes

from tonearm.errors import DiskError, SetupError
from tonearm.library.naming import LONGEST_EXTENSION, PART_BYTES, Name, Template, fold, numbered, resolve
from tonearm.model import AlbumInfo, Quality

LIBRARY = Path("/library")
DECEIVING = "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"

titles = st.text(st.characters(), max_size=400) | st.sampled_from(
    [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/",
        "CON",
        "nul.txt",
        "a\0b",
        "\ud800",
        "x" * 300,
        "👨‍👩‍👧‍👦" * 60,
        "e" + "\u0301" * 400,
    ]
)


def stem(template: str = "{title}.{ext}", **changes: object) -> str:
    return Template(template).name(a_track(**changes), None, None, Quality.LOSSLESS).stem


@pytest.mark.timeout(900)
@settings(max_examples=count(500, 10_000))
@given(titles, titles, titles)
@example("a" * 254 + "é", "ﷺ" * 90, "\u202egnp.exe")
@example("lpt¹", "aux .flac", " . .. ")
def test_any_title_gives_a_path_that_every_file_system_takes(artist: str, album: str, title: str) -> None:
    """Whatever the catalog says, the file stays in the library, in parts of at most 255 bytes without anything odd."""
    track = a_track(artist=artist, album_artist=None, album=album, title=title)
    name = Template().name(track, None, None, Quality.HIGH)

    for twin in (1, 2, 99):
        relative = f"{numbered(name, twin).stem}.opus"
        path = resolve(LIBRARY, relative)
        assert path.is_relative_to(LIBRARY)
        assert len(path.relative_to(LIBRARY).parts) == 3
        for part in relative.split("/"):
            assert 0 < len(part.encode()) <= PART_BYTES
            assert part == part.strip(" .")
            assert unicodedata.is_normalized("NFC", part)
            assert not set('\\:*?"<>|') & set(part)
            assert not any(unicodedata.category(char) in ("Cc", "Cs") or char in DECEIVING for char in part)
            assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", part, re.IGNORECASE)


@pytest.mark.timeout(900)
@settings(max_examples=count(500, 10_000))
@given(st.lists(titles, min_size=2, max_size=6))
def test_numbered_twins_never_share_a_key(found: list[str]) -> None:
    """Files that are numbered until their key is free can never be one file to a case-folding file system."""
    keys: set[str] = set()
    for title in found:
        name = Template("{artist}/{title}.{ext}").name(a_track(title=title), None, None, Quality.LOW)
        free = next(numbered(name, n) for n in range(1, 100) if numbered(name, n).key not in keys)
        assert free.key == fold(free.stem)
        keys.add(free.key)
    assert len(keys) == len(found)


@pytest.mark.timeout(900)
@settings(max_examples=count(500, 10_000))
@given(titles)
def test_a_key_is_blind_to_case_and_composition(title: str) -> None:
    """Lower, upper and folded, composed and decomposed spellings of one name have one key."""
    title = title.encode("utf-8", "replace").decode()
    for form in ("NFC", "NFD"):
        spelling = unicodedata.normalize(form, title)
        assert fold(spelling) == fold(title)
        assert fold(spelling.casefold()) == fold(title)
        assert fold(fold(spelling)) == fold(title)


def upper_case(text: str) -> str:
    """NTFS, exFAT, FAT: letter by letter, and only where that is one letter again."""
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in text)


def lower_case(text: str) -> str:
    """HFS+ and others: the same, decomposed and downwards."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in decomposed)


def case_fold(text: str) -> str:
    """ext4 and f2fs with casefold, APFS: canonical decomposition and full case folding, format characters dropped."""
    shown = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", shown).casefold())


MIXED = "aAäÄa\u0308ßsS\u017fΣ\u03c3ςİi\u0131IkK\u212aﬁfFǅǆǄ\u0345ᾳᾼ\u200d\xad.1 é\u0301e"
"""Letters that some file system takes for one another."""


def test_ten_thousand_titles_of_one_folder_are_as_many_files_to_every_file_system() -> None:
    """Each gets the first number whose key is free, as the worker does; none of the three ways to fold joins two."""
    draw = random.Random(9)
    keys: set[str] = set()
    stems: list[str] = []
    for _ in range(10_000):
        title = "".join(draw.choice(MIXED) for _ in range(draw.randint(1, 8)))
        name = Template("{title}.{ext}").name(a_track(title=title), None, None, Quality.LOW)
        free = next(twin for n in range(1, 10_000) if (twin := numbered(name, n)).key not in keys)
        keys.add(free.key)
        stems.append(free.stem)

    for folded in (upper_case, lower_case, case_fold):
        assert len({folded(stem) for stem in stems}) == len(stems)


def test_the_default_names_a_track_by_album_artist_album_and_number() -> None:
    """A single disc is not mentioned; numbers have two digits."""
    name = Template().name(a_track(disc_number=1, disc_count=1), None, None, Quality.LOSSLESS)
    assert name == Name("Ada & Friends/Colours/03 Blue", "ada & friends/colours/03 blue")


@pytest.mark.parametrize(
    ("discs", "disc", "expected"), [(2, 1, "1-03 Blue"), (1, 1, "03 Blue"), (None, 2, "2-03 Blue")]
)
def test_the_disc_stands_in_the_name_when_there_is_more_than_one(discs: int | None, disc: int, expected: str) -> None:
    """More than one disc is what the count says, or what a second disc proves."""
    track = a_track(disc_number=disc, disc_count=discs)
    assert Template().name(track, None, None, Quality.LOW).stem.split("/")[-1] == expected


def test_the_album_job_knows_the_folder_better_than_its_tracks() -> None:
    """All tracks of an album job go into one folder, and one without a number gets its place."""
    album = AlbumInfo(id=5, title="Box Set", artist="Various", disc_count=3, year=1999)
    track = a_track(album="Box Set (2)", album_artist=None, track_number=None, disc_number=2)

    assert Template().name(track, album, 7, Quality.LOW).stem == "Various/Box Set/2-07 Blue"
    assert Template("{year} {album}/{title}.{ext}").name(track, album, 7, Quality.LOW).stem == "1999 Box Set/Blue"


def test_what_is_unknown_is_called_so() -> None:
    """No part of a path is ever empty."""
    assert stem("{albumartist|artist}/{album}/{track:02} {title}.{ext}", album_artist="", artist="\u200b") == (
        "Unknown Artist/Colours/03 Blue"
    )
    assert stem(title="...", album="") == "Unknown Title"
    assert stem("{year}/{title}.{ext}") == "Unknown/Blue"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("AC/DC: Live?", "AC_DC_ Live_"),
        ("...And Justice", "And Justice"),
        ("R.E.M.", "R.E.M"),
        ("con", "_con"),
        ("NUL.tar", "_NUL.tar"),
        ("a\tb\r\n  c", "a b c"),
        ("cafe\u0301", "café"),
        ("\u202eevil", "evil"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("half \ud83d surrogate", "half \ufffd surrogate"),
    ],
)
def test_titles_stay_readable(title: str, expected: str) -> None:
    """Only what a file system cannot take is replaced, visibly; joined emoji survive."""
    assert stem(title=title) == expected


def test_a_long_title_is_cut_between_graphemes() -> None:
    """No emoji is cut in half, and room stays for a number and the longest extension."""
    family = "👨‍👩‍👧‍👦"
    cut = stem(title=family * 100)

    assert set(iter_graphemes(cut)) == {family}
    assert len(numbered(Name(cut, fold(cut)), 99).stem.encode()) <= PART_BYTES - LONGEST_EXTENSION


@pytest.mark.parametrize("n", [2, 99, 12_345])
def test_a_number_of_any_length_fits(n: int) -> None:
    """What it needs is cut from the title, not from the number."""
    twin = numbered(Name("folder/" + "x" * 250, ""), n).stem.split("/")[1]
    assert len(twin.encode()) == PART_BYTES - LONGEST_EXTENSION
    assert twin.endswith(f"x ({n})")


def test_keys_join_what_upper_casing_file_systems_join() -> None:
    """Dotless i, long s and sharp s are one letter with i, s and ss to some of them; joiners are no letter at all."""
    assert fold("ıſß") == fold("ISSS")
    assert fold("a\u200db\ufe0f") == fold("AB")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{title}", "must end in .{ext}"),
        ("{album}/{cover}.{ext}", "{cover} is not known"),
        ("{album}.{ext}", "needs {title}, {track} or {id}"),
        ("/{title}.{ext}", "must not start with a slash"),
        ("a//{title}.{ext}", "is empty"),
        ("{disc/}/{title}.{ext}", "is empty"),
        ("a/../{title}.{ext}", "only dots"),
        ("{title}/.{ext}", "is empty"),
        ("{disc/..}/{title}.{ext}", "only dots"),
        ("{ext}/{title}.{ext}", "{ext} is not known"),
        ("C:\\{title}.{ext}", "cannot stand in a name"),
        ("../{title}.{ext}", "only dots"),
        (".hidden/{title}.{ext}", "start with a dot"),
        ("{album}/.{title}.{ext}", "start with a dot"),
        ("{title.{ext}", "not closed"),
        ("{Title}.{ext}", "not a field"),
        ("a:b {title}.{ext}", "cannot stand in a name"),
        ("{disc:}{title}.{ext}", "not a field"),
        ("{disc?}{title}.{ext}", "cannot stand in a name"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_the_reason(template: str, reason: str) -> None:
    """The message names the setting, the template and what is wrong with it."""
    with pytest.raises(SetupError, match=re.escape(reason)) as caught:
        Template(template)
    assert "QUEUE_NAME_TEMPLATE" in str(caught.value)


@pytest.mark.timeout(900)
@settings(max_examples=count(500, 5_000))
@given(st.text(st.characters(), max_size=60) | st.from_regex(r"[./\\~a]{0,9}", fullmatch=True))
def test_no_text_resolves_to_a_path_outside(relative: str) -> None:
    """Any text is either a path under the library or refused."""
    try:
        path = resolve(LIBRARY, relative)
    except DiskError:
        return
    assert path.is_relative_to(LIBRARY)
    assert ".." not in path.parts
    assert path != LIBRARY
