"""What a file's place says about its music, for files whose tags do not.

`Artist/Album/CD2/07 - Title.flac` is the common custom; anything else still gives a sensible title. Nothing here opens
a file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

UNKNOWN_ARTIST = "Unknown Artist"
VARIOUS_ARTISTS = "Various Artists"

_DISC_FOLDER = re.compile(r"(?:cd|disc|disk)[ _.-]*(\d{1,2})", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:(?P<disc>\d{1,2})[-.])?(?P<number>\d{1,3})(?:\s*[-.)_]\s*|\s+)(?P<title>\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the path suggests; *album* and *artist* are None where no folder names them."""

    title: str
    artist: str | None = None
    album: str | None = None
    track_number: int | None = None
    disc_number: int | None = None


def guess(path: bytes) -> Guess:
    """Read title, number, disc, album and artist off *path*, relative to the music folder."""
    *folders, name = (readable(part) for part in path.split(b"/"))
    disc = None
    if folders and (found := _DISC_FOLDER.fullmatch(folders[-1].strip())):
        disc = int(found[1])
        folders.pop()
    title = tidy(name.rpartition(".")[0].replace("_", " ")) or tidy(name)
    number = None
    if found := _NUMBERED.fullmatch(title):
        title, number = found["title"], int(found["number"])
        disc = int(found["disc"]) if found["disc"] else disc
    album = tidy(folders[-1]) or None if folders else None
    artist = tidy(folders[-2]) or None if len(folders) > 1 else None
    if artist is None and title.count(" - ") == 1:
        artist, _, title = title.partition(" - ")
    return Guess(title=title, artist=artist, album=album, track_number=number or None, disc_number=disc or None)


def album_folder(path: bytes) -> bytes:
    """The folder that holds the album of the file at *path*: its own, or the one above a folder like `CD2`."""
    folder, _, last = path.rpartition(b"/")[0].rpartition(b"/")
    if _DISC_FOLDER.fullmatch(readable(last).strip()):
        return folder
    return folder + b"/" + last if folder else last


def readable(name: bytes) -> str:
    """A file name as text; bytes that are no UTF-8 become replacement characters."""
    return name.decode("utf-8", "replace")


def tidy(text: str, limit: int = 1_000) -> str:
    """*text* fit for an answer: no control characters, single spaces, writable as UTF-8, at most *limit* characters."""
    clean = "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)
    return " ".join(clean.encode("utf-8", "replace").decode("utf-8").split())[:limit].strip()


def fold(text: str) -> str:
    """*text* for comparing: case, width and spacing do not count."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def plain(text: str) -> str:
    """*text* for searching: as `fold`, and without accents."""
    folded = fold(text)
    if folded.isascii():
        return folded
    apart = unicodedata.normalize("NFKD", folded)
    return "".join(character for character in apart if not unicodedata.combining(character))
