"""Free music: two real albums, from a Debian package, for the tests that need what people listen to.

The package is singularity-music (CC BY-SA 3.0, 16 OGG files). It is fetched once and kept under .cache in the checkout;
nothing of it is committed. This knows nothing of catalogs or qualities.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.debian import CACHE, PackageMissing, unpack

PACKAGE = "singularity-music"
TRACKS = 16


class FreeMusicMissing(Exception):
    """The package could not be had; the message says what was tried and what to do."""


def free_music() -> Path:
    """The folder with the package's OGG files, fetched on the first call.

    Raises:
        FreeMusicMissing: no apt-get here, or no package server within reach.
    """
    folder = CACHE / PACKAGE
    if len(list(folder.rglob("*.ogg"))) < TRACKS:
        try:
            unpack([PACKAGE], "*.ogg", folder)
        except PackageMissing as error:
            raise FreeMusicMissing(
                f"the free music for the tests could not be had ({error}). "
                f"Put the {TRACKS} OGG files of Debian's package {PACKAGE} into {folder}"
            ) from error
    return folder
