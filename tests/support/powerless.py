"""Powerless: a process that permissions hold for, also where the tests run as root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.programs import find


def powerless(program: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the Python *program* in *folder*, without any capability."""
    without = [find("setpriv"), "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*without, sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **environment},
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
