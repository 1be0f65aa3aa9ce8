"""Tables as Markdown, and docs/benchmarks.md: one section per question, only those that ran are replaced."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
from pathlib import Path

from bench.measure import Row, Table, processors

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
INTRODUCTION = """\
# Benchmarks

Written by `python -m bench` (or `make bench`), never by hand. Every engine runs in a process of its own, its result is
asserted equal to NumPy's in float64 before anything is timed, and the rounds visit the engines in turn. Times are medians
with quartiles; *against the best* divides by the fastest row; *first call* holds tracing and compiling. Rows that lose stay,
and engines that fail or give wrong results are listed with the reason.
"""


def section(name: str, tables: list[Table]) -> str:
    """The Markdown of one question: its docstring, its tables, the machine and the versions."""
    title, _, text = (importlib.import_module(f"bench.{name}").__doc__ or name).strip().partition("\n")
    parts = [f"## {name}: {title.rstrip('.')}", text.strip(), *map(markdown, tables), f"*{machine()}*"]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown(table: Table) -> str:
    """A table, fastest first, and a line for each engine that failed."""
    rows = sorted((row for row in table.rows if row.seconds), key=lambda row: row.median)
    failures = [f"- {_name(row)} failed: {row.failure}" for row in table.rows if row.failure]
    return "\n\n".join([f"### {table.title}", *([_grid(rows)] if rows else []), *(["\n".join(failures)] if failures else [])])


def _grid(rows: list[Row]) -> str:
    best, first = rows[0].median, rows[0].first is not None
    head = ["engine", "median", "quartiles", "against the best", *(["first call"] if first else [])]
    body = [_cells(row, best) for row in rows]
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in (head, rule, *body))


def _cells(row: Row, best: float) -> list[str]:
    low, high = map(duration, row.quartiles)
    cells = [_name(row), duration(row.median), f"{low} – {high}", f"{row.median / best:.2f}"]
    return cells if row.first is None else [*cells, duration(row.first)]


def _name(row: Row) -> str:
    return f"**{row.engine}**" if row.engine == "hybrid" else row.engine


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}" if seconds < 1000 * scale else f"{seconds / scale:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def machine() -> str:
    versions = [f"{name} {_version(name)}" for name in ("numpy", "scipy", "numba", "llvmlite", "jax", "torch", "numexpr")]
    return f"{_processor()}, {processors()} processors; Python {platform.python_version()}, {', '.join(versions)}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def write(sections: dict[str, str], order: list[str], page: Path = PAGE) -> None:
    """Replace these sections of the page and keep the others, in the order given."""
    kept = {}
    if page.exists():
        for part in re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)[1:]:
            kept[part[3:].partition(":")[0]] = part.rstrip() + "\n"
    kept.update(sections)
    page.write_text("\n".join([INTRODUCTION, *(kept[name] for name in order if name in kept)]))
