"""NumPy's random generators in traced code: each draw becomes a call at run time, in program order.

What a draw gives (its class, dtype and shape) is found by making the same call on another generator of the same kind.
"""

from __future__ import annotations

import copy
import functools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, Shape, Size, TensorType, evaluate, symbols
from hybrid.frontend import distributions, integers
from hybrid.frontend.creation import sizes
from hybrid.frontend.indexing import setitem
from hybrid.frontend.integers import is_traced_integer
from hybrid.frontend.values import Value, active, holds_tensor, kind_of, operand, sized, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Source
from hybrid.ir.trace import Trace
from hybrid.ops import draw as d

MOST = 32  # draws of one trace, each 4 us beside NumPy's own work: a loop of more is faster in Python
GENERATORS = (np.random.Generator, np.random.RandomState)
BITS = (np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)
_STATES = frozenset(("get_state", "set_state", "bytes", "spawn"))  # methods that neither draw numbers nor seed
LEGACY = np.random.mtrand._rand  # the generator behind np.random.rand and its like
_ALIKE = {"rand": "random_sample"}  # methods that are not given a shape, and those that are
# NumPy's functions on it that are not bound methods.
_FUNCTIONS = {
    getattr(np.random, name): method
    for name, method in (
        ("seed", "seed"), ("sample", "random_sample"), ("ranf", "random_sample"), ("get_bit_generator", "get_state"),
        ("set_bit_generator", "set_state"),
    )
}  # fmt: skip


def drawing(function: Any) -> Callable | None:
    """What traced code calls for a method of a generator; None for other functions."""
    if type(function) is functools.partial:
        inner = drawing(function.func)
        return None if inner is None else functools.partial(inner, *function.args, **function.keywords)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, GENERATORS):
        return functools.partial(_drawn, owner, function.__name__)
    method = _FUNCTIONS.get(function)
    return None if method is None else functools.partial(_drawn, LEGACY, method)


