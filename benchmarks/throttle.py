"""How closely the bandwidth limit is kept, and what it costs: four transfers together, counted as they are written.

    ./dev bench throttle [--seconds 10]

One process fetches large files from nginx on loopback through the real engine. After half a second the bytes of the
parts are counted, and again `--seconds` later; what is quoted is the share of the limit, the smallest and the largest
share of one transfer, and the CPU of the process. A last row changes the limit in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import uvloop
from benchmarks.report import Figure, Report, Table, at_most
from tests.support.nginx import nginx

from tonearm.fetch import Fetcher, FetchLimits, HostPort, Progress, Throttle
from tonearm.model import Media

AT_ONCE = 4
LIMITS = (50_000, 200_000, 2_000_000, 20_000_000, 100_000_000)
CHANGED = (2_000_000, 500_000)
SIZE = 2_000_000_000


class Run:
    """What one run showed: the share of the limit, of each transfer too, and the CPU in percent of one core."""

    def __init__(self, passed: list[int], allowed: float, cpu_s: float, wall_s: float) -> None:
        self.share = sum(passed) / allowed
        self.least, self.most = (AT_ONCE * one / allowed for one in (min(passed), max(passed)))
        self.cpu = cpu_s / wall_s * 100

    def row(self, name: str) -> list[str]:
        """As a line of the table."""
        return [name, f"{self.share:.3f}", f"{self.least:.2f} to {self.most:.2f}", f"{self.cpu:.1f} %"]


async def _measure(url: str, folder: Path, limit: int, seconds: float, then: int | None) -> Run:
    throttle = Throttle(limit)
    parts = [folder / str(number) for number in range(AT_ONCE)]
    async with Fetcher(FetchLimits(), allow=[HostPort("127.0.0.1")], throttle=throttle) as fetcher:
        for part in parts:
            part.mkdir()
        transfers = [asyncio.create_task(fetcher.download(Media(url), part, progress=_ignore)) for part in parts]
        await asyncio.sleep(0.5)
        before, cpu, begun = _sizes(parts), time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds / 2)
        changed = time.perf_counter()
        throttle.change(limit if then is None else then)
        await asyncio.sleep(seconds / 2)
        after, cpu, ended = _sizes(parts), time.process_time() - cpu, time.perf_counter()
        for transfer in transfers:
            transfer.cancel()
        await asyncio.gather(*transfers, return_exceptions=True)
    allowed = limit * (changed - begun) + (limit if then is None else then) * (ended - changed)
    return Run([late - early for early, late in zip(before, after, strict=True)], allowed, cpu, ended - begun)


def _sizes(parts: list[Path]) -> list[int]:
    return [(part / "part").stat().st_size for part in parts]


def _ignore(progress: Progress) -> None:
    pass


def run(seconds: float = 10.0) -> Report:
    """Measure and report."""
    runs: dict[str, Run] = {}
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as folder, nginx(Path(folder) / "web") as web:
        with (web.root / "song").open("wb") as file:
            file.truncate(SIZE)  # a hole, which costs no disk

        def measure(limit: int, then: int | None = None) -> Run:
            target = Path(folder) / "target"
            target.mkdir()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                try:
                    return runner.run(_measure(f"{web.url}/song", target, limit, seconds, then))
                finally:
                    shutil.rmtree(target)

        for limit in LIMITS:
            runs[f"{limit / 1e6:g} MB/s"] = measure(limit)
        runs[f"{CHANGED[0] / 1e6:g} MB/s, then {CHANGED[1] / 1e6:g}"] = measure(*CHANGED)
    figure = Figure(
        f"bandwidth limit, furthest off in {seconds:g} s",
        [max(abs(one.share - 1) * 100 for one in runs.values())],
        "{:.1f} %",
        at_most(5.0),
    )
    table = Table(
        "Bandwidth limit",
        ("", "share of the limit", "of each transfer", "CPU"),
        [one.row(name) for name, one in runs.items()],
        f"{AT_ONCE} transfers together over {seconds:g} s; CPU in percent of one core.",
    )
    return Report([figure], [table], {"share": {name: one.share for name, one in runs.items()}})


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    print(run(parser.parse_args().seconds).text())


if __name__ == "__main__":
    main()
