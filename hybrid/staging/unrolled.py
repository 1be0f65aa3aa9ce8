"""The rows of `f.explain()` for loops that tracing wrote out: in the user's words, how many rounds, and what they cost."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hybrid.control.unrolled import Site, Unrolled

_WIDEST = 60  # letters of a loop's head that are shown


def rows(loops: Iterable[Unrolled]) -> Iterator[str]:
    """One text for each loop; one that is met several times, as in a function that is called twice, is told once."""
    met: dict[Site, list[Unrolled]] = {}
    for loop in loops:
        met.setdefault(loop.site, []).append(loop)
    for site, same in met.items():
        if len(same) == 1 and same[0].part:
            continue  # the loop of a generator function is one of the graph
        rounds, operations = sum(loop.rounds for loop in same), sum(loop.operations for loop in same)
        often = f"{_plural(rounds, 'round')}{'' if len(same) == 1 else f' in {len(same)} goes'}"
        often = f"body made {rounds} times" if any(loop.part for loop in same) else often
        cost = _plural(operations, "operation") if operations else "nothing to compute"
        why = next((f"; written out since {loop.why}" for loop in same if loop.why), "")
        yield f"{Path(site.file).name}:{site.line}  {head(site)}: {often}, {cost}{why}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def head(site: Site) -> str:
    """The head of a loop as it stands in the source: `for k, v in d.items()`."""
    source = "".join(linecache.getlines(site.file))
    found = _heads(source).get((site.line, site.column), [])
    named = [parts for parts in found if isinstance(parts[0], ast.Name) and parts[0].id == site.variable]
    parts: tuple[ast.expr, ...] = next(iter(named or found), ())
    text = " ".join(" in ".join(ast.get_source_segment(source, part) or "" for part in parts).split())
    if not text:
        return "a loop"
    text = f"{'while' if len(parts) == 1 else 'for'} {text}"
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


@functools.lru_cache(maxsize=16)
def _heads(source: str) -> dict[tuple[int, int], list[tuple[ast.expr, ...]]]:
    """What stands in the heads of loops, by their lines; of comprehensions by where their items are."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found: dict[Any, list[tuple[ast.expr, ...]]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.For():
                found.setdefault((node.lineno, -1), []).append((node.target, node.iter))
            case ast.While():
                found.setdefault((node.lineno, -1), []).append((node.test,))
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item) | ast.DictComp(key=item):
                for part in node.generators:
                    found.setdefault((item.lineno, item.col_offset), []).append((part.target, part.iter))
    return found
