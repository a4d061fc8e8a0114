"""Bars: how the picture of moving jobs lies on the terminal."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.console import Console
from tests.unit.client.playing import job

from tonearm.cli.bars import Bars
from tonearm.client import Job


@pytest.mark.parametrize("width", [80, 132])
def test_the_last_two_columns_stay_free(width: int) -> None:
    """A `^C` that the terminal shows behind a bar stands on its line, and the line is not drawn a second time."""
    drawn = io.StringIO()
    with Bars(Console(file=drawn, force_terminal=True, width=width, color_system=None)) as bars:
        bars.show(msgspec.convert(job(status="processing", progress=0.5), Job))

    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip("\r") for line in re.split(r"[\r\n]", drawn.getvalue())]
    assert max(map(len, lines)) == width - 2
