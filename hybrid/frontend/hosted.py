"""Calls of NumPy's and SciPy's functions that become host calls (`ops.library`): compiled, but computed by those libraries.

What such a function gives (classes, dtypes, sizes) follows from the classes, dtypes and sizes of its arguments. So while
tracing it is called with arrays of other contents, and where sizes are symbols, of several sizes. A run checks what it gives.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, TensorType
from hybrid.core.shape import evaluate as evaluated
from hybrid.frontend import uncertain
from hybrid.frontend.calls import Unsupported
from hybrid.frontend.elementwise import check_out, store
from hybrid.frontend.values import Value, active, header_of, kind_of, laid_out, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Eqn, Var, bodies, evaluate, has_effects
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import library as lib

COMPOSED: dict[str, Callable] = {}  # what has a form of ours after all, by its dotted name
_RESULTS = (np.ndarray, np.generic, bool, int, float, complex)
LONG = 20_000  # equations that may be evaluated to find out what a function gives
_CONSTANTS = (bool, int, float, complex, str, type(None))


@functools.lru_cache(maxsize=8)
def _known(modules: frozenset[str]) -> dict[Any, str]:
    """The names of functions, of modules that are loaded."""
    return {
        getattr(sys.modules[module], name): f"{module}.{name}"
        for table in (lib.LATE, lib.EITHER, lib.NAMES)
        for module, names in table.items()
        for name in names
        if module in modules and hasattr(sys.modules[module], name)
    }


def name_of(function: Any) -> str | None:
    """The dotted name of a function that host calls may compute."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        method, own = function.__name__, name_of(owner)
        return own if own is None or method == "__call__" else f"{own}.{method}" if method in lib._METHODS else None
    if isinstance(function, np.ufunc):
        return lib.name_of_ufunc(function)  # by identity: other libraries have some of the same names
    name = getattr(function, "__name__", "")
    if name in lib.WRITING and getattr(np, name, None) is function:
        return f"numpy.{name}"
    try:
        return _known(frozenset(sys.modules) & _MODULES).get(function)
    except TypeError:  # not hashable
        return None


_MODULES = frozenset((*lib.NAMES, *lib.LATE, *lib.EITHER))


