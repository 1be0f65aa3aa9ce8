"""Calls that change something besides their results: numbers drawn from a NumPy generator, once for each run, in program order.

A token goes from each to the next: an operand and a result that hold nothing. So no two are equal, none can be moved before
another, and those that nobody reads are kept because of `effect`.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npyrandom
from hybrid.core.errors import AssumptionError, GraphError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, Kind, Primitive, Sample, register

TOKEN = TensorType(dt.int64, ())


@dataclass(frozen=True, slots=True)
class Operand:
    """The place of operand `index` in a call: a Python number, a NumPy scalar or an array, as undecorated code would pass."""

    index: int
    kind: str

    def of(self, operands: Sequence[Any]) -> Any:
        array = np.asarray(operands[self.index])
        return array.item() if self.kind == "python" else array[()] if self.kind == "scalar" else array

    def __repr__(self) -> str:
        return f"_{self.index}"


@dataclass(frozen=True, slots=True)
class Sized:
    """The place of a size that a call finds out: the `index`-th of those given with it."""

    index: int

    def __repr__(self) -> str:
        return f"size{self.index}"


@dataclass(frozen=True, slots=True)
class Argument:
    """A generator that each call brings: leaf `index` of its arguments."""

    index: int

    def __repr__(self) -> str:
        return f"arg{self.index}"


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A generator that each run makes for itself: it begins as this one."""

    start: Any
    spare: list[Any] = field(default_factory=list)  # those of runs that have ended

    def make(self) -> Any:
        kept = npyrandom.mark(self.start)
        if kept is None or not self.spare:
            return copy.deepcopy(self.start)
        made = self.spare.pop()
        kept.put_back(made)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Seeded(Made):
    """One that each run makes of a seed that only it knows, by this function."""

    function: Callable[[int], Any] = np.random.default_rng

    def make(self) -> Any:
        raise GraphError("numbers are drawn from a generator whose seed is not known yet")


class _State(threading.local):
    run: Run | None = None  # the one under way on this thread


_state = _State()


class Run:
    """A run of a program with these generators in the places of its arguments; entered, it gives the list of what is to be
    done when it has ended."""

    __slots__ = ("generators", "acts", "_before")

    def __init__(self, arguments: Mapping[int, Any]):
        self.generators: dict[Any, Any] = {**arguments}  # and those that it makes
        self.acts: list[Callable[[], Any]] = []

    def __enter__(self) -> list[Callable[[], Any]]:
        self._before, _state.run = _state.run, self
        return self.acts

    def __exit__(self, *error: Any) -> None:
        _state.run = self._before
        for source, generator in self.generators.items():
            if isinstance(source, Made):
                source.spare.append(generator)


def _generator(source: Any) -> Any:
    """The one that a draw names."""
    if not isinstance(source, (Argument, Made)):
        return source
    key = source.index if isinstance(source, Argument) else source
    known = _state.run.generators if _state.run is not None else {}
    if key not in known and _state.run is not None and isinstance(source, Made):
        known[key] = source.make()
    if key not in known:
        raise GraphError("numbers are drawn from a generator of a call, and no call is under way")
    return known[key]


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """`generator.method(*args, **kwargs)` with operands in places of arguments, at any depth of lists and dicts.

    Args:
        generator: NumPy's, or the argument that it is, or what a run makes for itself.
        of: its class.
        result: the class of what it gives.
        type: its dtype and shape; None where it gives None.
        fixed: whether every argument is known or a size that is never negative, so that the call that found the type
            shows that it does not fail.
    """

    generator: Any
    of: type
    method: str
    args: tuple
    kwargs: dict[str, Any]
    result: type
    type: TensorType | None
    fixed: bool

    @property
    def source(self) -> Any:
        """The generator at this moment."""
        return _generator(self.generator)

    def __call__(self, operands: Sequence[Any], sizes: Sequence[int] = ()) -> Any:
        generator = self.source
        args, kwargs = self.args, self.kwargs
        if not self.fixed or sizes:
            args, kwargs = filled(args, operands, sizes), filled(kwargs, operands, sizes)
        if self.method == "shuffle":
            args = (args[0].copy(), *args[1:])
            generator.shuffle(*args, **kwargs)
            return args[0]
        return drawn(generator, self.method, *args, **kwargs)

    def __repr__(self) -> str:
        given = (*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items()))
        return f"<{self.of.__name__}.{self.method}({', '.join(given)})>"


