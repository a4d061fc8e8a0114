"""One file's way into the library, as a process of its own that can be killed: `python -m … library content …`.

tag      PART TARGET           write_tags over a FLAC file
check    LIBRARY               check_library
cover    LIBRARY STAGE NAME    add_cover beside NAME, the picture being STAGE/picture
publish  LIBRARY STAGED NAME   prepare, record the publication in LIBRARY/../committed, publish
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tonearm.library import AudioFormat, Picture, Tags, add_cover, check_library, prepare, publish, write_tags
from tonearm.model import Publication


def main(step: str, *arguments: str) -> None:
    if step == "tag":
        part, target = map(Path, arguments)
        assert write_tags(part, target, AudioFormat.FLAC, Tags(title="Blue"), None) == ()
        return
    if step == "check":
        check_library(Path(arguments[0]))
        return
    library, staged, name = Path(arguments[0]), Path(arguments[1]), arguments[2]
    if step == "cover":
        add_cover(staged, library, name, Picture.of((staged / "picture").read_bytes()), umask=0o022)
        return
    size, inode = prepare(staged, umask=0o022)
    (library.parent / "committed").write_text(json.dumps(asdict(Publication(name, size, inode))))
    publish(staged, library, name, umask=0o022)


if __name__ == "__main__":
    main(*sys.argv[1:])
