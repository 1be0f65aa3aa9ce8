"""`np.emath`: roots, logarithms and inverse functions that leave the real numbers where they must.

Whether the result is real depends on the values: a trace takes for granted that it stays as it is in the call that is traced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import hosted
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.reductions import any as some
from hybrid.frontend.shaping import as_array
from hybrid.frontend.values import active, assembled, operand, strong


def _held(condition: Any, what: str) -> bool:
    """Whether something holds of some element in this call, and so in all that the trace serves."""
    trace = active()
    atom = operand(trace, condition, dt.bool_)
    present = hosted.present_values(trace, [atom]) if trace.region is None else None
    if present is None:
        raise unsupported(f"np.emath where only a run knows whether some {what}")
    found = bool(present[0])
    trace.assume(atom if found else operand(trace, ~condition, dt.bool_), f"{'some' if found else 'no'} {what}")
    return found


def _beyond(x: Any, condition: Callable, what: str, widened: Callable) -> Any:
    """The array, or where a condition holds for any of its elements what stands for it among other numbers."""
    x = as_array(assembled(active(), x))
    if dt.is_complex(strong(x)) or dt.KIND[strong(x)] in "bu":
        return x  # of booleans and unsigned integers none is negative, and complex ones are where they should be
    return widened(x) if _held(some(condition(x)), what) else x


def _complex(x: Any) -> Any:
    narrow = strong(x) == dt.float32 or (dt.is_integer(strong(x)) and strong(x).itemsize < 4)
    return cast(x, np.complex64 if narrow else np.complex128)


def _positive(x: Any) -> Any:
    return _beyond(x, lambda x: x < 0, "number is negative", _complex)


def _whole(p: Any) -> Any:
    return _beyond(p, lambda p: p < 0, "exponent is negative", lambda p: p * 1.0)


def _within(x: Any) -> Any:
    x = as_array(assembled(active(), x))
    if dt.KIND[strong(x)] == "u":
        raise unsupported("np.emath of unsigned integers")
    return _beyond(x, lambda x: u.absolute(x) > 1, "number lies beyond one", _complex)


def _of(function: Callable, prepared: Callable) -> Callable:
    return lambda x: function(prepared(x))


_FORMS: dict[str, Callable] = {
    **{name: _of(getattr(np, name), _positive) for name in ("sqrt", "log", "log2", "log10")},
    **{name: _of(getattr(np, name), _within) for name in ("arccos", "arcsin", "arctanh")},
    "logn": lambda n, x: u.log(_positive(x)) / u.log(_positive(n)),
    "power": lambda x, p: u.power(_positive(x), _whole(p)),
}
hosted.COMPOSED.update({f"numpy.lib.scimath.{name}": form for name, form in _FORMS.items()})
