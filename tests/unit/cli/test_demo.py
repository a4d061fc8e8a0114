"""The demo: what it proposes to type once the music is there."""

from __future__ import annotations

from tonearm.cli.demo import examples
from tonearm.model import JobType, Quality


def test_what_the_demo_proposes_fits_the_library_that_came_out() -> None:
    """The album again in the quality it has, after its files went: another one would lie beside them."""
    proposed = examples("job-1-a", (JobType.ALBUM, 1, Quality.LOSSLESS))

    assert proposed[-2:] == ["remove --files job-1-a", "add album 1 --quality LOSSLESS --wait"]
