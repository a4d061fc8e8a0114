"""All numbers in one go: measured one after the other, printed side by side, and kept with the machine described.

    ./dev bench                      or, with options:
    .venv/bin/python -m benchmarks [--rounds 7] [--only NAME …] [--quick] [--keep benchmarks/results]

`--only` takes names of `plan`, such as `queues`, and keeps a page of those alone. Kept are `<date>-<commit>.md` for
people and `.json` with every round. `--quick` shows in a few minutes that everything runs; its numbers say nothing and
are not kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    album_memory,
    claim_depth,
    decode_speed,
    file_size,
    library_speed,
    long_queue,
    machine,
    many_watchers,
    page,
    queue_latency,
    queue_rivals,
    start_and_idle,
    store_depth,
    throttle,
)
from benchmarks.report import Report, summary

HERE = Path(__file__).parent
LibraryOptions = library_speed.Options


def plan(rounds: int, *, quick: bool) -> Mapping[str, Callable[[], Report]]:
    """What is measured, in this order."""
    if quick:
        return {
            "library speed": lambda: library_speed.run(LibraryOptions(rounds=1, files=8)),
            "decode speed": lambda: decode_speed.run(1, 20),
            "SQLite engine": lambda: store_depth.run(100, 10_000, 2, 100),
            "SQLite file": lambda: file_size.run(1_000, 50),
            "start and idle": lambda: start_and_idle.run(2, 2.0),
            "queue latency": lambda: queue_latency.run(5),
            "queue latency, Redis": lambda: queue_latency.run(5, redis=True),
            "queues": lambda: queue_rivals.run(queue_rivals.Options(1, 500, 200, 3)),
            "Redis engine": lambda: claim_depth.run((100, 1_000, 5_000), 2, 30),
            "long queue": lambda: long_queue.run(1_000, 2_000, 600, 50),
            "long queue, Redis": lambda: long_queue.run(1_000, 2_000, 600, 50, redis=True),
            "many watchers": lambda: many_watchers.run(50, 2.0),
            "many watchers, Redis": lambda: many_watchers.run(50, 2.0, redis=True),
            "page": lambda: page.run(1_000, 1, 5.0),
            "bandwidth limit": lambda: throttle.run(2.0),
            "memory of a long album": lambda: album_memory.run(200),
        }
    return {
        "library speed": lambda: library_speed.run(LibraryOptions(rounds=rounds)),
        "decode speed": decode_speed.run,
        "SQLite engine": store_depth.run,
        "SQLite file": file_size.run,
        "start and idle": lambda: start_and_idle.run(10, 30.0),
        "queue latency": lambda: queue_latency.run(50),
        "queue latency, Redis": lambda: queue_latency.run(50, redis=True),
        "queues": lambda: queue_rivals.run(queue_rivals.Options()),
        "Redis engine": claim_depth.run,
        "long queue": long_queue.run,
        "long queue, Redis": lambda: long_queue.run(redis=True),
        "many watchers": many_watchers.run,
        "many watchers, Redis": lambda: many_watchers.run(redis=True),
        "page": page.run,
        "bandwidth limit": throttle.run,
        "memory of a long album": album_memory.run,
    }


def as_markdown(day: str, commit: str, described: Mapping[str, str], reports: Mapping[str, Report]) -> str:
    """The page that is kept."""
    figures = [figure for report in reports.values() for figure in report.figures]
    parts = [
        f"# Measured on {day} at {commit}",
        "What each number means, and what it does not, stands in [the README](../README.md).",
        "## The machine",
        "\n".join(f"* {name}: {what}" for name, what in described.items()),
        summary("Goals", figures).markdown(),
        *(table.markdown() for report in reports.values() for table in report.tables),
    ]
    return "\n\n".join(parts) + "\n"


def _commit() -> tuple[str, str]:
    """The short commit, and the same with a word if the files are not those of the commit."""
    short = _git("rev-parse", "--short", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--", ":/src", ":/uv.lock", ":(top,glob)benchmarks/*.py")
    return short, f"{short} with uncommitted changes" if changed else short


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(HERE), *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of the library speed")
    parser.add_argument("--quick", action="store_true", help="see that everything runs; nothing is kept")
    parser.add_argument("--keep", type=Path, default=HERE / "results", help="folder for the results")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these alone, by their names here")
    options = parser.parse_args()
    chosen = plan(options.rounds, quick=options.quick)
    if options.only:
        unknown = [name for name in options.only if name not in chosen]
        if unknown:
            parser.error(f"there is no {', '.join(unknown)}; there are: {', '.join(chosen)}")
        chosen = {name: measure for name, measure in chosen.items() if name in options.only}
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as folder:
        described = machine.describe(Path(folder))
    reports: dict[str, Report] = {}
    for name, measure in chosen.items():
        print(f"measuring: {name} ...", file=sys.stderr, flush=True)
        reports[name] = measure()
        print("\n\n".join(table.text() for table in reports[name].tables), end="\n\n" * bool(reports[name].tables))
        if not options.quick:
            kept = _keep(options.keep, described, reports)  # now, so that a run which is ended keeps what it measured
    print(summary("Goals", [figure for report in reports.values() for figure in report.figures]).text())
    if not options.quick:
        print(f"\nkept as {kept.name} and .json", file=sys.stderr)


def _keep(folder: Path, described: Mapping[str, str], reports: Mapping[str, Report]) -> Path:
    """Write the page and the rounds of what was measured so far; the page."""
    day = datetime.now(UTC).date().isoformat()
    short, commit = _commit()
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{day}-{short}.md"
    kept.write_text(as_markdown(day, commit, described, reports), "utf-8")
    raw = {"day": day, "commit": commit, "machine": described, **{name: one.raw for name, one in reports.items()}}
    kept.with_suffix(".json").write_text(json.dumps(raw, indent=1) + "\n", "utf-8")
    return kept


if __name__ == "__main__":
    main()
