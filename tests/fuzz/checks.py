"""Runs a program eagerly, precisely and compiled, and says where they differ.

How far apart correct executions may be is measured, not guessed: the program runs once with every inexact statement
computed in wider floats and rounded once, and some times more with those statements shaken by a few units in the last
place. Compiled results must lie where the shaken ones lie; where no inexact statement feeds a result, its bits must agree.
"""

from __future__ import annotations

import ast
import linecache
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hybrid.core.config import config
from hybrid.staging.function import FallbackWarning, function
from tests.fuzz.programs import Program, Statement
from tests.tools import same_elements, ulp

SHAKES = (1, -1, 0, 0, 0, 0)  # directions of the runs: all up, all down, and at random, so that no edge goes unseen
UNITS = {"float16": 1.5, "float32": 6.0, "float64": 6.0}  # how hard inexact statements are shaken
ROOM = 4.0  # results may lie this many times farther out than the shaken ones
ZERO_SIGN_OPEN = ("m", "sum", "prod", "clip", "ptp", "sort", "dot", "outer", "var", "std", "nan_to", "@")


@dataclass(frozen=True)
class Noise:
    """Shakes up (`sign` 1), down (-1) or either way (0)."""

    random: np.random.Generator
    sign: int


class Difference(AssertionError):
    """What differs, with the program."""


def compiled_source(program: Program) -> Callable:
    """The program as a function whose lines tracebacks and reports can show."""
    name = f"<fuzz {program.seed}>"
    linecache.cache[name] = (len(program.source), None, program.source.splitlines(True), name)
    env: dict[str, Any] = {"np": np}
    exec(compile(program.source, name, "exec"), env)
    return env["program"]


# eager, precise and shaken --------------------------------------------------------------------------------------------
def eager(program: Program) -> tuple[tuple, list]:
    """Results, and the arguments as they were left."""
    arguments = program.values()
    with quiet():
        return compiled_source(program)(*arguments), arguments


