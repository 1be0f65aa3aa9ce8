"""Calls of library functions that have no compiled form, between compiled parts.

What such a function gives (classes, dtypes, shapes) is found by calling it while tracing, on the values that the graph so far
has for this call's arguments. At run time the call is repeated with that call's values; other classes or dtypes hand the call
back to Python. Sizes are numbers at first; those that turn out to vary become symbols that the call defines (`Trace.varying`).
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, TensorType
from hybrid.frontend import calls, hosted
from hybrid.frontend.calls import unsupported
from hybrid.frontend.values import Value, active, holds_tensor, kind_of, shape_of, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Eqn
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops.island import Outside, island
from hybrid.ops.library import library

LIBRARIES = ("numpy", "scipy")  # whose functions give results and do nothing else, but for these:
WRITING = frozenset((
    "put", "place", "copyto", "putmask", "fill_diagonal", "put_along_axis", "shuffle", "save", "savez", "savez_compressed",
    "savetxt", "load", "loadtxt", "genfromtxt", "fromfile", "tofile", "seterr", "set_printoptions",
))  # fmt: skip
MEMORY = frozenset(("may_share_memory", "shares_memory", "byte_bounds"))  # ask where arrays lie: a call has copies
# By module, what objects of its classes are asked by, which changes nothing in them.
ASKING: dict[str, frozenset[str]] = {
    "scipy.interpolate.": frozenset(("__call__", "derivatives", "ev", "integral", "integrate")),
    "scipy.sparse._": frozenset(("__matmul__", "__mul__", "__rmatmul__", "__rmul__", "dot")),
    "scipy.spatial.": frozenset(("apply", "find_simplex", "query")),
    "scipy.stats.": frozenset((
        "__call__", "cdf", "entropy", "evaluate", "interval", "isf", "logcdf", "logpdf", "logpmf", "logsf", "mean", "median",
        "moment", "pdf", "pmf", "ppf", "sf", "stats", "std", "var",
    )),
}  # fmt: skip
_NUMBERS = (bool, int, float, complex)


def is_library(function: Any) -> bool:
    """Whether a function belongs to a library whose functions are known to do nothing but give results."""
    module = getattr(function, "__module__", None) or getattr(type(function), "__module__", None) or ""
    module = "numpy" if isinstance(getattr(function, "__self__", None), np.ufunc) else module
    known = module.partition(".")[0] in LIBRARIES and not module.startswith("numpy.random")
    return known and getattr(function, "__name__", "") not in WRITING | MEMORY


def called(function: Callable, args: tuple, kwargs: dict, name: str, error: TraceError) -> Any:
    """What `function(*args, **kwargs)` gives, as traced values.

    Raises:
        TraceError: `error`, where the call cannot stand between compiled parts.
    """
    made = hosted.called(function, args, kwargs)
    if made is not NotImplemented:
        return made
    if not is_library(function):
        raise error
    return between(function, args, kwargs, name, error)


def between(function: Callable, args: tuple, kwargs: dict, name: str, error: TraceError, quick: bool = False,
            varies: bool = False) -> Any:  # fmt: skip
    """As `called`, of a function that is known to do nothing but give results.

    Args:
        quick: as `Outside` has it.
        varies: whether the sizes of its results are known to vary.
    """
    trace = active()
    leaves, structure = tree.flatten((args, kwargs))
    if not _possible(trace, leaves, kwargs):
        raise error
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Value) or type(leaf) is np.ndarray]
    kinds = [kind_of(leaves[k]) for k in places]
    atoms = [tr.read(symbol(trace, leaves[k])) for k in places]

    others = [None if k in places else leaf for k, leaf in enumerate(leaves)]
    flat = not kwargs and structure.children[0].children == (tree.LEAF,) * len(args)

    def call(operands: Sequence[Any]) -> Any:
        given = list(others)
        for k, kind, array in zip(places, kinds, operands):
            given[k] = as_given(kind, np.asarray(array))
        if flat:
            return function(*given)
        inner_args, inner_kwargs = tree.unflatten(structure, given)
        return function(*inner_args, **inner_kwargs)

    before = hosted.values_of(trace, atoms, error)
    copies = [np.array(value) for value in before]
    try:
        with np.errstate(all="ignore"), tr.suspended():
            given, nesting = tree.flatten(call(copies))
    except Exception as raised:  # Python will raise it again; traced code may catch it, but the next call may not raise it
        trace.fail(error)
        raise error from raised
    orders = [_order(part) for part in given]
    found = [_laid(part, order) for part, order in zip(given, orders)]
    arrays = [part for part in found if isinstance(part, (np.ndarray, Value))]
    if any(not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in zip(before, copies)):
        raise error  # it wrote into its arguments
    if any(np.shares_memory(unwrap(part), copy) for part in arrays for copy in copies):
        raise error  # a view of an argument
    at = tr.user_line()
    site = f"{at}#{len(trace.islands)}"
    defines: list[str] = []
    sizes = (pair for atom, value in zip(atoms, before) for pair in zip(atom.type.shape, value.shape))
    symbolic = None if varies else {size for known, size in sizes if isinstance(known, Dim)}
    parts = tuple((type(part), _wanted(trace, part, site, symbolic, defines, error)) for part in found)
    quick = quick or not any(isinstance(leaf, Value) and shape_of(leaf) for leaf in leaves)  # of numbers
    run = functools.partial(_parts, call, orders if any(orders) else None)
    outside = Outside(name, site, run, parts, quick)
    results = trace.record(island, tuple(atoms), {"call": outside, "defines": tuple(defines)})
    if outside.assumes:  # asked also where nobody wants the other results
        results, same = results[:-1], results[-1]
        trace.assume(same, f"{name} gives what it gave while tracing")
    trace.islands.append(f"{name} is called between compiled parts ({at}): {error.what}")
    rest = iter(results)
    made = [
        _made(trace, part, next(rest)) if isinstance(wanted, TensorType) else part for part, (_, wanted) in zip(found, parts)
    ]
    again = [None if order is None else tuple(sorted(range(len(order)), key=order.__getitem__)) for order in orders]
    return tree.unflatten(nesting, [_laid(part, order) for part, order in zip(made, again)])


def _parts(call: Callable, orders: Sequence[Any] | None, operands: Sequence[Any]) -> list[Any]:
    """What a call gives, in parts, whose axes are as they lie in memory."""
    found = call(operands)
    parts = [found] if type(found) is np.ndarray else tree.flatten(found)[0]
    return parts if orders is None or len(orders) != len(parts) else [_laid(part, order) for part, order in zip(parts, orders)]


def _order(part: Any) -> tuple[int, ...] | None:
    """The axes of an array as they lie in memory; None where that is their own order, or they do not lie densely."""
    if type(part) is not np.ndarray or part.flags.c_contiguous:
        return None
    order = tuple(sorted(range(part.ndim), key=lambda axis: -abs(part.strides[axis])))
    return order if part.transpose(order).flags.c_contiguous else None


def _laid(part: Any, order: tuple[int, ...] | None) -> Any:
    return part if order is None or np.ndim(part) != len(order) else part.transpose(order)


def _possible(trace: Trace, leaves: Sequence[Any], kwargs: dict) -> bool:
    """Whether a call may stand between compiled parts at all."""
    if trace.varying is None or trace.strict or trace.given is None or trace.region is not None:
        return False
    if any(kwargs.get(name) is not None for name in kwargs if name == "out" or name.startswith("overwrite")):
        return False
    plain = (types.FunctionType, types.LambdaType, types.MethodType)  # code of the user's own may do anything
    return not any(isinstance(leaf, plain) or hasattr(leaf, "send") for leaf in leaves)


def is_closed(function: Any) -> bool:
    """Whether a library's function does not ask its arguments what it means for them, as NumPy's own do.

    Those of scipy.fft ask uarray's back ends, which know nothing of tensors.
    """
    kind = type(function)
    module = getattr(function, "__module__", None) or kind.__module__
    if not module.startswith(("scipy.", "numpy.polynomial.")) or isinstance(function, type):
        return False
    holder = getattr(function, "__self__", None)
    if kind is types.FunctionType or kind.__module__ == "uarray" or isinstance(holder, types.ModuleType):
        return True
    if holder is None and kind.__name__ == "cython_function_or_method":
        return True
    holder, name = (function, "__call__") if holder is None else (holder, function.__name__)
    return any(type(holder).__module__.startswith(of) and name in names for of, names in ASKING.items())


def opened(function: Callable) -> Callable:
    """What traced code calls for a closed function."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not holds_tensor((*args, *kwargs.values())):
            return function(*args, **kwargs)
        name, trace = _name(function), active()
        builder, before = trace.builder, len(trace.builder.eqns)
        made = calls.between(function, args, kwargs, name, unsupported(name))
        if any(map(_is_scipys, builder.eqns[before:])):
            _tell(trace, name)
        return made

    return call


