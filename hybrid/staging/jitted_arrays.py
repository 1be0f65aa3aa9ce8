"""Functions that the user compiled with Numba and calls with arrays: called between compiled parts, as they are.

Numba's code may write into its arguments. So it is given copies of those that it may write, and what it leaves in them is
written after the call; where two of them may be one array, or it has other effects, the call is Python's.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.core.errors import AssumptionError, TraceError
from hybrid.frontend import hosted, islands
from hybrid.frontend.values import Value, active, kind_of, shape_of, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol
from hybrid.staging.chains import may_write
from hybrid.staging.effects import unwatched

_DECLARED = re.compile(r'^declare [^@]*@"?([^"(]+)', re.MULTILINE)
# What Numba's code may call: its allocation, errors and conversions, BLAS and LAPACK, LLVM's own functions and C's of <math.h>.
_HARMLESS = re.compile(
    r"llvm\.|NRT_|numba_(xx|ez|raw|do_raise|gil_|unpickle|runtime_build|attempt|fatal)|mem(cpy|set|move|cmp)$"
    r"|Py(Arg_|Err_|Bytes_From|Unicode_|Float_|Long_|Number_(Float|Long|Index)|Tuple_|List_|Bool_|Complex_|Sequence_)"
    r"|PyObject_Hash|Py_(Inc|Dec|Fatal)"
)
_MORE = ("exp2", "fma", "lround", "nearbyint", "rint", "round")
_MATH = frozenset(name + end for name in (*dir(math), *_MORE) for end in ("", "f"))


def is_array(x: Any) -> bool:
    return isinstance(x, (Value, np.ndarray)) and (bool(shape_of(x)) or kind_of(x) in ("tensor", "ndarray"))


def called(function: Any, values: Sequence[Any], error: TraceError) -> Any:
    """What `function(*values)` gives, as traced values of a call between compiled parts.

    Raises:
        TraceError: `error`, where there can be none.
    """
    trace, name = active(), function.__name__
    arrays = [k for k, x in enumerate(values) if is_array(x)]
    if trace.varying is None or trace.given is None or trace.region is not None:
        raise error
    if not all(k in arrays or isinstance(x, (Value, bool, int, float, complex, np.generic)) for k, x in enumerate(values)):
        raise error
    written = [k for k in arrays if any(map(may_write, _codes(function, set())))]
    if written and _meet([values[k] for k in arrays]):
        raise error
    atoms = [tr.read(symbol(trace, x)) if isinstance(x, (Value, np.ndarray)) else None for x in values]
    known = iter(hosted.values_of(trace, [atom for atom in atoms if atom is not None], error))
    given = [x if atom is None else islands.as_given(kind_of(x), np.array(next(known))) for x, atom in zip(values, atoms)]
    if not _is_harmless(function, given):
        raise error
    found = islands.between(_on_copies(function, written), tuple(values), {}, name, error, quick=True)
    out, *after = found
    for k, new in zip(written, after):
        target = values[k] if isinstance(values[k], Value) else wrap(trace.capture(values[k], "ndarray"))
        tr.write(symbol(trace, target), tr.read(unwrap(new)))
    return out


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


def _is_harmless(function: Any, given: Sequence[Any]) -> bool:
    """Whether what Numba makes of it for these arguments gives results, writes into them, and does nothing else."""
    import numba

    try:
        with unwatched():
            types_ = tuple(map(numba.typeof, given))
            if types_ not in function.overloads and function._can_compile:
                function.compile(types_)
            made = function.overloads.get(types_)
    except Exception:  # Python makes the call, and raises what that raises
        return False
    if made is None or made.objectmode or function.targetoptions.get("parallel"):
        return False
    text = made.library.get_llvm_str()
    return "call i64 inttoptr" not in text and all(_HARMLESS.match(name) or name in _MATH for name in _DECLARED.findall(text))


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
