"""Runs a function with control flow as plain Python and decorated, call after call, and says where the two differ."""

from __future__ import annotations

import ast
import itertools
import linecache
import math
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hybrid.core.config import config
from hybrid.frontend.tensor import Tensor
from hybrid.staging.function import FallbackWarning, function
from tests.fuzz.checks import quiet
from tests.fuzz.structured import Structured, values

RELATIVE = 1e-7  # sums run in another order, and differences magnify that
NARROW = 1e4  # times as much where float32 or float16 takes part
PATIENCE = 20.0  # seconds for shrinking one program
# Reasons for plain Python that are never a program's fault.
INTERNAL = ("please report", "used before it is defined", "the size", "symbolic", "AttributeError", "KeyError",
            "StopIteration", "NotImplementedError", "RecursionError")  # fmt: skip
_numbers = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """What a call gives or raises, its arguments afterwards, which arrays are one or share memory, and why Python ran it."""

    result: Any
    arguments: list
    aliases: list[tuple]
    reasons: list[str]


def compiled_source(source: str) -> Callable:
    """The function of a text, whose lines conversion and tracebacks can find."""
    name = f"<structured {next(_numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    env: dict[str, Any] = {"np": np, "math": math}
    exec(compile(source, name, "exec"), env)
    return env["program"]


def outcome(f: Callable, program: Structured, call: int) -> Outcome:
    arguments = values(program, call)
    with quiet(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", FallbackWarning)
        try:
            result = f(*arguments)
        except Exception as error:
            result = error
    reasons = [str(w.message) for w in said if w.category is FallbackWarning]
    return Outcome(result, arguments, list(aliases(result, arguments)), reasons)


def parts(result: Any) -> Iterator[Any]:
    if type(result) in (tuple, list):
        for item in result:
            yield from parts(item)
    else:
        yield result


def aliases(result: Any, arguments: list) -> Iterator[tuple]:
    arrays = [part for part in (*parts(result), *arguments) if isinstance(part, np.ndarray)]
    for (j, a), (k, b) in itertools.combinations(enumerate(arrays), 2):
        if a is b:
            yield j, k, "same"
        elif np.shares_memory(a, b) and a.size and b.size:
            yield j, k, "shared"


def difference(got: Any, want: Any, few: float) -> str:
    """In words; empty if there is none."""
    words = f"{got!r} decorated, {want!r} plain"
    if isinstance(got, Tensor):
        got = got.numpy()
    if type(got) is not type(want):
        return f"{type(got).__name__} {words}"
    if isinstance(want, Exception):
        return "" if str(got) == str(want) else words
    if isinstance(want, (tuple, list)):
        if len(got) != len(want):
            return f"{len(got)} items decorated, {len(want)} plain"
        return next(filter(None, (difference(g, w, few) for g, w in zip(got, want))), "")
    if isinstance(want, (np.ndarray, np.generic)):
        if got.dtype != want.dtype or got.shape != want.shape:
            return f"{got.dtype}{got.shape} decorated, {want.dtype}{want.shape} plain"
        return "" if close(np.asarray(got), np.asarray(want), few) else words
    same = close(np.asarray(got), np.asarray(want), few) if isinstance(want, float) else got == want
    return "" if same else words


def close(got: np.ndarray, want: np.ndarray, few: float) -> bool:
    if want.dtype.kind != "f":
        return np.array_equal(got, want)
    most = np.max(np.abs(want[np.isfinite(want)]), initial=0.0).astype("f8")
    with np.errstate(all="ignore"):
        return np.allclose(got.astype("f8"), want.astype("f8"), rtol=few, atol=few * most, equal_nan=True)


def failure(program: Structured, backend: str = "llvm") -> tuple[str, list[str]]:
    """Where a decorated function is not what it is undecorated, empty if nowhere; and why calls ran as plain Python."""
    plain = compiled_source(program.source)
    decorated = function(compiled_source(program.source), backend=backend)
    few = RELATIVE * (NARROW if re.search("float(16|32)", program.source + str(program.calls)) else 1)
    reasons: list[str] = []
    with config.override(verify=True):
        for call in (*range(len(program.calls)), 0):
            want, got = outcome(plain, program, call), outcome(decorated, program, call)
            reasons += got.reasons
            for what, a, b in (("result", got.result, want.result), ("arguments", got.arguments, want.arguments)):
                problem = difference(a, b, few)
                if problem:
                    return f"call {call}, {what}: {problem}", reasons
            fault = next((r for r in got.reasons if any(word in r for word in INTERNAL)), None)
            if fault:
                return f"call {call}, reason: {fault}", reasons
            if want.aliases != got.aliases:
                return f"call {call}, aliases: {got.aliases} decorated, {want.aliases} plain", reasons
    return "", reasons


def kind(problem: str) -> tuple:
    """What a failure has in common with others of its kind, and keeps as it is shrunk."""
    where, _, what = problem.partition(": ")
    internal = next((word for word in INTERNAL if word in what), "") if where.endswith("reason") else ""
    return where.partition(", ")[2], "Error(" in what, internal


# shrinking ------------------------------------------------------------------------------------------------------------
def shrink(program: Structured, backend: str) -> Structured:
    """The program without what its failure does not need."""
    end, about = time.monotonic() + PATIENCE, kind(failure(program, backend)[0])

    def still(candidate: Structured) -> bool:
        try:
            problem = failure(candidate, backend)[0]
        except Exception:
            return False
        return bool(problem) and kind(problem) == about

    program = next((p for p in (replace(program, calls=(call,)) for call in program.calls) if still(p)), program)
    progress = True
    while progress:
        progress = False
        for source in smaller(program.source):
            if time.monotonic() > end:
                return program
            candidate = replace(program, source=source)
            if valid(source) and still(candidate):
                program, progress = candidate, True
                break
    return program


def valid(source: str) -> bool:
    """Whether a text compiles, and every `while` in it still counts down what it tests."""
    try:
        compile(source, "candidate", "exec")
    except SyntaxError:
        return False
    for loop in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.While)):
        first = loop.body[0]
        counted = ast.unparse(first.target) if isinstance(first, ast.AugAssign) and isinstance(first.op, ast.Sub) else ""
        if not counted or not ast.unparse(loop.test).startswith(f"{counted} > 0"):
            return False
    return True


