"""Runs a function with control flow as plain Python and decorated, call after call, and says where the two differ."""

from __future__ import annotations

import ast
import itertools
import linecache
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hybrid.core.config import config
from hybrid.frontend.tensor import Tensor
from hybrid.staging.function import FallbackWarning, function
from tests.fuzz.checks import quiet
from tests.fuzz.structured import Structured, values

RELATIVE = {2: 2e-2, 4: 1e-3, 8: 1e-7}  # by the bytes of a float: sums run in other orders, and differences magnify that
# Reasons for plain Python that no program gives.
INTERNAL = ("please report", "used before it is defined", "kernel k0: the size", "kernel k1: the size", "symbolic",
            "AttributeError", "KeyError", "StopIteration", "NotImplementedError", "RecursionError", "hybrid")  # fmt: skip
_numbers = itertools.count()


def compiled_source(source: str) -> Callable:
    """The function of a text, whose lines conversion and tracebacks can find."""
    name = f"<structured {next(_numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    env: dict[str, Any] = {"np": np, "math": math}
    exec(compile(source, name, "exec"), env)
    return env["program"]


def outcome(f: Callable, program: Structured, call: int) -> tuple[Any, list, list]:
    """What a call gives or raises, its arguments afterwards, and which results share memory with which arguments."""
    arguments = values(program, call)
    with quiet(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", FallbackWarning)
        try:
            result = f(*arguments)
        except Exception as error:
            result = error
    outcome.reasons = [str(w.message) for w in said if w.category is FallbackWarning]
    return result, arguments, list(aliases(result, arguments))


def parts(result: Any) -> Iterator[Any]:
    if type(result) in (tuple, list):
        for item in result:
            yield from parts(item)
    else:
        yield result


def aliases(result: Any, arguments: list) -> Iterator[tuple]:
    """Which arrays among results and arguments are one, or share memory."""
    arrays = [p for p in parts(result) if isinstance(p, np.ndarray)]
    for (j, a), (k, b) in itertools.combinations(enumerate([*arrays, *arguments[:3]]), 2):
        if a is b:
            yield j, k, "same"
        elif np.shares_memory(a, b) and a.size and b.size:
            yield j, k, "shared"


def difference(got: Any, want: Any, room: float = 1) -> str:
    """In words; empty if there is none."""
    if isinstance(want, Exception) or isinstance(got, Exception):
        if type(got) is not type(want) or str(got) != str(want):
            return f"{got!r} decorated, {want!r} plain"
        return ""
    if isinstance(got, Tensor):
        got = got.numpy()
    if type(got) is not type(want):
        return f"{type(got).__name__} {got!r} decorated, {type(want).__name__} {want!r} plain"
    if isinstance(want, (tuple, list)):
        if len(got) != len(want):
            return f"{len(got)} items decorated, {len(want)} plain"
        return next(filter(None, (difference(g, w, room) for g, w in zip(got, want))), "")
    if isinstance(want, (np.ndarray, np.generic)):
        if got.dtype != want.dtype or got.shape != want.shape:
            return f"{got.dtype}{got.shape} decorated, {want.dtype}{want.shape} plain"
        if want.dtype.kind not in "fc":
            same = np.array_equal(got, want)
        else:
            with np.errstate(all="ignore"):
                finite = np.abs(want[np.isfinite(want)]) if isinstance(want, np.ndarray) else np.abs(np.asarray(want))
                most = float(np.max(finite, initial=0.0)) if np.all(np.isfinite(finite)) else 0.0
                few = RELATIVE[want.dtype.itemsize] * room
                same = np.allclose(got.astype("f8"), want.astype("f8"), rtol=few, atol=few * most, equal_nan=True)
        return "" if same else f"{got!r} decorated, {want!r} plain"
    if isinstance(want, float):
        same = got == want or (got != got and want != want) or abs(got - want) <= 1e-7 * room * abs(want)
        return "" if same else f"{got!r} decorated, {want!r} plain"
    return "" if got == want else f"{got!r} decorated, {want!r} plain"


def failure(program: Structured, backend: str = "llvm") -> str:
    """Where a decorated function is not what it is undecorated; empty if nowhere."""
    plain = compiled_source(program.source)
    decorated = function(compiled_source(program.source), backend=backend)
    failure.reasons = []
    room = 1e4 if re.search("float(16|32)", program.source + str(program.calls)) else 1
    with config.override(verify=True):
        for call in (*range(len(program.calls)), 0):
            want, left, shared = outcome(plain, program, call)
            got, changed, given = outcome(decorated, program, call)
            failure.reasons += outcome.reasons
            if isinstance(want, RecursionError):
                return ""
            for what, a, b in (("result", got, want), ("arguments", changed, left)):
                problem = difference(a, b, room)
                if problem:
                    return f"call {call}, {what}: {problem}"
            reason = next((r for r in outcome.reasons if any(word in r for word in INTERNAL)), None)
            if reason:
                return f"call {call}, plain reason: {reason}"
            if shared != given:
                return f"call {call}, aliases: {given} decorated, {shared} plain"
    return ""


def kind(problem: str) -> str:
    """What one failure has in common with others of its kind."""
    import re

    return re.sub(r"-?\b\d[\d.e+-]*|array\(.*|\[.*|nan|inf|\s+", "·", problem.partition("call ")[2])[:50]


def sort(problem: str) -> tuple:
    """What shrinking keeps of a failure."""
    words = problem.partition(": ")
    internal = next((word for word in INTERNAL if word in words[2]), None) if "plain reason" in words[0] else None
    return bool(problem), words[0].partition(",")[2], "Error(" in words[2], internal


# shrinking ------------------------------------------------------------------------------------------------------------
def shrink(program: Structured, backend: str, seconds: float = 20) -> Structured:
    """The program without what its failure does not need."""
    import time

    end = time.monotonic() + seconds
    about = sort(failure(program, backend))

    def still(candidate: Structured) -> bool:
        try:
            problem = failure(candidate, backend)
        except Exception:
            return False
        return sort(problem) == about

    for calls in ((call,) for call in program.calls):
        if still(replace(program, calls=calls)):
            program = replace(program, calls=calls)
            break
    progress = True
    while progress and time.monotonic() < end:
        progress = False
        for source in smaller(program.source):
            if time.monotonic() > end:
                break
            try:
                compile(source, "x", "exec")
            except SyntaxError:
                continue
            if not ends(source):
                continue
            if still(replace(program, source=source)):
                program, progress = replace(program, source=source), True
                break
    return program


def ends(source: str) -> bool:
    """Whether every `while` still counts down what it tests."""
    for loop in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.While)):
        first = loop.body[0]
        counted = isinstance(first, ast.AugAssign) and isinstance(first.op, ast.Sub) and ast.unparse(first.target)
        if not counted or not ast.unparse(loop.test).startswith(f"{counted} > 0"):
            return False
    return True