def _drawn(generator: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    trace, at = active(), tr.user_line()
    made = id(generator) in trace.seeded
    if known_while_tracing(trace, generator, (args, *kwargs.values())):
        return _known(trace, d.drawn(generator, method, *args, **kwargs))  # the same numbers in every call
    if not made and id(generator) not in trace.generators:
        raise TraceError("it draws from a generator that nothing it reads leads to", fix="pass the generator in", at=at)
    if kwargs.get("out") is not None:
        raise TraceError(f"{type(generator).__name__}.{method}() into an array that is there, `out`, is not compiled",
                         fix=f"x[...] = rng.{method}(size=x.shape)", at=at)  # fmt: skip
    if method in _STATES or type(generator) not in GENERATORS:
        raise TraceError(f"{type(generator).__name__}.{method}() is not compiled", at=at)
    if (given := distributions.legacy_normal(generator, method, args, kwargs)) is not None:
        return distributions.stretched(trace, _drawn(generator, "standard_normal"), *given)
    late = _late(trace, distributions.single(method, args, kwargs))
    if late is not None:
        return _counted(trace, generator, method, *late)
    if "size" in kwargs:
        kwargs["size"] = _settled(trace, kwargs["size"])
    if method in ("rand", "randn"):
        args = tuple(_length(trace, size) for size in args)
    if method == "choice" and len(args) > 1:
        args = (args[0], _settled(trace, args[1]), *args[2:])
    if method == "permutation" and args and isinstance(args[0], (Value, Dim)) and kind_of(args[0]) == "python":
        args = (_length(trace, args[0]),)
    single = distributions.single(method, args, kwargs)
    if single is not None:
        size, one, rest = _settled(trace, single[0]), *single[1:]
        if (given := distributions.legacy_normal(generator, method, one, rest)) is not None:
            return distributions.stretched(trace, _drawn(generator, "standard_normal", size=size), *given)
        if method != "randn":
            method, args, kwargs = _ALIKE.get(method, method), one, {**rest, "size": size}
        elif len(args) > len(one) and method not in ("rand", "randn"):
            args = (*one, size)
    shuffled = args[0] if method == "shuffle" and args else None
    _registered(trace, generator)
    operands: list[Any] = []
    sizes: list[Dim] = []
    numbers = single is not None or distributions.is_number(method, args, kwargs)
    form, named = (_form(trace, given, operands, sizes, numbers) for given in (args, kwargs))
    source, found = trace.generators[id(generator)], _found(trace, generator, method, form, named, operands, sizes)
    fixed = not operands and (not sizes or _is_plain(method, form, named, sizes))
    call = d.Draw(source, type(generator), method, form, named, *found, fixed)
    if shuffled is not None and not (isinstance(shuffled, (Value, np.ndarray)) and call.type is not None):
        raise TraceError("shuffle() of something other than an array is not compiled", got=type(shuffled).__name__, at=at)
    if (
        single
        and call.type is not None
        and (filled := _filled(trace, generator, method, call.type.shape, *single[1:], call.type.dtype)) is not None
    ):
        return _result(trace, filled, call)
    token = trace.order()
    native = distributions.native(trace, generator, call, args, kwargs)
    if native is None:
        _counted_on(trace, at)
    atoms, first = [tr.read(x) for x in operands], token.value
    if native is None:
        sized = call.type is not None and any(isinstance(size, Dim) for size in (*sizes, *call.type.shape))
        known = {"sizes": tuple(sizes), "shape": call.type.shape} if sized and call.type is not None else {}
        token.value, *out = trace.record(d.draw, (first, *atoms), {"call": call, **known})
    else:
        where = _address(trace, source, native.function)
        params = {"call": call, "function": native.function, "given": len(atoms)}
        token.value, *out = trace.record(d.sample, (first, *atoms, where, *native.operands), params)
        if native.range is not None:
            trace.ranges[out[0]] = native.range
    if shuffled is not None:
        setitem(shuffled if isinstance(shuffled, Value) else wrap(trace.capture(shuffled, "ndarray")), ...,
                wrap(trace.fresh(out[0], "ndarray")))  # fmt: skip
        return None
    return _result(trace, out[0], call) if out else None


def interval(generator: Any, end: Any) -> Any:
    """An integer below another one, as shuffles draw it."""
    if tr.current() is None:
        return d.drawn(generator, "interval", end)
    return _drawn(generator, "interval", end)


def known_while_tracing(trace: Trace, generator: Any, given: tuple) -> bool:
    """Whether a draw gives the same in every call: from a generator that each call makes and no run has drawn from."""
    if id(generator) not in trace.seeded or id(generator) in trace.generators:
        return False
    return trace.region is None and not holds_tensor(given)


def _counted_on(trace: Trace, at: Source | None) -> None:
    """One more draw that NumPy makes between kernels; TooLong where they are too many."""
    trace.drawn += not trace.inside
    if trace.drawn > MOST:
        long = tr.TooLong(f"more than {MOST} draws from NumPy's generators: their loop cannot stay a loop", at=at,
                          fix="draw arrays before the loop, or use hybrid.random")  # fmt: skip
        trace.fail(long)
        raise long


def _late(trace: Trace, single: tuple[Any, tuple, dict[str, Any]] | None) -> tuple[Any, tuple, dict[str, Any]] | None:
    """What `distributions.single` found, where the shape has sizes that only a run knows."""
    if single is None:
        return None
    items = single[0] if isinstance(single[0], (tuple, list)) else (single[0],)
    if not all(isinstance(item, (Dim, Value)) or type(item) in (int, np.int64) for item in items):
        return None
    if not any(is_traced_integer(item) and not _is_settled(trace, item) for item in items):
        return None
    return tuple(items), *single[1:]


def _is_settled(trace: Trace, item: Any) -> bool:
    """Whether a length is made of sizes of arguments."""
    return integers.is_size(trace, item) and symbols(integers.size_of(trace, item)) <= trace.hints.keys()


def _counted(trace: Trace, generator: Any, method: str, items: tuple, args: tuple, kwargs: dict[str, Any]) -> Any:
    """As many numbers as only a run knows, drawn one after another."""
    if (given := distributions.legacy_normal(generator, method, args, kwargs)) is not None:
        return distributions.stretched(trace, _drawn(generator, "standard_normal", size=items), *given)
    _registered(trace, generator)
    filled = _filled(trace, generator, method, sizes(items), args, kwargs)
    if filled is None:
        raise TraceError(f"{type(generator).__name__}.{method}() of as many numbers as only a run knows is not compiled",
                         at=tr.user_line())  # fmt: skip
    return wrap(trace.fresh(filled, "ndarray"))


def _registered(trace: Trace, generator: Any) -> None:
    """A generator made inside is from here on drawn from by each run."""
    if id(generator) in trace.seeded and id(generator) not in trace.generators:
        trace.generators[id(generator)] = d.Made(copy.deepcopy(generator))


def _filled(
    trace: Trace, generator: Any, method: str, shape: Shape, args: tuple, kwargs: dict[str, Any], dtype: np.dtype | None = None
) -> Atom | None:
    """An array of numbers, with the arguments for one of them; None where NumPy has to be called."""
    if not shape or 0 in shape:
        return None
    operands: list[Any] = []
    form, named = (_form(trace, given, operands, [], True) for given in (args, kwargs))
    result, found = _found(trace, generator, method, form, named, operands, [])
    if found is None or dtype not in (None, found.dtype):
        return None
    source = trace.generators[id(generator)]
    one = d.Draw(source, type(generator), method, form, named, result, found, not operands)
    token = trace.order()
    native = distributions.native(trace, generator, one, args, kwargs)
    if native is None:
        return None
    where = _address(trace, source, native.function)
    lengths = [size for size in shape if isinstance(size, Dim)]
    places = map(d.Sized, range(len(lengths)))
    named = {**named, "size": tuple(next(places) if isinstance(size, Dim) else size for size in shape)}
    type_ = TensorType(found.dtype, shape)
    many = d.Draw(source, type(generator), _ALIKE.get(method, method), form, named, np.ndarray, type_, not operands)
    params = {"call": many, "function": native.function, "given": len(operands), "sizes": tuple(lengths), "shape": shape}
    atoms = [tr.read(x) for x in operands]
    token.value, out = trace.record(d.fill, (token.value, *atoms, where, *native.operands), params)
    return out


def _known(trace: Trace, drawn: Any) -> Any:
    """Numbers that are the same in every call; an array of them is a new one in every call, which may be written."""
    if type(drawn) is not np.ndarray or not dt.supported(drawn.dtype) or not drawn.size:
        return drawn
    atom = trace.builder.constant(drawn)
    trace.known[atom] = drawn
    return wrap(trace.fresh(atom, "ndarray"))


def _address(trace: Trace, source: Any, function: str) -> Atom:
    """Where this run finds what a function draws from: asked for before anything else, so that kernels stay together."""
    if source in trace.addresses:
        return trace.addresses[source][function == distributions.GAUSS]
    eqns = trace.root.eqns
    count = len(eqns)
    params = {"source": source, "gauss": function == distributions.GAUSS}
    (atom,) = trace.root.append(d.bitgen, (), params, tr.user_line())
    if len(eqns) > count:
        eqns.insert(0, eqns.pop())
    return atom


def seeded(function: Callable[[int], Any], seed: Any) -> Any:
    """A generator made of a seed that only a run knows: here it stands for one that each run makes."""
    trace = active()
    made = function(0)
    source = d.Seeded(copy.deepcopy(made), function=function)
    token = trace.order()
    token.value, *found = trace.record(d.seeding, (token.value, operand(trace, seed, dt.int64)), {"source": source})
    trace.addresses[source] = (found[0], found[1])
    trace.seeded[id(made)], trace.generators[id(made)] = made, source
    return made


def _settled(trace: Trace, size: Any) -> Any:
    """A size that Python knows or that is one of the arguments'; numbers that only a run knows become static."""
    if isinstance(size, (tuple, list)):
        return tuple(_length(trace, item) for item in size)
    return size if size is None else _length(trace, size)


def _length(trace: Trace, size: Any) -> Any:
    if integers.is_size(trace, size):
        size = integers.size_of(trace, size)
    if isinstance(size, Dim):
        if size.symbols <= trace.hints.keys():
            return size
        size = integers.python(trace, sized(trace, size))
    return operator.index(size)


def _is_plain(method: str, form: tuple, named: dict[str, Any], sizes: list[Dim]) -> bool:
    """Whether sizes of arguments are nothing but the shape of what is drawn, which no value of theirs makes an error of."""
    shape = form if method in ("rand", "randn") else named.get("size")
    inside = sum(isinstance(item, d.Sized) for item in (shape if isinstance(shape, tuple) else (shape,)))
    return inside == len(sizes) and all(size in map(Dim.symbol, size.symbols) for size in sizes)


def _form(trace: Trace, given: Any, operands: list[Any], sizes: list[Dim], numbers: bool) -> Any:
    """Arguments with places for what only a run knows, which goes to `operands`, and for sizes of arguments.

    `numbers`: the shape of what is drawn does not depend on them.
    """
    if type(given) in (list, tuple):
        return type(given)(_form(trace, item, operands, sizes, numbers) for item in given)
    if type(given) is dict:
        return {name: _form(trace, item, operands, sizes, numbers) for name, item in given.items()}
    if not isinstance(given, (Value, Dim, np.ndarray)):
        return given
    if isinstance(given, Dim) or (integers.is_size(trace, given) and not numbers):
        size = _length(trace, given)
        if not isinstance(size, Dim):
            return size
        sizes.append(size)
        return d.Sized(len(sizes) - 1)
    found = symbol(trace, given)
    if not symbols(*found.type.shape) <= trace.hints.keys():
        raise trace.specialise("a draw from a NumPy generator", *found.type.shape)
    operands.append(found)
    kind = kind_of(wrap(found))
    return d.Operand(len(operands) - 1, "ndarray" if kind == "tensor" else kind)


def _found(
    trace: Trace, generator: Any, method: str, args: tuple, kwargs: dict, operands: list[Any], sizes: list[Dim]
) -> tuple[type, TensorType | None]:
    """The class and type of what a draw gives, from calls on another generator with other numbers of the same types.

    Where sizes are symbols it is called with several, and the shape must be made of the sizes that it is given.
    """
    dims = [*sizes, *(size for x in operands for size in x.type.shape if isinstance(size, Dim))]
    hints = trace.several(symbols(*dims))
    outs = [_drawn_elsewhere(generator, method, args, kwargs, operands, sizes, each) for each in hints]
    if outs[0] is None:
        return type(None), None
    arrays = [np.asarray(out) for out in outs]
    shape: list[Size] = []
    for along in zip(*(array.shape for array in arrays), strict=True):
        like = [dim for dim in dims if tuple(dim.evaluate(each) for each in hints) == along]
        if len(set(along)) > 1 and not like:
            raise trace.specialise("a draw from a NumPy generator", *dims)
        shape.append(along[0] if len(set(along)) == 1 else like[0])
    number = isinstance(outs[0], (float, int)) and not shape
    return type(outs[0]), TensorType(arrays[0].dtype, tuple(shape), weak=number)


def _drawn_elsewhere(
    generator: Any, method: str, args: tuple, kwargs: dict, operands: list[Any], sizes: list[Dim], hints: dict[str, int]
) -> Any:
    bits = d.bits_of(generator)
    if type(bits) not in BITS:
        raise TraceError(f"draws from {type(bits).__name__} are not compiled", at=tr.user_line())
    problem: Exception | None = None
    known = [size.evaluate(hints) for size in sizes]
    for numbers in _guesses(operands, hints):
        call = d.Draw(type(generator)(type(bits)(0)), type(generator), method, args, kwargs, object, None, False)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                out = call(numbers, known)
        except Exception as error:  # a guess need not be what the method accepts
            problem = error
            continue
        if out is None or (dt.supported(np.asarray(out).dtype) and isinstance(out, (np.ndarray, np.generic, float, int))):
            return out
        break
    if not operands and not sizes and problem is not None:
        raise problem
    raise TraceError(f"what {type(generator).__name__}.{method}() gives is not known before it is called",
                     got=str(problem or "no array or number"), at=tr.user_line())  # fmt: skip


def _guesses(operands: list[Any], hints: dict[str, int]) -> list[list[np.ndarray]]:
    """Numbers that the parameters of distributions may be: 1, 2, 3 …, all 1, a half or 2, probabilities."""
    shapes = [tuple(evaluate(size, hints) for size in x.type.shape) for x in operands]
    kinds: list[list[float]] = [
        [k + 1.0 for k in range(len(operands))],
        [1.0] * len(operands),
        [0.5] * len(operands),
        [2.0] * len(operands),
    ]
    guesses = [
        [np.full(shape, number).astype(x.type.dtype) for x, shape, number in zip(operands, shapes, kind)] for kind in kinds
    ]
    shares = [np.full(shape, 1 / max(shape[-1:] or (1,), default=1)).astype(x.type.dtype) for x, shape in zip(operands, shapes)]
    return [*guesses, shares]


def _result(trace: Trace, atom: Any, call: d.Draw) -> Any:
    if call.result in (float, int):
        return integers.python(trace, atom)
    return wrap(trace.fresh(atom, "ndarray" if call.result is np.ndarray else "scalar"))