def smaller(source: str) -> Iterator[str]:
    """Texts with a statement left out or replaced by its body, then with an expression replaced by a part of it."""
    tree = ast.parse(source)
    for node in [n for n in ast.walk(tree) if not isinstance(n, ast.Module)]:
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            for k, statement in enumerate(block if isinstance(block, list) else ()):
                for new in ([], getattr(statement, "body", []), getattr(statement, "orelse", [])):
                    if new or not isinstance(statement, ast.Pass):
                        setattr(node, field, block[:k] + new + block[k + 1 :] or [ast.Pass()] * (field == "body"))
                        yield ast.unparse(tree)
            if isinstance(block, list):
                setattr(node, field, block)
    for node in list(ast.walk(tree)):
        for name, old in ast.iter_fields(node):
            if isinstance(old, list):
                for k, child in enumerate(old):
                    for part in _parts(child):
                        old[k] = part
                        yield ast.unparse(tree)
                    old[k] = child
            else:
                for part in _parts(old):
                    setattr(node, name, part)
                    yield ast.unparse(tree)
                setattr(node, name, old)


def _parts(node: Any) -> list[ast.expr]:
    if not isinstance(node, ast.expr) or isinstance(node, (ast.Constant, ast.Name)):
        return []
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return []
    inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return [*inner, *map(ast.Constant, (1, 0.5, True))]


def report(program: Structured, backend: str) -> str:
    """A shrunk program and what goes wrong with it."""
    small = shrink(program, backend)
    calls = "\n".join("# " + ", ".join(f"{name} = {text}" for name, text in call) for call in small.calls)
    return f"{failure(small, backend)[0]}\nbackend {backend}, seed {program.seed}\n\n{small.source}\n{calls}"