def drawn(generator: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """What a method gives. "interval" is none: an integer below another one, as shuffles draw it and `RandomState.randint`."""
    if method == "interval":
        return np.random.RandomState(bits_of(generator)).randint(*args)
    return getattr(generator, method)(*args, **kwargs)


def filled(form: Any, operands: Sequence[Any], sizes: Sequence[int] = ()) -> Any:
    """Arguments with the operands and sizes in their places."""
    if isinstance(form, Operand):
        return form.of(operands)
    if isinstance(form, Sized):
        return sizes[form.index]
    if type(form) in (list, tuple):
        return type(form)(filled(item, operands, sizes) for item in form)
    if type(form) is dict:
        return {name: filled(item, operands, sizes) for name, item in form.items()}
    return form


def _eval(token: Any, *operands: Any, call: Draw, sizes: tuple[int, ...] = (), shape: tuple[int, ...] | None = None) -> tuple:
    out = call(operands, sizes)
    after = np.asarray(token) + 1
    if call.type is None:
        return (after,)
    array = np.asarray(out)
    wanted = call.type.shape if shape is None else shape
    if type(out) is not call.result or array.dtype != call.type.dtype or array.shape != wanted:
        raise AssumptionError(f"{call.method}() gives what it gave while tracing", got=f"{type(out).__name__}: {array.dtype}",
                              expected=f"{call.result.__name__}: {call.type}")  # fmt: skip
    return after, np.ascontiguousarray(array) if array.ndim else array


def _infer(token: TensorType, *operands: TensorType, call: Draw, sizes: tuple = (), shape: tuple | None = None) -> tuple:
    return (TOKEN,) if call.type is None else (TOKEN, call.type)


def _samples(rng: np.random.Generator) -> list[Sample]:
    call = Draw(rng, type(rng), "uniform", (Operand(0, "ndarray"), Operand(0, "ndarray")), {}, np.ndarray,
                TensorType(dt.float64, (3,)), False)  # fmt: skip
    return [((np.asarray(0), rng.normal(size=3)), {"call": call})]  # between a number and itself: always the number


draw = register(Primitive(
    "draw", Kind.OPAQUE, _eval, _infer, NO_GRADIENT, _samples, reason="NumPy's generators are NumPy's", effect=True,
))  # fmt: skip


# bitgen, sample: in bodies, a distribution's C function draws one number -------------------------------------------------
def bits_of(generator: Any) -> Any:
    """The source of a generator's bits."""
    return generator.bit_generator if isinstance(generator, np.random.Generator) else generator._bit_generator


def _eval_bitgen(source: Any, gauss: bool) -> Any:
    generator = _generator(source)
    return np.asarray(npyrandom.gauss(generator) if gauss else npyrandom.bitgen(bits_of(generator)), np.int64)


def _eval_sample(token: Any, *operands: Any, call: Draw, function: str, given: int) -> tuple:
    return _eval(token, *operands[:given], call=call)


def _infer_sample(token: TensorType, *operands: TensorType, call: Draw, function: str, given: int) -> tuple:
    return _infer(token, *operands, call=call)


def _samples_of_one(rng: np.random.Generator) -> list[Sample]:
    call = Draw(rng, type(rng), "uniform", (Operand(0, "python"), Operand(0, "python")), {}, float, TensorType(dt.float64, ()),
                False)  # fmt: skip
    at, x = np.asarray(npyrandom.bitgen(bits_of(rng))), np.asarray(rng.normal())
    params = {"call": call, "function": "random_uniform", "given": 1}
    return [((np.asarray(0), x, at, x, np.zeros(())), params)]  # between a number and itself: always the number


# The address of a generator's `bitgen_t` in this run, as the number that it is; with `gauss`, of a RandomState's `aug_bitgen`.
# That is nothing to be kept beyond the run, in a file say, and so it counts as an effect.
bitgen = register(Primitive(
    "bitgen", Kind.OPAQUE, _eval_bitgen, lambda source, gauss: TOKEN, NO_GRADIENT,
    lambda rng: [((), {"source": rng, "gauss": False})], reason="NumPy's generators are NumPy's", effect=True,
))  # fmt: skip


# seeding: a generator made of a seed that only a run knows ------------------------------------------------------------------
def _eval_seeding(token: Any, seed: Any, source: Seeded) -> tuple:
    generator = source.function(int(seed))
    if _state.run is not None:
        _state.run.generators[source] = generator
    legacy = isinstance(generator, np.random.RandomState)
    addresses = npyrandom.bitgen(bits_of(generator)), npyrandom.gauss(generator) if legacy else 0
    return np.asarray(token) + 1, *(np.asarray(address, np.int64) for address in addresses)


# Gives what `bitgen` gives of the new generator, which lasts as long as the run.
seeding = register(Primitive(
    "seeding", Kind.OPAQUE, _eval_seeding, lambda token, seed, source: (TOKEN, TOKEN, TOKEN), NO_GRADIENT,
    lambda rng: [((np.asarray(0), np.asarray(3)), {"source": Seeded(rng)})], reason="NumPy's generators are NumPy's",
    effect=True,
))  # fmt: skip

# Operands: the token, the `given` ones of the call, then those of the C function: the address and the parameters.
sample = register(Primitive(
    "sample", Kind.OPAQUE, _eval_sample, _infer_sample, NO_GRADIENT, _samples_of_one, reason="NumPy's generators are NumPy's",
    native=lambda call, function, given: (function, 1 + given), effect=True,
))  # fmt: skip


# fill: an array of such numbers ------------------------------------------------------------------------------------------
def _eval_fill(token: Any, *operands: Any, call: Draw, function: str, given: int, sizes: tuple, shape: tuple) -> tuple:
    return _eval(token, *operands[:given], call=call, sizes=sizes, shape=shape)


def _infer_fill(token: TensorType, *operands: TensorType, call: Draw, function: str, given: int, sizes: tuple,
                shape: tuple) -> tuple:  # fmt: skip
    assert call.type is not None
    return TOKEN, TensorType(call.type.dtype, shape)


def _samples_of_many(rng: np.random.Generator) -> list[Sample]:
    call = Draw(rng, type(rng), "uniform", (Operand(0, "python"), Operand(0, "python"), Sized(0)), {}, np.ndarray,
                TensorType(dt.float64, (3,)), False)  # fmt: skip
    at, x = np.asarray(npyrandom.bitgen(bits_of(rng))), np.asarray(rng.normal())
    params = {"call": call, "function": "random_uniform", "given": 1, "sizes": (3,), "shape": (3,)}
    return [((np.asarray(0), x, at, x, np.zeros(())), params)]


# Operands as those of `sample`: each number of the array is drawn with the same parameters, in C order.
fill = register(Primitive(
    "fill", Kind.OPAQUE, _eval_fill, _infer_fill, NO_GRADIENT, _samples_of_many, reason="NumPy's generators are NumPy's",
    native=lambda call, function, given, sizes, shape: (function, 1 + given), effect=True,
))  # fmt: skip


# act: what nobody can undo ---------------------------------------------------------------------------------------------
def _eval_act(token: Any, *operands: Any, call: Callable[[Sequence[Any]], Callable[[], Any]]) -> tuple:
    act = call(operands)
    if _state.run is None:
        act()  # no call is under way that might turn out to be Python's
    else:
        _state.run.acts.append(act)
    return (np.asarray(token) + 1,)


def _samples_of_act(rng: np.random.Generator) -> list[Sample]:
    return [((np.asarray(0), rng.normal(size=3)), {"call": lambda operands: operands[0].copy})]


# `call` makes of the operands, which change later, what is done at the end of the call if that is not Python's after all.
act = register(Primitive(
    "act", Kind.OPAQUE, _eval_act, lambda token, *operands, call: TOKEN, NO_GRADIENT, _samples_of_act,
    reason="printing is Python's", effect=True,
))  # fmt: skip
