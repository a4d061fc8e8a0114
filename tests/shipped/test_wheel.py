"""The wheel and the source archive: whole, made of each other, and at work without the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from tests.shipped.conftest import constraints, contents, uv, wheel
from tests.support.pages import ROOT
from tests.support.quick import quick_folder

SOURCE = ROOT / "src"
VERSIONS = ("3.11", "3.12", "3.13")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
LINK = re.compile(r"""(?:src|href)="([^"]+)"|(?:from|import) ?\(?["'](\.{1,2}/[^"']+)["']""")


def interpreters() -> list[str]:
    """Each of `VERSIONS` that is on this machine, the running one at least; where CI runs, all of them have to be."""
    listed = json.loads(uv("python", "list", "--only-installed", "--no-python-downloads", "--output-format", "json"))
    found = {".".join(one["version"].split(".")[:2]) for one in listed if one["implementation"] == "cpython"}
    found.add(f"{sys.version_info.major}.{sys.version_info.minor}")
    return [version for version in VERSIONS if version in found or "CI" in os.environ]


def test_everything_of_the_package_is_in_the_wheel(built: Path) -> None:
    """The page, SQL, Lua and py.typed, as they are in the checkout, with the licence; nothing else."""
    found = contents(wheel(built))
    source = {
        str(path.relative_to(SOURCE)): path.read_bytes()
        for path in (SOURCE / "tonearm").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name: content for name, content in found.items() if ".dist-info/" not in name and ".data/" not in name}
    beside = {name.partition(".data/")[2] for name in found if ".data/" in name}
    about = {name.partition(".dist-info/")[2] for name in found if ".dist-info/" in name}

    assert {Path(name).suffix for name in packed} >= {".py", ".sql", ".lua", ".html", ".js", ".css", ".typed"}
    assert packed == source
    assert beside == {"data/share/man/man1/tonearm.1"}
    assert about == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE"}


def test_the_source_archive_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    """Whoever builds from the archive gets what the checkout gives, byte for byte."""
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path)

    assert contents(wheel(built)) == contents(wheel(tmp_path))


@pytest.fixture(params=interpreters())
def installed(request: pytest.FixtureRequest, built: Path) -> Iterator[Path]:
    """The bin of an empty environment into which pip installed the wheel."""
    with quick_folder(megabytes=500) as environment:  # a disk that is busy with it would hold up the tests beside
        uv("venv", "--quiet", "--seed", "--clear", "--python", request.param, environment)
        python = environment / "bin" / "python"
        pip = (python, "-m", "pip", "install", "--quiet", "--constraint", constraints(built), wheel(built))
        done = subprocess.run(pip, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        yield python.parent


def fetched(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
        assert answer.status == 200
        text: str = answer.read().decode("utf-8", "replace")
        return text


def music(document: dict[str, Any]) -> list[str]:
    """The tracks among what the demo says of its library."""
    assert document["event"] == "library"
    return [name for name in document["files"] if name.endswith((".flac", ".mp3"))]


def test_the_wheel_alone_runs_the_demo_and_serves_the_page(installed: Path, tmp_path: Path) -> None:
    """In an empty folder, on a path that leads to no checkout: music arrives, and each file of the page answers."""
    here = tmp_path / "empty"
    here.mkdir()
    environment = {"PATH": os.defpath, "HOME": str(here), "PYTHONPATH": ""}
    once = (installed / "tonearm", "demo", "--once", "--json")
    done = subprocess.run(once, cwd=here, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert len(music(json.loads(done.stdout.splitlines()[-1]))) == 7
    with subprocess.Popen(
        [installed / "tonearm", "demo", "--json"], cwd=here, env=environment, stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            begin = json.loads(demo.stdout.readline())
            for line in demo.stdout:
                if (document := json.loads(line))["event"] == "library":
                    break
            asked, waiting = set[str](), [begin["server"] + "/"]
            while waiting:
                asked.add(url := waiting.pop())
                links = {urljoin(url, one or other) for one, other in LINK.findall(COMMENT.sub("", fetched(url)))}
                waiting += [link for link in links if link.startswith(begin["server"]) and link not in asked]
        finally:
            demo.terminate()

    assert len(music(document)) == 7
    assert any(url.endswith("/server-queue.js") for url in asked)
    assert list(here.iterdir()) == []