def _name(function: Callable) -> str:
    """What the user knows a function or a callable object by."""
    holder = getattr(function, "__self__", function)
    kind = function if hasattr(function, "__name__") else type(function)
    module = ".".join(part for part in kind.__module__.split(".") if not part.startswith("_"))
    of = "" if holder is function or isinstance(holder, types.ModuleType) else f"{type(holder).__name__}."
    return f"{module}.{of}{kind.__name__}"


def _is_scipys(eqn: Eqn) -> bool:
    """Whether SciPy computes it: a host call that has no loops, as those of NumPy's ufuncs have."""
    if eqn.primitive is not library or not eqn.params["function"].startswith("scipy."):
        return False
    return library.lowers is None or not library.lowers(*(atom.type for atom in eqn.inputs), **eqn.params)


def _tell(trace: Trace, name: str) -> None:
    """Say that SciPy computes what the user's code calls, as of a call between compiled parts; an error where none may be."""
    at = tr.user_line()
    if trace.strict:
        error = TraceError(f"{name} is computed by SciPy", at=at,
                           fix="leave `strict` out, which says so once, or compute it outside")  # fmt: skip
        trace.fail(error)
        raise error
    told = f"{name} is called from compiled code ({at}): SciPy computes it"
    if told not in trace.islands:
        trace.islands.append(told)