def called(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What `function(*args, **kwargs)` gives, as traced values of a host call; NotImplemented where there can be none."""
    trace, name = active(), name_of(function)
    if name is not None and (name.endswith(".at") or name.rpartition(".")[2] in lib.WRITING):
        return in_place(function, *args, **kwargs)
    if name in COMPOSED:
        try:
            return COMPOSED[name](*args, **kwargs)
        except Unsupported as error:
            if trace.failure is error:
                trace.failure = None
    if name is None or kwargs.get("copy") is False or any(key.startswith("overwrite") and kwargs[key] for key in kwargs):
        return NotImplemented
    kwargs = dict(kwargs)  # which a call between compiled parts is given as it is
    out, where = kwargs.pop("out", None), True
    if out is not None:
        where = kwargs.pop("where", True)
        if not isinstance(function, np.ufunc) and getattr(function, "__name__", "") != "__call__":
            return NotImplemented
    result = _recorded(trace, function, name, args, {k: x for k, x in kwargs.items() if x is not np._NoValue})
    if out is None or result is NotImplemented:
        return result
    destinations, parts = (out if isinstance(out, tuple) else (out,)), (result if isinstance(result, tuple) else (result,))
    for place, part in zip(destinations, parts):
        if place is not None:
            check_out(place, part, exact=where is not True)
    stored = tuple(store(trace, place, part, where) for place, part in zip(destinations, parts))
    return stored if isinstance(result, tuple) else stored[0]


def in_place(function: Callable, x: Any, *args: Any, **kwargs: Any) -> Any:
    """`function(x, …)`, which writes into x: it is given a copy."""
    made = called(lib.written, (name_of(function), x, *args), kwargs) if isinstance(x, Value) else NotImplemented
    if made is NotImplemented:
        return made
    tr.write(symbol(active(), x), tr.read(unwrap(made)))
    return None


def _recorded(trace: Trace, function: Callable, name: str, args: tuple, kwargs: dict) -> Any:
    operands: list[Any] = []
    encoded = tuple(_encoded(part, operands) for part in (list(args), kwargs))
    if NotImplemented in encoded or any(map(uncertain.is_uncertain, operands)):
        return NotImplemented
    atoms = [tr.read(symbol(trace, x)) for x in operands]
    kinds = [kind_of(x) for x in operands]
    module, _, last = name.rpartition(".")
    late = last in lib.LATE.get(module, ()) or (module, last) == ("numpy", "roots")
    either = last in lib.EITHER.get(module, ()) and not any(dt.is_complex(atom.type.dtype) for atom in atoms)
    if trace.region is not None and (late or either):
        return NotImplemented
    hints = _hints(trace, atoms, kinds)[: 1 if either else None]
    present = present_values(trace, atoms) if either else None
    if either and present is None:
        return NotImplemented
    # Of zeros LAPACK complains.
    measures = "linalg" in name or name.endswith(("fit", "solved", "residuals", "singular"))
    given = (present or _probes(atoms, kinds, each, k, measures) for k, each in enumerate(hints))
    found = [_probed(function, encoded, [*map(_placed, arrays, operands)]) for arrays in given]
    if None in found or any((each.nesting, each.same) != (found[0].nesting, found[0].same) for each in found):  # type: ignore[union-attr]
        return NotImplemented
    if module == "scipy.ndimage" and any(k is not None for k in found[0].same):  # type: ignore[union-attr]
        return NotImplemented  # written into an argument
    same, nesting, leaves = found[0].same, found[0].nesting, found[0].leaves  # type: ignore[union-attr]
    new = [k for k, operand in enumerate(same) if operand is None]
    if not all(isinstance(leaves[k], _RESULTS) and np.asarray(leaves[k]).dtype in dt.SHORT for k in new):
        return NotImplemented
    defines: list[str] = []
    sizes = [tuple(np.shape(each.leaves[k]) for each in found) for k in new]  # type: ignore[union-attr]
    shapes = [_shape(trace, each, atoms, hints, late, defines) for each in sizes]
    if None in shapes:
        return NotImplemented
    made = iter(trace.record(lib.library, tuple(atoms), {
        "function": name, "args": encoded[0], "kwargs": encoded[1], "defines": tuple(defines), "shapes": tuple(shapes),
        "classes": tuple(lib.class_of(leaves[k]) for k in new), "dtypes": tuple(np.asarray(leaves[k]).dtype for k in new),
    }))  # fmt: skip
    parts = [
        operands[k] if k is not None else _made(trace, part, next(made), "tensor" in kinds) for k, part in zip(same, leaves)
    ]
    return tree.unflatten(nesting, parts)


def _encoded(x: Any, operands: list[Any]) -> Any:
    """An argument as a parameter of the graph; arrays and traced numbers are operands."""
    if isinstance(x, (Value, np.ndarray, Dim)) or (type(x) in (np.float64, np.float32) and not np.isfinite(x)):
        if isinstance(x, np.ndarray) and x.dtype not in dt.SHORT:
            return NotImplemented
        operands.append(x)
        return ("operand", len(operands) - 1, kind_of(x) if kind_of(x) != "tensor" else "ndarray")
    if type(x) in _CONSTANTS:
        return _apart(x)
    if isinstance(x, np.generic):
        return ("number", x.dtype, _apart(x.item())) if x.dtype in dt.SHORT else NotImplemented
    if isinstance(x, np.dtype) or (isinstance(x, type) and (issubclass(x, np.generic) or x in (int, float, complex, bool))):
        return np.dtype(x) if np.dtype(x) in dt.SHORT else NotImplemented
    if type(x) is slice:
        items: tuple = ("slice", x.start, x.stop, x.step)
        return items if all(type(part) in _CONSTANTS for part in items) else NotImplemented
    if type(x) is dict:
        items = tuple((key, _encoded(item, operands)) for key, item in x.items())
        return ("dict", *items) if all(item is not NotImplemented for _, item in items) else NotImplemented
    if type(x) in (list, tuple, range):
        items = tuple(_encoded(item, operands) for item in x)
        return NotImplemented if NotImplemented in items else ("tuple" if type(x) is tuple else "list", *items)
    return NotImplemented


def _apart(x: Any) -> Any:
    """A constant, written so that 1, 1.0 and True, and 0.0 and -0.0, differ."""
    if type(x) is bool:
        return ("bool", int(x))
    if type(x) is float:
        return ("float", x.hex())
    return ("complex", x.real.hex(), x.imag.hex()) if type(x) is complex else x


def _hints(trace: Trace, atoms: Sequence[Atom], kinds: Sequence[str]) -> list[dict[str, int]]:
    """Numbers for the symbols among the sizes of operands: those of this call, and where there are any, greater ones."""
    names = frozenset().union(*(size.symbols for atom in atoms for size in atom.type.shape if isinstance(size, Dim)))
    now = {name: trace.hinted((Dim.symbol(name),))[0] for name in sorted(names)}
    order = sorted(set(now.values()))  # sizes that are equal stay so
    counts = any(kind == "python" and dt.is_integer(atom.type.dtype) for kind, atom in zip(kinds, atoms))
    return [
        {name: hint + by * (1 + order.index(hint)) for name, hint in now.items()}
        for by in ((0, 1, 3) if names or counts else (0,))
    ]


def _probes(atoms: Sequence[Atom], kinds: Sequence[str], hints: dict[str, int], which: int, measures: bool) -> list[np.ndarray]:
    """Arrays of the types of operands; Python's integers differ from probe to probe, `measures` from one to the next."""
    rng, out = np.random.default_rng(7), []
    for atom, kind in zip(atoms, kinds):
        shape = tuple(evaluated(size, hints) if isinstance(size, Dim) else size for size in atom.type.shape)
        counts = kind == "python" and dt.is_integer(atom.type.dtype)
        out.append(np.asarray(2 + which, atom.type.dtype) if counts else _contents(rng, atom.type.dtype, shape, measures))
    return out


def _contents(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], measures: bool) -> np.ndarray:
    """Regular matrices, increasing numbers, small integers: what functions take without complaint."""
    square = len(shape) >= 2 and shape[-1] == shape[-2]
    if dtype == dt.bool_:
        return np.broadcast_to(np.arange(shape[-1]) % 2 == 0, shape).copy() if shape else np.asarray(True)
    if dt.is_integer(dtype) and measures and not square:
        counted = np.arange(1, 1 + math.prod(shape)).reshape(shape)
        return (counted if len(shape) < 2 else rng.integers(1, 100, shape)).astype(dtype)  # of full rank
    if dt.is_integer(dtype):
        return np.broadcast_to(np.eye(shape[-1], dtype=dtype), shape).copy() if square else np.zeros(shape, dtype)
    made = (rng.uniform(0.1, 0.9, shape) * 0.1).astype(dtype)
    if square:
        return (made + np.swapaxes(made, -1, -2) + 4 * np.eye(shape[-1])).astype(dtype)
    return np.sort(made, -1) if shape else np.asarray(made + dtype.type(0.3), dtype)


