"""Types that are decoded are described when their module is imported, before there are threads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src" / "tonearm"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "msgspec" in path.read_text("utf-8"))
CONVERTS = {SOURCE / "catalog" / "wire.py": "msgspec.convert"}
"""The one module that converts, and describes its types by decoders that nobody calls."""


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Every call below *tree*, by the dotted name of what is called."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_type_is_described_at_its_first_use(module: Path) -> None:
    """A first use in two threads at once crashed the server inside msgspec."""
    tree = ast.parse(module.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {name for function in functions for name, _ in calls(function) if name.endswith(".Decoder")}
    typed = {name for name, call in calls(tree) if name.endswith("json.decode") and (call.args[1:] or call.keywords)}
    converting = {name for name, _ in calls(tree) if name.endswith(".convert")}

    assert late | typed == set()
    assert converting <= {CONVERTS.get(module, "")}


POISONED = """
import msgspec
from tonearm.catalog import wire

class Late(msgspec.Struct):
    id: int

def lost_its_annotations(shape, answer):
    shape.__annotations__ = {"id": "NoSuchName"}
    try:
        msgspec.convert(answer, shape, dec_hook=lambda kind, value: value)
    except NameError:
        return "described at its first use"
    except msgspec.ValidationError:
        return "described before"

print(*map(lost_its_annotations, (Late, wire._Track, wire._Album), ({}, {}, {})), sep=", ")
"""


def test_a_decoder_leaves_its_description_where_convert_finds_it() -> None:
    """What `catalog.wire` relies on, seen by taking away what a description is made of."""
    found = subprocess.run([sys.executable, "-c", POISONED], check=True, capture_output=True, text=True)

    assert found.stdout.strip() == "described at its first use, described before, described before"
