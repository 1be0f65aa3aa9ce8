"""Where the first NaN or infinity comes from: what `config.check_nan` and `config.check_inf` ask of every operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hybrid.core import config as settings
from hybrid.core import dtype as dt
from hybrid.core.config import config
from hybrid.core.errors import NotFiniteError
from hybrid.ir import trace as tr
from hybrid.ir.graph import Eqn, Graph, Source, Var, apply, bodies, evaluate, observed, rounds

SHOWN = 3  # operands whose values a message shows


def wanted() -> bool:
    """Whether a setting asks for it."""
    return config.check_nan or config.check_inf


def examine(
    what: str, operands: Sequence[Any], results: Sequence[Any], at: Source | None, turn: tuple[int, ...] = ()
) -> NotFiniteError | None:
    """The error for an operation that made a NaN or an infinity out of operands that have none."""
    for name, test, asked in (("NaN", np.isnan, config.check_nan), ("infinity", np.isinf, config.check_inf)):
        if not asked:
            continue
        bad = next((found for r in results if (found := _marked(test, r)) is not None), None)
        if bad is None or any(_marked(test, x) is not None for x in operands):
            continue
        array, mask = bad
        index = tuple(int(i) for i in np.argwhere(mask)[0]) if mask.ndim else ()
        place = f" at index {index if len(index) != 1 else index[0]}" if index else ""
        more = f", and {int(mask.sum()) - 1} more of {mask.size}" if int(mask.sum()) > 1 else ""
        when = f" in round {', '.join(map(str, turn))}" if turn else ""
        given = [_element(x, array.shape, index) for x in operands[:SHOWN] if _is_numeric(x)]
        return NotFiniteError(
            f"{what} gives {_word(name, array, mask)}{place}{more}{when}",
            got=f"operands {', '.join(given)}" if given else "no operands",
            expected=f"no {name}, since config.check_{'nan' if name == 'NaN' else 'inf'} is on",
            at=f"{at}: {at.text}" if at else None,
        )
    return None


def check(graph: Graph, arrays: Sequence[Any]) -> None:
    """Evaluate a graph op by op, bodies of loops included, and raise for the first operation that makes what is not wanted.

    Raises:
        NotFiniteError: naming the operation, the user's line and the place in the array.
        AssumptionError: Python has to make this call, and raises what it raises.
    """
    found: list[NotFiniteError] = []

    def look(eqn: Eqn, operands: Sequence[Any], graph: Graph, known: Mapping[Var, Any]) -> tuple:
        results = apply(eqn, operands)
        if not found and not bodies(eqn):
            error = examine(eqn.primitive.name, operands, results, eqn.source, rounds())
            if error is not None:
                found.append(error)
        return results

    with observed(look):
        evaluate(graph, *arrays)  # to its end: it may turn out to be Python's call
    if found:
        raise found[0]


def checked(what: str, function: Callable, *operands: Any, **named: Any) -> Any:
    """`function(*operands, **named)`, an eager operation, whose results are found to be in order."""
    if not wanted():
        return function(*operands, **named)
    given = [part for x in operands for part in (x if isinstance(x, (tuple, list)) else (x,))]
    # An operation in place would be blamed on what it has overwritten.
    before = [x.copy() if isinstance(x, np.ndarray) and named.get("out") is not None else x for x in given]
    out = function(*operands, **named)
    results = out if isinstance(out, (tuple, list)) else (out,)
    error = examine(what, before, results, tr.user_line())
    if error is not None:
        raise error
    return out


@contextmanager
def in_python() -> Iterator[None]:
    """Have NumPy itself look, where a decorated function runs as plain Python."""
    if not wanted():
        yield
        return

    def report(kind: str, flag: int) -> None:
        at = tr.user_line()
        setting = "nan" if kind.startswith("invalid") else "inf"
        raise NotFiniteError(
            f"NumPy meets: {kind}",
            expected=f"none of that, since config.check_{setting} is on",
            at=f"{at}: {at.text}" if at else None,
        )

    asked = {"invalid": config.check_nan, "divide": config.check_inf, "over": config.check_inf}
    with np.errstate(call=report, **{name: "call" for name, on in asked.items() if on}):  # type: ignore[arg-type]
        yield


def _is_numeric(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, float, complex, int))


def _marked(test: Any, x: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """An array and where the test holds, if it does anywhere."""
    if not _is_numeric(x):
        return None
    array = np.asarray(x)
    if array.dtype.kind not in "fc" and array.dtype != dt.bfloat16:
        return None
    mask = np.asarray(test(array))
    return (array, mask) if mask.any() else None


def _element(x: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> str:
    array = np.asarray(x)
    if not array.ndim:
        return str(array)
    # Operands of another shape (of a reduction, say) are told by their type.
    return str(array[index]) if array.shape == shape else f"{array.dtype}{list(array.shape)}"


def _word(name: str, array: np.ndarray, mask: np.ndarray) -> str:
    return "a NaN" if name == "NaN" else f"{array[mask].ravel()[0]}"


def _changed(name: str, before: object, after: object) -> None:
    if name in ("check_nan", "check_inf") and bool(before) != bool(after):
        tr.watch_eager(1 if after else -1)


settings.listeners.append(_changed)
tr.watch_eager(config.check_nan + config.check_inf)
