"""Folders that are closed to the user of a command, as the home of whoever typed `sudo -u`: a line, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.powerless import powerless


@pytest.mark.parametrize(
    ("errand", "told"),
    [
        ("target.whole(file).__enter__()", "{file} cannot be written: Permission denied"),
        ("archive._require_absent(file)", "{file} cannot be written: Permission denied"),
        ("reaching.settings_of_queue()", "The database {file} cannot be read: Permission denied."),
    ],
)
def test_a_closed_folder_is_told_as_such(errand: str, told: str, tmp_path: Path) -> None:
    """What is in it is neither there nor not there."""
    closed = tmp_path / "closed"
    closed.mkdir()
    program = f"""
from pathlib import Path
from tonearm.cli import archive, reaching, target
from tonearm.errors import SetupError
file = Path("closed/file").absolute()
Path("closed").chmod(0)
try:
    {errand}
except SetupError as error:
    print(error)
"""
    ended = powerless(program, tmp_path, HOME=str(tmp_path), QUEUE_DATABASE=str(closed / "file"))
    closed.chmod(0o700)

    assert (ended.stdout, ended.stderr) == (told.format(file=closed / "file") + "\n", "")
