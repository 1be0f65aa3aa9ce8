"""Functions that the user compiled with Numba and calls with arrays: machine code calls theirs, in loops, too.

Numba's code for the types of a call is asked for, as the call itself would. What it leaves in arrays that it may write into are
results of the operation, and written after it. What it gives are new arrays, whose sizes are those of arguments or numbers, as
they were while tracing. Where sizes turn out to vary, or a type has no place here, Python makes the call between compiled
parts; where two of the arrays may be one, or the function has other effects, the whole call is Python's.
"""

from __future__ import annotations

import dis
import math
import re
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from hybrid.codegen import foreign
from hybrid.core import dtype as dt
from hybrid.core import jitted
from hybrid.core.errors import AssumptionError, TraceError
from hybrid.core.jitted import Jitted, Part
from hybrid.frontend import hosted, integers, islands, layouts
from hybrid.frontend.values import (
    Value,
    active,
    header_of,
    kind_of,
    operand,
    shape_of,
    strong,
    symbol,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import elementwise as e
from hybrid.ops import jitted as ops
from hybrid.ops import view
from hybrid.staging.chains import may_write
from hybrid.staging.effects import unwatched

_DECLARED = re.compile(r'^declare [^@]*@"?([^"(]+)', re.MULTILINE)
# What Numba's code may call: its allocation, containers, errors and conversions, BLAS and LAPACK, LLVM's own functions, and C's
# of <math.h>.
_HARMLESS = re.compile(
    r"llvm\.|NRT_|numba_(xx|xgesv|ez|raw|do_raise|gil_|unpickle|runtime_build|attempt|fatal|fixed_fmod|[su](div|rem)$|set_fnclex"
    r"|frexp|ldexp|cpow|erf|gamma|lgamma|nextafter|fptoui|(list|dict|set)_(new|free|length|append|[a-z]+item|set_method|iter"
    r"|size|allocated|base|is_mutable|lookup|insert|add|contains|discard))|mem(cpy|set|move|cmp)$"
    r"|Py(Arg_|Err_|Bytes_From|Unicode_|Float_|Long_|Number_(Float|Long|Index)|Tuple_|List_|Bool_|Complex_|Sequence_)"
    r"|PyObject_(Hash|IsTrue)|Py_(Inc|Dec|Fatal)"
)
# What it calls besides where it runs on several threads: Numba's own, which take the interpreter's lock where they need it.
_PARALLEL = re.compile(
    r"(get_num_threads|[gs]et_parallel_chunksize|get_sched_size|(de)?allocate_sched|do_scheduling_(un)?signed|printf"
    r"|numba_parallel_for|PyEval_(Save|Restore)Thread)$"
)
_NUMBERS = (*dt.INTEGERS, dt.bool_, dt.float32, dt.float64)
_DTYPES = (*_NUMBERS, *map(np.dtype, ("complex64", "complex128")))
_MORE = ("exp2", "fma", "lround", "nearbyint", "rint", "round")
_MATH = frozenset(name + end for name in (*dir(math), *_MORE) for end in ("", "f"))


def is_array(x: Any) -> bool:
    return isinstance(x, (Value, np.ndarray)) and (bool(shape_of(x)) or kind_of(x) in ("tensor", "ndarray"))


def called(function: Any, values: Sequence[Any], refused: Callable[[str], TraceError]) -> Any:
    """What `function(*values)` gives, as traced values: of a call by machine code, or of one between compiled parts.

    Raises:
        TraceError: There can be none: what `refused` makes of the reason.
    """
    arrays = [k for k, x in enumerate(values) if is_array(x)]
    written = [k for k in arrays if any(map(may_write, _codes(function, set())))]
    linked = _linked(function, values, written)
    if isinstance(linked, Jitted):
        written = [k for k in written if linked.arguments[k].written]
    if written and _meet([values[k] for k in arrays]):
        raise refused("two of its arguments may be one array, in which it writes")
    why = linked if isinstance(linked, str) else "how much it gives follows from values"
    shapes = None if isinstance(linked, str) else _shapes(linked, values, refused(why))
    if isinstance(linked, str) or shapes is None:
        return _between(function, values, arrays, written, refused(why), isinstance(linked, Jitted))
    return _recorded(linked, values, shapes)


def _between(
    function: Any, values: Sequence[Any], arrays: list[int], written: list[int], error: TraceError, varies: bool
) -> Any:
    """The same, of a call between compiled parts."""
    trace, name = active(), function.__name__
    if trace.varying is None or trace.strict or trace.given is None or trace.region is not None:
        raise error
    if not all(k in arrays or isinstance(x, (Value, bool, int, float, complex, np.generic)) for k, x in enumerate(values)):
        raise error
    atoms = [tr.read(symbol(trace, x)) if isinstance(x, (Value, np.ndarray)) else None for x in values]
    known = iter(hosted.values_of(trace, [atom for atom in atoms if atom is not None], error))
    given = [x if atom is None else islands.as_given(kind_of(x), np.array(next(known))) for x, atom in zip(values, atoms)]
    if not _is_harmless(function, given):
        raise error
    found = islands.between(_on_copies(function, written), tuple(values), {}, name, error, quick=True, varies=varies)
    out, *after = found
    for k, new in zip(written, after):
        tr.write(_target(values[k]), tr.read(unwrap(new)))
    return out


def _target(x: Any) -> Symbol:
    """What is written into where a function changes an array."""
    trace = active()
    return symbol(trace, x if isinstance(x, Value) else wrap(trace.capture(x, "ndarray")))


def _on_copies(function: Any, written: Sequence[int]) -> Callable:
    def call(*args: Any) -> tuple:
        given = [x.copy() if k in written else x for k, x in enumerate(args)]
        out = function(*given)
        for part in out if isinstance(out, tuple) else (out,):
            if isinstance(part, np.ndarray) and any(isinstance(x, np.ndarray) and np.may_share_memory(part, x) for x in given):
                raise AssumptionError(f"{function.__name__} gives new arrays")
        return (out, *(given[k] for k in written))

    return call


def _meet(arrays: Sequence[Any]) -> bool:
    """Whether two of these may be views of one array."""
    seen: set[Any] = set()
    for x in arrays:
        data = unwrap(x)
        own = {data.cell.whole, *data.cell.whole.aliases()} if type(data) is Symbol else {id(x)}
        if not seen.isdisjoint(own):
            return True
        seen |= own
    return False


# linked into machine code -----------------------------------------------------------------------------------------------
_links: dict[tuple[Any, tuple], Jitted | str] = {}


def _linked(function: Any, values: Sequence[Any], written: Sequence[int]) -> Jitted | str:
    """The function for such arguments, if machine code can call it, or why it cannot."""
    parts: list[Part] = []
    for k, x in enumerate(values):
        part = _array(x, k in written) if is_array(x) else _number(x)
        if isinstance(part, str):
            return f"an argument is {part}"
        parts.append(part)
    key = function, tuple(parts)
    if key not in _links:
        with unwatched():
            _links[key] = _link(function, tuple(parts))
    return _links[key]


def _array(x: Any, written: bool) -> Part | str:
    data = unwrap(x)
    dtype, ndim, header = data.type.dtype if type(data) is Symbol else data.dtype, len(shape_of(x)), header_of(x)
    if type(data) not in (Symbol, np.ndarray) or kind_of(x) == "tensor":
        return f"a {type(data).__name__}" if type(data) is not Symbol else "a tensor"
    if not ndim or dtype not in _DTYPES:
        return f"an array of {dtype}" if ndim else "an array without axes"
    if ndim > 1:
        layouts.ask(active(), x)  # sums go along memory
    return Part(dtype, ndim, "C" if header is None else "F" if header.flags.f_contiguous else "A", written)


def _number(x: Any) -> Part | str:
    data = unwrap(x)
    if type(data) is not Symbol and not isinstance(data, (bool, int, float, complex, np.generic)):
        return f"a {type(data).__name__}"
    dtype = data.type.dtype if type(data) is Symbol else strong(x)
    if type(x) is int and not -(2**63) <= x < 2**63:
        return "an integer of more than 64 bits"
    return Part(dtype) if dtype in _NUMBERS else f"a {dtype}"


def _link(function: Any, parts: tuple[Part, ...]) -> Jitted | str:
    from numba.core.runtime import _nrt_python

    made = _harmless(function, tuple(map(_numba_type, parts)))
    if isinstance(made, str):
        return made
    kind, nb = made.signature.return_type, numba_types()
    nests = isinstance(kind, nb.BaseTuple) and not isinstance(kind, (nb.NamedTuple, nb.NamedUniTuple))
    hands_on = _handed_on(function.py_func.__code__) if isinstance(kind, nb.Array) else None
    kinds = list(kind.types) if nests else [] if kind == nb.none or hands_on is not None else [kind]
    results = [part for part in map(_result, kinds) if part is not None]
    if len(results) < len(kinds):
        return f"it gives {kind}"
    name = made.fndesc.llvm_func_name
    head, body = _defined(made.library.get_llvm_str(), name)
    own, at = [], 2  # after where the result and the error go
    for part in parts:
        data = head[at + 4] if part.is_array else ""
        own.append(replace(part, written=part.written and not re.search(r"\b(readonly|readnone)\b", data)))
        at += 5 + 2 * part.ndim if part.ndim is not None else 1
    assert at == len(head), head
    if any(part.written and part.order != "C" and part.ndim != 1 for part in own):
        return "it writes into an array that does not lie in C order"
    fails = re.search(r"^\s*ret i32 (?!0$)", body, re.MULTILINE) is not None
    linked = Jitted(
        function.__name__, function, tuple(own), tuple(results), nests, fails, hands_on,
        made.library.get_pointer_to_function(name),
        _nrt_python.c_helpers["MemInfo_release"], jitted.symbol_for(function.__name__), made,
    )  # fmt: skip
    jitted.know(linked)
    return linked


def numba_types() -> Any:
    """Numba's types."""
    from numba.core import types

    return types


def _numba_type(part: Part) -> Any:
    import numba

    kind: Any = numba.from_dtype(part.dtype)
    return numba_types().Array(kind, part.ndim, part.order) if part.is_array else kind


def _result(kind: Any) -> Part | None:
    """A new array, or a number; None for what has another class."""
    array = numba_types().Array
    if isinstance(kind, array):
        dtype = _dtype(kind.dtype) if type(kind) is array and kind.ndim and kind.aligned else None
        return None if dtype is None else Part(dtype, kind.ndim, kind.layout)
    dtype = _dtype(kind)
    return Part(dtype) if dtype is not None and dtype in _NUMBERS and dtype != dt.uint64 else None


def _dtype(kind: Any) -> np.dtype | None:
    return next((dtype for dtype in _DTYPES if str(dtype) == str(kind)), None)


def _defined(text: str, name: str) -> tuple[list[str], str]:
    """The parameters of a function of a module, and its body."""
    found = re.search(rf'^define [^@]*@"?{re.escape(name)}"?\(', text, re.MULTILINE)
    assert found is not None, name
    end = text.index("\n}\n", found.end())
    line, _, body = text[found.end() : end].partition("{\n")
    return foreign.parameters(line[: line.rindex(")")]), body


def _recorded(linked: Jitted, values: Sequence[Any], shapes: tuple[tuple, ...]) -> Any:
    trace = active()
    atoms = tuple(_operand(trace, values[place], linked.arguments[place]) for place in linked.places)
    primitive = ops.jitted_failing if linked.fails else ops.jitted
    lying = tuple(tuple(reversed(shape)) if part.order == "F" else shape for part, shape in zip(linked.results, shapes))
    found = trace.record(primitive, atoms, {"call": linked, "shapes": lying, "site": _site(linked.name)})
    for place, atom in zip(linked.places[: linked.writes], found):
        tr.write(_target(values[place]), atom)
    if linked.fails:
        trace.assume(trace.one(e.eq, found[-1], tr.literal(0, dt.int64)), f"{linked.name} does not raise")
    made = [_given(trace, part, atom) for part, atom in zip(linked.results, found[linked.writes :])]
    if linked.hands_on is not None:
        return values[linked.hands_on]
    return tuple(made) if linked.nests else made[0] if made else None


def _given(trace: Trace, part: Part, atom: Atom) -> Any:
    if not part.is_array:
        return integers.python(trace, atom)
    if part.order != "F":
        return wrap(trace.fresh(atom, "ndarray"))
    return layouts.in_order(wrap(trace.fresh(_transposed(trace, atom), "ndarray")), "F")


def _operand(trace: Trace, x: Any, part: Part) -> Atom:
    if not part.is_array:
        return operand(trace, x, part.dtype)
    atom = tr.read(symbol(trace, x))
    return atom if part.order != "F" else _transposed(trace, atom)


def _transposed(trace: Trace, atom: Atom) -> Atom:
    return trace.one(view.transpose, atom, perm=tuple(reversed(range(atom.type.ndim))))


def _site(name: str) -> str:
    return f"{name} gives arrays of the sizes that it gave while tracing"


def _shapes(linked: Jitted, values: Sequence[Any], error: TraceError) -> tuple[tuple, ...] | None:
    """The sizes of what it gives, in terms of those of its arguments; None where they may be any."""
    trace = active()
    if not any(part.is_array for part in linked.results):
        return ((),) * len(linked.results)
    if f"{_site(linked.name)} ({tr.user_line()})" in (trace.varying or ()):
        return None  # they follow from values
    arrays = [shape_of(x) for x, part in zip(values, linked.arguments) if part.is_array]
    seen = _seen(linked, values, error)
    if seen is None:  # most give arrays that are like one of theirs
        like = [next((shape for shape in arrays if len(shape) == part.ndim), None) for part in linked.results]
        return None if None in like else tuple(shape or () for shape in like)
    return tuple(tuple(_size(size, axis, len(shape), arrays) for axis, size in enumerate(shape)) for shape in seen)


def _size(size: int, axis: int, rank: int, arrays: Sequence[tuple]) -> Any:
    """A size of a result: that of an argument which has the same now, or a number."""
    trace = active()
    first = [shape[axis] for shape in arrays if len(shape) == rank]
    every = (*first, *(each for shape in arrays for each in shape))
    return next((each for each, now in zip(every, trace.hinted(every)) if now == size), size)


def _seen(linked: Jitted, values: Sequence[Any], error: TraceError) -> list[tuple] | None:
    """The sizes of what the function gives in this call, where that can be found out."""
    trace = active()
    if trace.given is None or trace.region is not None:
        return None
    atoms = [_operand(trace, values[place], linked.arguments[place]) for place in linked.places]
    try:
        known = hosted.values_of(trace, atoms, error)
    except TraceError:
        return None
    with np.errstate(all="ignore"), tr.suspended(), unwatched():
        try:
            found = ops.evaluated(known, linked)
        except AssumptionError:  # a view of an argument, say
            raise error from None
        except Exception:  # Python makes the call, and raises what that raises
            return None
    made = zip(linked.results, found[linked.writes :])
    return [np.shape(array.T) if part.order == "F" else np.shape(array) for part, array in made]


# whether it does nothing else -------------------------------------------------------------------------------------------
def _is_harmless(function: Any, given: Sequence[Any]) -> bool:
    import numba

    try:
        with unwatched():
            return not isinstance(_harmless(function, tuple(map(numba.typeof, given))), str)
    except Exception:  # Python makes the call, and raises what that raises
        return False


def _harmless(function: Any, kinds: tuple) -> Any:
    """What Numba makes of it for these types, if that gives results, writes into its arguments, and does nothing else; or why
    not."""
    from numba.core import errors

    try:
        if kinds not in function.overloads and function._can_compile:
            function.compile(kinds)
    except errors.NumbaError as error:  # Python makes the call, and raises that
        return f"Numba says: {str(error).strip().splitlines()[0]}"
    found = function.overloads.get(kinds)
    made = found or next((made for own, made in function.overloads.items() if _takes(own, kinds)), None)
    if made is None:
        return f"it has no signature for {', '.join(map(str, kinds))}"
    if made.objectmode:
        return "it runs in object mode"
    text, parallel = made.library.get_llvm_str(), function.targetoptions.get("parallel")
    harmless = all(
        _HARMLESS.match(name) or name in _MATH or (parallel and _PARALLEL.match(name)) for name in _DECLARED.findall(text)
    )
    return made if harmless and "call i64 inttoptr" not in text else "it has effects, or calls what may have some"


def _takes(own: tuple, kinds: tuple) -> bool:
    """Whether what was compiled for these types is what Numba calls for those: arrays in an order may be arrays in any."""

    def taken(a: Any, b: Any) -> bool:
        return a == b or (type(a) is numba_types().Array and a.layout == "A" and b == a.copy(layout=getattr(b, "layout", "A")))

    return len(own) == len(kinds) and all(map(taken, own, kinds))


def _handed_on(code: types.CodeType) -> int | None:
    """The argument that a function gives on every way, as it was given it."""
    steps = list(dis.get_instructions(code))
    given = {
        before.argval if before.opname.startswith("LOAD_FAST") else None
        for before, step in pairwise(steps)
        if step.opname.startswith("RETURN_")
    }
    changed = {step.argval for step in steps if step.opname.startswith(("STORE_FAST", "DELETE_FAST"))}
    name = given.pop() if len(given) == 1 else None
    arguments = code.co_varnames[: code.co_argcount]
    return arguments.index(name) if name in arguments and name not in changed else None


def _codes(function: Any, seen: set[int]) -> Iterator[types.CodeType]:
    """The code of a function of Numba's, and of those that it calls."""
    plain = getattr(function, "py_func", None)
    if plain is None or id(plain) in seen:
        return
    seen.add(id(plain))
    yield plain.__code__
    cells = [cell.cell_contents for cell in plain.__closure__ or ()]
    for other in (*(plain.__globals__.get(name) for name in plain.__code__.co_names), *cells):
        yield from _codes(other, seen)