def present_values(trace: Trace, atoms: Sequence[Atom]) -> list[np.ndarray] | None:
    """The values that these have in this call, where they can be found out."""
    error = TraceError("values of this call")
    try:
        return [np.array(value) for value in values_of(trace, atoms, error)] if trace.given is not None else None
    except TraceError:
        return None


def values_of(trace: Trace, atoms: Sequence[Atom], error: TraceError) -> tuple[np.ndarray, ...]:
    """What values of the graph are for the arguments of the call that is being traced."""
    wanted = {atom for atom in atoms if isinstance(atom, Var)}
    eqns: list[Eqn] = []
    for eqn in reversed(trace.root.eqns):
        if wanted.intersection(eqn.outputs) or eqn.primitive.body in ("bind", "check"):
            eqns.append(eqn)
            wanted.update(atom for atom in eqn.inputs if isinstance(atom, Var))
    graph = trace.root.finish(tuple(atoms)).replace(eqns=tuple(reversed(eqns)))
    if has_effects(graph) or sum(map(_work, eqns)) > LONG:
        raise error
    assert trace.given is not None
    return tuple(np.asarray(array) for array in evaluate(graph, *trace.given))


def _work(eqn: Eqn) -> int:
    inner = sum(_work(one) for body in bodies(eqn).values() for one in body.eqns)
    count = eqn.params.get("count", 1)
    return 1 + inner * (LONG if not isinstance(count, int) else count)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a function gave: the parts, how they nest, and which of them are which of its operands."""

    leaves: list[Any]
    nesting: tree.Structure
    same: list[int | None]


def _probed(function: Callable, encoded: tuple, arrays: list[np.ndarray]) -> _Found | None:
    """What the function gives for such arrays; None where it raises."""
    with np.errstate(all="ignore"), tr.suspended(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for given in (arrays, [np.ones_like(a) for a in arrays], [_counting(a) for a in arrays]):
            try:
                found = function(*lib.decoded(encoded[0], given), **lib.decoded(encoded[1], given))
            except Exception:  # Python will raise it again, if it is the arguments' fault
                continue
            leaves, nesting = tree.flatten(found)
            parts = [part for part in leaves if isinstance(part, np.ndarray)]
            if any(np.shares_memory(part, array) and part is not array for part in parts for array in given):
                return None  # a view of an argument
            same = [next((k for k, array in enumerate(given) if part is array), None) for part in leaves]
            return _Found(leaves, nesting, same)
    return None


def _counting(a: np.ndarray) -> np.ndarray:
    out = np.empty_like(a)
    out[...] = np.arange(a.size).reshape(a.shape)
    return out


def _placed(array: np.ndarray, x: Any) -> np.ndarray:
    """An array whose elements lie in the order of an operand's, which the order of a result may follow."""
    header = header_of(x)
    if header is None:
        return array
    order = sorted(range(array.ndim), key=lambda axis: -abs(header.strides[axis]))
    return np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))