@contextmanager
def quiet() -> Iterator[None]:
    """Without NumPy's warnings about NaN, overflow and empty means."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def precise(program: Program, noise: Noise | None = None) -> tuple[tuple, list]:
    """As `eager`, with inexact statements in wider floats; `noise` shakes them."""
    arguments = program.values()
    env: dict[str, Any] = {"np": np, **{name: value for (name, _), value in zip(program.arguments, arguments, strict=True)}}
    with quiet():
        for statement in program.statements:
            if statement.kind == "exact":
                exec(statement.text, env)
            else:
                _inexact(statement, env, noise)
    return tuple(env[name] for name in program.results), arguments


def _inexact(statement: Statement, env: dict[str, Any], noise: Noise | None) -> None:
    plain = eval(statement.expression, env)
    if plain.dtype.kind != "f":
        exec(statement.text, env)
        return
    wide = np.longdouble if plain.dtype == np.float64 else np.float64
    shaken = dict(env)
    for node in ast.walk(ast.parse(statement.expression)):
        value = env.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(value, (np.ndarray, np.generic)):
            shaken[node.id] = value.astype(wide)
            if noise is not None and statement.kind == "summed" and value.dtype.kind == "f":
                shaken[node.id] = shake(shaken[node.id], plain.dtype, noise)
    result = np.asarray(eval(statement.expression, shaken)).astype(wide)
    if noise is not None:
        result = shake(result, plain.dtype, noise)
    result = result.astype(plain.dtype)
    if statement.place:
        env[statement.target][...] = result
    else:
        env[statement.target] = result if isinstance(plain, np.ndarray) else result[()]


def shake(values: np.ndarray, dtype: np.dtype, noise: Noise) -> np.ndarray:
    """Every value moved by half to all of UNITS in the last place, up or down."""
    size = noise.random.uniform(0.5, 1, values.shape) * (noise.sign or noise.random.choice([-1, 1], values.shape))
    return np.asarray(values + UNITS[dtype.name] * ulp(values, dtype) * size)


# comparing ------------------------------------------------------------------------------------------------------------
def check(program: Program, backend: str = "llvm", calls: int = 2) -> None:
    """Compile the program and compare `calls` calls of it with eager execution; raises `Difference`."""
    want, left = eager(program)
    truth = precise(program)
    others = [precise(program, Noise(np.random.default_rng(k), sign)) for k, sign in enumerate(SHAKES)]
    with quiet(), config.override(verify=True):
        warnings.simplefilter("error", FallbackWarning)
        compiled = function(compiled_source(program), strict=True, backend=backend)
        for call in range(calls):
            arguments = program.values()
            got = compiled(*arguments)
            if type(got) is not tuple or len(got) != len(want):
                raise Difference(f"{type(got)} is returned, not a tuple of {len(want)}")
            named = [*zip(program.results, got, want, truth[0], *(o[0] for o in others), strict=True)]
            named += zip([n for n, _ in program.arguments], arguments, left, truth[1], *(o[1] for o in others), strict=True)
            rounded = any(s.kind != "exact" for s in program.statements)
            open_zero = any(word in s.text for s in program.statements for word in ZERO_SIGN_OPEN)
            for name, *values in named:
                problem = difference(*values, rounded=rounded, open_zero=open_zero)
                if problem:
                    raise Difference(f"call {call + 1}, {name}: {problem}")


def difference(got: Any, plain: Any, exact: Any, *shaken: Any, rounded: bool, open_zero: bool) -> str:
    """Where a compiled value is not as it should be, in words; empty if it is.

    Args:
        rounded: some statement is inexact.
        open_zero: some statement leaves the sign of a zero open.
    """
    if type(got) is not type(plain):
        return f"{type(got).__name__} compiled, {type(plain).__name__} eager"
    if not isinstance(plain, (np.ndarray, np.generic)):
        return "" if got == plain else f"{got} compiled, {plain} eager"
    if (got.dtype, got.shape) != (plain.dtype, plain.shape):
        return f"{got.dtype}{list(got.shape)} compiled, {plain.dtype}{list(plain.shape)} eager"
    got, exact = np.asarray(got), np.asarray(exact)
    if plain.dtype.kind in "bi" or plain.dtype.kind == "u":
        steady = np.logical_and.reduce([np.asarray(s) == exact for s in shaken])
        bad = steady & (got != exact)
        if steady.all():
            bad |= got != plain
    else:
        bad = _floats_differ(got, exact, [np.asarray(s) for s in shaken], rounded)
        if not open_zero and not bad.any():
            bad = (got == 0) & (exact == 0) & (np.signbit(got) != np.signbit(np.asarray(plain))) & (np.asarray(plain) == 0)
    bad &= ~same_elements(got, np.asarray(plain))  # eager's own bits are always right
    if not bad.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    spread = [np.asarray(s)[at] for s in shaken]
    return f"{got[at]!r} compiled, {exact[at]!r} eager at {at} ({bad.sum()} of {bad.size} differ; shaken: {spread})"


def _floats_differ(got: np.ndarray, exact: np.ndarray, shaken: list[np.ndarray], rounded: bool) -> np.ndarray:
    wide = np.longdouble if got.dtype == np.float64 else np.float64
    with np.errstate(all="ignore"):
        same = [same_elements(s, exact) for s in shaken]
        finite = np.logical_and.reduce([np.isfinite(s) for s in (exact, *shaken)])
        spread = np.max([np.where(finite, np.abs(s.astype(wide) - exact.astype(wide)), 0) for s in shaken], axis=0, initial=0)
        moved = finite & (spread > 0)
        if moved.any():
            # One element's shakes may cancel; no element is held to less than its fellows' typical motion.
            relative = np.median(spread[moved] / np.maximum(np.abs(exact[moved].astype(wide)), float(np.finfo(got.dtype).tiny)))
            spread = np.where(moved, np.maximum(spread, relative * np.abs(exact.astype(wide))), spread)
        # Two units more: small motions may vanish in the rounding of a later sum.
        room = ROOM * spread + (2 * ulp(exact.astype(wide), got.dtype) if rounded else 0)
        far = np.abs(got.astype(wide) - exact.astype(wide)) > room
        far |= ~np.isfinite(got)
        steady = np.logical_and.reduce(same)
        return np.where(finite, far, steady & ~same_elements(got, exact))


# shrinking ------------------------------------------------------------------------------------------------------------
def failure(program: Program, backend: str) -> str:
    """What goes wrong with a program that eager NumPy runs; empty if nothing does."""
    try:
        check(program, backend)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def runs(program: Program) -> bool:
    try:
        eager(program)
        precise(program)
    except Exception:
        return False
    return True


def shrink(program: Program, backend: str) -> Program:
    """The program without what the failure does not need."""
    kind = failure(program, backend).partition(":")[0]

    def still(candidate: Program) -> bool:
        return runs(candidate) and failure(candidate, backend).partition(":")[0] == kind

    progress = True
    while progress:
        progress = False
        for result in program.results if len(program.results) > 1 else ():
            candidate = replace(program, results=tuple(r for r in program.results if r != result))
            if still(candidate):
                program, progress = candidate, True
                break
        for k in reversed(range(len(program.statements))):
            candidate = program.without(k)
            if still(candidate):
                program, progress = candidate, True
        for k in reversed(range(len(program.arguments))):
            candidate = program.without_argument(k)
            if candidate.arguments and still(candidate):
                program, progress = candidate, True
        # An earlier value instead of the last: the failure may have begun there.
        order = [s.target for s in program.statements if s.target]
        for name in order[: order.index(program.results[-1])] if program.results[-1] in order else ():
            candidate = replace(program, results=(name,))
            if still(candidate):
                program, progress = candidate, True
                break
    return program


def report(program: Program, backend: str) -> str:
    """A shrunk program and what goes wrong with it."""
    small = shrink(program, backend)
    return f"{failure(small, backend)}\nbackend {backend}\n\n{small.script}"
