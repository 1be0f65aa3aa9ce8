"""The house rules: rooms import one way, settings and printing have one place each, files stay readable, importing is light."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "hybrid"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOM_FILES = [path for path in FILES if path.parent != PACKAGE]
# A room imports itself and those before it.
ROOMS = (
    "core", "ir", "ops", "frontend", "transforms", "control", "passes", "loops", "codegen", "runtime", "staging",
    "nn", "optim", "data", "train", "export", "serve", "distribute",
)  # fmt: skip
# The compiler sees kinds of primitives and loops, never single operations or the user's vocabulary.
FORBIDDEN = {room: {"ops", "frontend"} for room in ("loops", "codegen", "runtime")}
READS_ENVIRONMENT = {"core/config.py"}
PRINTS = {"__main__.py", "staging/report.py"}
MAX_LINES = 600
LATE = ("numba", "scipy", "llvmlite")  # loaded when something compiles, so that importing hybrid stays cheap


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module an import statement names anywhere in the file, function bodies and `if TYPE_CHECKING` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: relative import"
            module = node.module or ""
            # `from hybrid import core` names the room by its alias.
            yield from ((node.lineno, f"{module}.{alias.name}" if module == "hybrid" else module) for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("path", ROOM_FILES, ids=name_of)
def test_rooms_import_one_way(path):
    room = path.relative_to(PACKAGE).parts[0]
    assert room in ROOMS, f"{room} has no place in the order of rooms"
    allowed = set(ROOMS[: ROOMS.index(room) + 1]) - FORBIDDEN.get(room, set())
    for line, module in imported(parse(path)):
        head, _, rest = module.partition(".")
        if head == "hybrid":
            target = rest.partition(".")[0]
            assert target in allowed, f"{path}:{line}: {room} imports {module}; it may import {', '.join(sorted(allowed))}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_settings_and_printing_have_one_place(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr in ("environ", "environb", "getenv", "putenv"):
                assert name_of(path) in READS_ENVIRONMENT, f"{path}:{node.lineno}: settings are read in core/config.py"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert name_of(path) in PRINTS, f"{path}:{node.lineno}: printing belongs to {', '.join(sorted(PRINTS))}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_readable(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(parse(path)), f"{path} does not say what it is for"
    assert text.count("\n") <= MAX_LINES, f"{path} has more than {MAX_LINES} lines"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text), f"{path} leaves something unfinished"


def test_importing_is_light():
    """Neither Numba nor SciPy nor LLVM is loaded before something compiles."""
    code = f"import json, sys, hybrid; print(json.dumps([m for m in sys.modules if m.partition('.')[0] in {LATE!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert json.loads(done.stdout) == []


def test_the_root_package_only_exports():
    """`hybrid/__init__.py` imports and lists names; its one function imports what is imported when it is asked for."""
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    tree = parse(PACKAGE / "__init__.py")
    rest = [ast.unparse(node).splitlines()[0] for node in tree.body if not isinstance(node, kinds)]
    assert rest == ["if TYPE_CHECKING:", "def __getattr__(name: str) -> object:"]
