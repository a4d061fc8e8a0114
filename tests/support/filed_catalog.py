"""A catalog made of files, which a real nginx serves: the contract's answers as JSON, the media beside them.

    with nginx(tmp_path / "web", FiledCatalog.server("limit_rate 200k;")) as web:
        catalog = FiledCatalog(web)
        catalog.album(5, "Blue", "Ann", [catalog.track(11, "One", {"LOSSLESS": path}), ...])
        ... a server whose catalog is catalog.url ...

Nothing of ours runs in it, so it goes on while the server under test is killed. What answers slowly, wrongly or not at
all is the business of `tests.support.catalog` and `tests.support.origin`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.nginx import Nginx

Json = dict[str, Any]


class FiledCatalog:
    """Writes albums and tracks into the folder of one nginx."""

    def __init__(self, web: Nginx) -> None:
        self.web = web
        self.url = f"{web.url}/catalog"
        for folder in ("catalog/tracks", "catalog/albums", "media"):
            (web.root / folder).mkdir(parents=True)

    @staticmethod
    def server(media: str = "") -> str:
        """The text for nginx's server block; *media* holds directives for the media alone."""
        return f"""
            location ~ ^/catalog/(tracks|albums)/([0-9]+)$ {{
                default_type application/json;
                try_files /catalog/$1/$2.$arg_quality$arg_cursor =404;
            }}
            location /media/ {{ {media} }}
        """

    def track(self, number: int, title: str, files: Mapping[str, Path], **more: Any) -> Json:
        """Offer a track in these qualities; answers its line for an album. The media are links to *files*."""
        facts: Json = {"id": number, "title": title, "artist": "Ann", "album": "Blue", **more}
        for quality, path in files.items():
            name = f"{number}-{quality}{path.suffix}"
            (self.web.root / "media" / name).symlink_to(path.resolve())
            media = {"url": f"/media/{name}", "sizeBytes": path.stat().st_size}
            self._write("tracks", number, quality, {**facts, "media": media})
        known = ("id", "title", "artist", "trackNumber", "discNumber", "durationSeconds")
        return {name: facts[name] for name in known if name in facts}

    def album(
        self, number: int, title: str, artist: str, tracks: Sequence[Json], *, page: int = 100_000, **more: Any
    ) -> None:
        """Offer an album with these lines, so many a *page*, in all three qualities."""
        facts = {"id": number, "title": title, "artist": artist, "trackCount": len(tracks), **more}
        for first in range(0, max(1, len(tracks)), page):
            after = first + page
            lines = {"tracks": tracks[first:after]} | ({"next": str(after)} if after < len(tracks) else {})
            for quality in ("LOW", "HIGH", "LOSSLESS"):
                self._write("albums", number, f"{quality}{first or ''}", facts | lines)

    def _write(self, noun: str, number: int, name: str, facts: Json) -> None:
        (self.web.root / "catalog" / noun / f"{number}.{name}").write_text(json.dumps(facts), "utf-8")
