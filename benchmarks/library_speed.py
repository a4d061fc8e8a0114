"""An album into the library, against programs that merely write its files; and `/stats` while that runs.

    ./dev bench library_speed [--rounds 7] [--files 60] [--megabytes 8] [--only plain|tls]

One nginx on loopback offers the files and the catalog. A real `tonearm serve`, which keeps running, gets the album
submitted and does all its work: state in SQLite, structure check, tags, fsync, publish. In each round the server
(without and with a picture), curl and aria2c fetch the same files, four at a time, in an order that rotates; ratios are
taken within a round. That server runs with QUEUE_VERIFY=quick; a second one decodes every file as well and has a row of
its own. Before each run the disk is synced; after it the audio is compared byte for byte, and all is removed. The
server's time runs from sending the request until the job is completed. README.md says what it means.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import album
from benchmarks.report import Figure, Report, Table, at_least, at_most, spread
from benchmarks.rivals import Rival, Run, aria2, curl
from benchmarks.served import Json, Served, served
from benchmarks.stats_probe import probing
from tests.support.filed_catalog import FiledCatalog
from tests.support.nginx import nginx
from tests.support.tls import make_certificate

from tonearm.library import flac

OURS, PICTURED, CURL, ARIA2 = "tonearm", "tonearm, with a picture", "curl --parallel", "aria2c -j4"
DECODED = "tonearm, every file decoded"
PROTOCOLS = ("plain", "tls")
GIVE_UP_S = 120.0


@dataclass(frozen=True, slots=True)
class LibraryRun(Run):
    """One album through the server. *job_s*: from its `startedAt` to its `completedAt`."""

    job_s: float


@dataclass(frozen=True, slots=True)
class Options:
    """How much is done."""

    rounds: int = 7
    files: int = 60
    megabytes: int = 8
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """All timed runs by program and protocol, of *size* bytes each, and the milliseconds of each `/stats`."""

    size: int
    runs: Mapping[str, Mapping[str, Sequence[Run]]]
    stats_ms: Sequence[float]
    stats_rounds: int


def run(options: Options) -> Report:
    """Measure and report."""
    return _report(measure(options))


def measure(options: Options) -> Measured:
    """Make the files, then run all rounds of each protocol."""
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as name:
        folder = Path(name)
        files = album.make_files(folder / "files", options.files, options.megabytes)
        runs: dict[str, dict[str, list[Run]]] = {}
        stats_ms: list[float] = []
        for protocol in PROTOCOLS if options.only is None else (options.only,):
            with Scene(folder / protocol, files, encrypted=protocol == "tls") as scene:
                runs[protocol] = scene.compare(options.rounds)
                if protocol == "plain":
                    stats_ms = scene.ask_for_stats(options.rounds)
        return Measured(sum(path.stat().st_size for path in files), runs, stats_ms, options.rounds)


class Scene(ExitStack):
    """One protocol: the origin, the server, and the programs that fetch from it."""

    def __init__(self, folder: Path, files: Sequence[Path], *, encrypted: bool) -> None:
        super().__init__()
        folder.mkdir()
        self._files = files
        self._target = folder / "target"
        certificate = make_certificate(folder) if encrypted else None
        self._ca = certificate.certificate if certificate else None
        web = self.enter_context(nginx(folder / "web", FiledCatalog.server(), tls=certificate))
        catalog = album.offer(web, files, album.make_cover())
        media = sorted((web.root / "media").glob("*.flac"))[: len(files)]
        self._urls = [f"{web.url}/media/{path.name}" for path in media]
        self._server = self._serve(folder / "server", catalog.url, "quick")
        self._decoding_server = self._serve(folder / "decoding", catalog.url, "full")

    def _serve(self, folder: Path, catalog_url: str, verify: str) -> Served:
        return self.enter_context(served(folder, catalog_url, ca=self._ca, QUEUE_VERIFY=verify))

    def compare(self, rounds: int) -> dict[str, list[Run]]:
        """Run every program once a round; the first round warms up and is not counted."""
        programs: list[tuple[str, Callable[[], Run]]] = [
            (OURS, lambda: self._download(album.PLAIN)),
            (PICTURED, lambda: self._download(album.PICTURED)),
            (DECODED, lambda: self._download(album.PLAIN, self._decoding_server)),
            (CURL, lambda: self._fetch(curl)),
            (ARIA2, lambda: self._fetch(aria2)),
        ]
        runs: dict[str, list[Run]] = {name: [] for name, _ in programs}
        for number in range(rounds + 1):
            first = number % len(programs)
            for name, program in programs[first:] + programs[:first]:
                os.sync()
                done = program()
                if number:
                    runs[name].append(done)
        return runs

    def ask_for_stats(self, rounds: int) -> list[float]:
        """Probe `/stats` while the album without a picture is downloaded; milliseconds of every answer."""
        taken: list[float] = []
        for _ in range(rounds):
            os.sync()
            self._download(album.PLAIN, beside=lambda: probing(self._server.url, taken))
        return taken

    def _fetch(self, rival: Rival) -> Run:
        self._target.mkdir()
        done = rival(self._urls, self._target, self._ca)
        check(self._target, self._files)
        shutil.rmtree(self._target)
        return done

    def _download(
        self,
        number: int,
        server: Served | None = None,
        beside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> LibraryRun:
        """Have the album downloaded, check what arrived, and remove it. What is *beside* goes on meanwhile."""
        server = server or self._server
        folder = server.library / album.ARTIST / album.TITLES[number]
        with beside():
            cpu, start = server.cpu_s(), time.perf_counter()
            job = self._wait_for(server, server.submit("album", number), folder)
            wall, cpu = time.perf_counter() - start, server.cpu_s() - cpu
        assert (job["status"], job["outcome"], job["fileCount"]) == ("completed", "ok", len(self._files)), job
        check(folder, self._files, pictured=number == album.PICTURED)
        server.call("DELETE", f"/{job['id']}")
        shutil.rmtree(server.library / album.ARTIST)
        return LibraryRun(wall, cpu, (job["completedAt"] - job["startedAt"]) / 1000)

    def _wait_for(self, server: Served, job_id: str, folder: Path) -> Json:
        """Wait until the job is done; its record. Whoever asked all the time would take time from the server, so the
        folder tells when it is worth asking.
        """
        end = time.perf_counter() + GIVE_UP_S
        while _count(folder) < len(self._files):
            if time.perf_counter() > end:
                raise TimeoutError(str(server.call("GET", f"/{job_id}")))
            time.sleep(0.002)
        return server.final(job_id)


def _count(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except FileNotFoundError:
        return 0


def check(folder: Path, files: Sequence[Path], *, pictured: bool = False) -> None:
    """Fail unless the folder holds the audio of *files*, byte for byte and in their order, with a picture if so."""
    arrived = sorted(folder.glob("*.flac"), key=_leading_number)
    assert (folder / "cover.jpg").exists() == pictured, folder
    assert len(arrived) == len(files), f"{len(arrived)} of {len(files)} files arrived"
    for path, source in zip(arrived, files, strict=True):
        (blocks, sound), (_, wanted) = _parts(path), _parts(source)
        assert sound == wanted, f"{path.name} is not {source.name}"
        assert (flac.PICTURE in blocks) is pictured, f"{path.name} has the wrong picture"


def _leading_number(path: Path) -> int:
    found = re.match(r"\d+", path.name)
    assert found is not None, path.name
    return int(found[0])


def _parts(path: Path) -> tuple[list[int], memoryview]:
    """The kinds of metadata blocks of a FLAC file, and all bytes behind them."""
    with path.open("rb") as file:
        metadata = flac.read_metadata(file, path.stat().st_size)
    return [block.type for block in metadata.blocks], memoryview(path.read_bytes())[metadata.audio_offset :]


def _report(measured: Measured) -> Report:
    figures = [figure for protocol, runs in measured.runs.items() for figure in _goals(protocol, runs)]
    tables = [
        table
        for protocol, runs in measured.runs.items()
        for table in (
            _table(f"Library speed, {protocol}", (OURS, DECODED, CURL, ARIA2), runs, measured.size),
            _table(f"Library speed with a picture, {protocol}", (PICTURED, CURL, ARIA2), runs, measured.size),
        )
    ]
    if measured.stats_ms:
        p50, p99 = _percentile(measured.stats_ms, 50), _percentile(measured.stats_ms, 99)
        figures.append(Figure("`GET /stats` meanwhile, p99", [p99], "{:.1f} ms", at_most(25)))
        row = [str(len(measured.stats_ms)), f"{p50:.1f} ms", f"{p99:.1f} ms", f"{max(measured.stats_ms):.1f} ms"]
        title = f"`GET /stats` while an album is downloaded, {measured.stats_rounds} rounds, 50 requests a second"
        tables.append(Table(title, ("requests", "p50", "p99", "slowest"), [row]))
    raw = {
        "bytes": measured.size,
        "runs": {
            p: {name: [asdict(one) for one in many] for name, many in r.items()} for p, r in measured.runs.items()
        },
        "stats_ms": list(measured.stats_ms),
    }
    return Report(figures, tables, raw)


def _goals(protocol: str, runs: Mapping[str, Sequence[Run]]) -> list[Figure]:
    ours = runs[OURS]
    return [
        Figure(f"MB/s of aria2c, {protocol}", _faster(ours, runs[ARIA2]), "{:.2f}x", at_least(1.3)),
        Figure(f"MB/s of curl, {protocol}", _faster(ours, runs[CURL]), "{:.2f}x", at_least(1.0)),
        Figure(f"CPU of curl, {protocol}", _dearer(ours, runs[CURL]), "{:.2f}x", at_most(1.2)),
    ]


def _faster(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """How many times as fast, round by round."""
    return [their.wall_s / our.wall_s for our, their in zip(ours, theirs, strict=True)]


def _dearer(ours: Sequence[Run], theirs: Sequence[Run]) -> list[float]:
    """How many times the CPU, round by round."""
    return [our.cpu_s / their.cpu_s for our, their in zip(ours, theirs, strict=True)]


def _table(title: str, names: Sequence[str], runs: Mapping[str, Sequence[Run]], size: int) -> Table:
    rows: list[list[str]] = []
    for name in names:
        mine = runs[name]
        jobs = [size / 1e6 / one.job_s for one in mine if isinstance(one, LibraryRun)]
        rows.append(
            [
                name,
                spread([size / 1e6 / one.wall_s for one in mine], "{:.0f}"),
                spread(jobs, "{:.0f}"),
                spread([one.cpu_s / size * 1e9 for one in mine], "{:.2f}"),
                spread(_faster(mine, runs[CURL]), "{:.2f}x"),
                spread(_faster(mine, runs[ARIA2]), "{:.2f}x"),
                spread(_dearer(mine, runs[CURL]), "{:.2f}x"),
            ]
        )
    head = ("", "MB/s", "MB/s by the job's own times", "CPU s/GB", "MB/s of curl", "MB/s of aria2c", "CPU of curl")
    note = f"{size / 1e6:.0f} MB in each of {len(runs[OURS])} rounds; median (range)."
    return Table(title, head, rows, note)


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def main() -> None:
    """Measure by itself."""
    usual = Options()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="counted rounds, after one to warm up")
    parser.add_argument("--files", type=int, default=usual.files)
    parser.add_argument("--megabytes", type=int, default=usual.megabytes, help="MiB of each file, about")
    parser.add_argument("--only", choices=PROTOCOLS)
    print(run(Options(**vars(parser.parse_args()))).text())


if __name__ == "__main__":
    main()