def smaller(source: str) -> Iterator[str]:
    """Variants with a statement left out, replaced by its body, or an expression replaced by a part of it."""
    total = len(list(ast.walk(ast.parse(source))))
    for k in range(total):
        tree = ast.parse(source)
        node = list(ast.walk(tree))[k]
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if not isinstance(block, list) or isinstance(node, ast.Module):
                continue
            for j, stmt in enumerate(block):
                for new in ([], getattr(stmt, "body", None), getattr(stmt, "orelse", None)):
                    if new is None or not isinstance(new, list) or (new == [] and isinstance(stmt, ast.Pass)):
                        continue
                    changed = block[:j] + new + block[j + 1 :]
                    setattr(node, field, changed or ([ast.Pass()] if field == "body" else []))
                    yield ast.unparse(ast.fix_missing_locations(tree))
                    setattr(node, field, block)
    for k in range(total):
        tree = ast.parse(source)
        node = list(ast.walk(tree))[k]
        for name, old in ast.iter_fields(node):
            for at, child in enumerate(old) if isinstance(old, list) else [(None, old)]:
                if not isinstance(child, ast.expr) or isinstance(child, (ast.Constant, ast.Name)):
                    continue
                if isinstance(getattr(child, "ctx", None), ast.Store):
                    continue
                inner = [c for c in ast.iter_child_nodes(child) if isinstance(c, ast.expr)]
                for new in (*inner, ast.Constant(1), ast.Constant(0.5), ast.Constant(True)):
                    if isinstance(old, list):
                        old[at] = new
                    else:
                        setattr(node, name, new)
                    try:
                        text = ast.unparse(ast.fix_missing_locations(tree))
                    except Exception:
                        text = ""
                    if text:
                        yield text
                    if isinstance(old, list):
                        old[at] = child
                    else:
                        setattr(node, name, child)


def report(program: Structured, backend: str) -> str:
    small = shrink(program, backend)
    calls = "\n".join("# " + ", ".join(f"{n}={e}" for n, e in call) for call in small.calls)
    return f"seed {program.seed} backend {backend}\n{failure(small, backend)}\n{small.source}\n{calls}"