def _shape(
    trace: Trace, found: tuple, atoms: Sequence[Atom], hints: list[dict[str, int]], late: bool, defines: list[str]
) -> Any:
    """The sizes of a result: numbers, sizes of operands, or the names of new symbols; None where there can be none."""
    dims = sorted({size for atom in atoms for size in atom.type.shape if isinstance(size, Dim)}, key=str)
    out: list[Any] = []
    for along in zip(*found):
        same = [dim for dim in dims if tuple(evaluated(dim, each) for each in hints) == along]
        if not late and (len(set(along)) == 1 or same):
            out.append(along[0] if len(set(along)) == 1 else same[0])
        elif trace.region is not None:
            return None
        else:
            name = trace.fresh_symbol("size")
            trace.bounds.know(name, 0, None)
            defines.append(name)
            out.append(name)
    return tuple(out) if all(len(shape) == len(found[0]) for shape in found) else None


def _made(trace: Trace, part: Any, atom: Atom, tensors: bool) -> Any:
    """A result as the traced value it is."""
    kind = lib.class_of(part)
    if kind == "python":
        return wrap(Symbol(Cell(trace, atom, mutable=False), TensorType(atom.type.dtype, (), weak=True), "python"))
    made = trace.fresh(atom, "tensor" if tensors else kind)
    return laid_out(made, part if kind == "ndarray" and trace.hinted(atom.type.shape) == part.shape else None)
