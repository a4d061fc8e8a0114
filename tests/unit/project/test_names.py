"""The names that packages hand on, and what importing them costs."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import tonearm

PACKAGES = sorted(
    name for _, name, is_package in pkgutil.walk_packages(tonearm.__path__, f"{tonearm.__name__}.") if is_package
)
HEAVY = ("aiohttp", "apsw", "av", "fastapi", "mutagen", "uvicorn")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_hands_on_exactly_the_names_it_lists(package: str) -> None:
    """`__all__` is complete, and each of its names is there."""
    module = importlib.import_module(package)
    listed = getattr(module, "__all__", [])
    handed_on = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("tonearm.")
    }

    assert [name for name in listed if not hasattr(module, name)] == []
    assert len(set(listed)) == len(listed)
    assert handed_on <= set(listed)


@pytest.mark.parametrize(
    "module", ["tonearm.cli", "tonearm.client", "tonearm.model", "tonearm.policy", "tonearm.settings"]
)
def test_what_has_to_start_fast_loads_no_heavy_library(module: str) -> None:
    """The command line and the bottom rows leave servers, databases and file formats to those who need them."""
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()

    assert loaded == []
