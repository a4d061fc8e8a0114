"""`tonearm prune`: removes the records of finished jobs that are older than their retention, now."""

from __future__ import annotations

from tonearm.cli.reaching import do, settings_of_queue
from tonearm.cli.terminal import out
from tonearm.ops.hatch import Order


def prune(*, dry_run: bool) -> None:
    """Do it, or count what it would remove.

    Raises:
        SetupError: a setting, or the queue, is not as it has to be.
    """
    found = do(settings_of_queue(), Order("prune", dry_run=dry_run), lambda _: None)
    out.document({"success": True, "dryRun": dry_run, **found})
    told = ", ".join(f"{count:,} {end}" for end, count in found.items())
    out.line(f"{'Jobs that would be' if dry_run else 'Jobs'} removed: {told}")
