"""The demo: what it proposes to type once the music is there."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Run

from tonearm.cli.demo import examples
from tonearm.model import JobType, Quality


def test_what_the_demo_proposes_fits_the_library_that_came_out() -> None:
    """The album again in the quality it has, after its files went: another one would lie beside them."""
    proposed = examples("job-1-a", (JobType.ALBUM, 1, Quality.LOSSLESS))

    assert proposed[-2:] == ["remove --files job-1-a", "add album 1 --quality LOSSLESS --wait"]


def test_a_folder_that_cannot_be_made_is_a_message(tonearm: Run, tmp_path: Path) -> None:
    """The slip of somebody who names a file."""
    (tmp_path / "file").touch()

    ended = tonearm("demo", "--folder", str(tmp_path / "file"))

    assert ended.code == 4
    assert ended.err.startswith(f"Error: The folder {tmp_path / 'file'} (--folder) cannot be made: ")