def as_given(kind: str, array: np.ndarray) -> Any:
    """A value as undecorated code would pass it."""
    if kind == "tensor":
        return wrap(array)
    return array.item() if kind == "python" else array[()] if kind == "scalar" else array


def _wanted(trace: Trace, part: Any, site: str, symbolic: set[int] | None, defines: list[str], error: TraceError) -> Any:
    """What a part of the results must be: its type; for what is neither an array nor a number, the object itself."""
    data = unwrap(part)
    if type(data) in _NUMBERS and type(data) is not complex:
        return TensorType(dt.of_python(data), (), weak=True)
    if isinstance(data, (np.ndarray, np.generic)) and type(data) is not np.ndarray and isinstance(data, np.ndarray):
        raise error
    if isinstance(data, (np.ndarray, np.generic)):
        if data.dtype not in dt.SHORT:
            raise error
        return TensorType(data.dtype, tuple(_size(trace, size, site, symbolic, defines) for size in np.shape(data)))
    if not isinstance(data, (type(None), np.dtype, type)):  # a text says what the values are
        raise error
    return data


def _size(trace: Trace, size: int, site: str, symbolic: set[int] | None, defines: list[str]) -> Any:
    """A size of a result: a number, unless it varies, or is like one of an operand's that is `symbolic`; None: it varies."""
    if symbolic is not None and site not in (trace.varying or ()) and size not in symbolic:
        return size
    name = trace.fresh_symbol("size")
    trace.bounds.know(name, 0, None)
    defines.append(name)
    return Dim.symbol(name)


def _made(trace: Trace, part: Any, atom: Atom) -> Any:
    """A result as the traced value it is."""
    if type(part) in _NUMBERS:
        return wrap(Symbol(Cell(trace, atom, mutable=False), TensorType(atom.type.dtype, (), weak=True), "python"))
    kind = "tensor" if isinstance(part, Value) else "ndarray" if isinstance(part, np.ndarray) else "scalar"
    return wrap(trace.fresh(atom, kind))


calls.elsewhere = called
