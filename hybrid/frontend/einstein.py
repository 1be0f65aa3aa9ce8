"""Einstein's notation: products and sums written with the letters of axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import cast, check_out, store
from hybrid.frontend.gathering import writeable_diagonal
from hybrid.frontend.indexing import getitem
from hybrid.frontend.linear import added, dot_general
from hybrid.frontend.shaping import as_array, transpose
from hybrid.frontend.values import (
    active,
    allocated,
    assembled,
    cut,
    kind_of,
    laid_out,
    meet,
    read,
    shape_of,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr

# Of so many operands the cheapest order is sought among all; of more it is found greedily.
MAX_SOUGHT = 4
MAX_LETTERS = 9  # letters whose sizes are told apart when NumPy is asked for the order in memory: 9! bytes


@implements(np.einsum)
def einsum(*operands: Any, out: Any = None, optimize: Any = False, dtype: Any = None, order: str = "K",
           casting: Any = "safe") -> Any:  # fmt: skip
    """Products and sums written with axis letters, e.g. "ij,jk->ik", or with lists of axis numbers after each operand.

    More than two operands are multiplied two at a time. Compiled code looks for the cheapest order unless `optimize` is one
    that `einsum_path` gave; an eager call does so where `optimize` says "greedy" or "optimal".

    >>> hy.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1]), hy.einsum("ii", [[1, 2], [3, 4]])
    (array([3, 7]), np.int64(5))
    """
    text, operands = _written(operands)
    terms, output = _subscripts(text, operands)
    given = tuple(_converted(x, dtype, casting) for x in operands)
    parts = [_distinct(x, term) for x, term in zip(given, terms)]
    current, names = _product(parts, terms, output, optimize)
    missing = tuple(k for k, name in enumerate(names) if name not in output)
    current, names = (added(current, missing), "".join(n for n in names if n in output)) if missing else (current, names)
    perm = [names.index(name) for name in output]
    if len(parts) == 1 and not missing:
        result = transpose(current, perm) if output else getitem(current, ())
    else:
        result = _summed(current, perm, parts, output)
        if optimize is not False and len(parts) > 1:
            result = _as_multiplied(result, terms, given, output, optimize)
        if order != "K":
            fortran = order == "F" or (order == "A" and all(traced(x)._data.proto.flags.fnc for x in given))
            result = laid_out(result, np.empty(_hinted(result), np.uint8, "F") if fortran and output else None)
    if out is None:
        return result
    check_out(out, result)
    return store(active(), out, result, casting=casting)


@implements(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> tuple:
    """In which order `einsum` multiplies these operands, as a list to pass as `optimize=`, and a text that says why.

    >>> hy.einsum_path("ij,jk,kl->il", np.ones((2, 9)), np.ones((9, 9)), np.ones((9, 2)))[0]
    ['einsum_path', (0, 1), (0, 1)]
    """
    text, operands = _written(operands)
    if einsum_call or any(isinstance(size, Dim) for x in operands for size in shape_of(x)):
        raise unsupported("np.einsum_path of sizes that only a run knows")
    return np.einsum_path(text, *map(_shaped, operands), optimize=optimize)


def _written(args: tuple) -> tuple[str, tuple]:
    """The subscripts and the operands; lists and numbers among these as arrays."""
    text, operands = args[0] if args else "", args[1:]
    if not isinstance(text, str):
        text, operands = _lettered(args)
    if not operands:
        raise ValueError("must provide at least an operand and a subscripts list to einsum")
    return text, tuple(as_array(assembled(active(), x)) for x in operands)


def _converted(x: Any, dtype: Any, casting: Any) -> Any:
    """An operand in the dtype that was asked for."""
    wanted = strong(x) if dtype is None else dt.canonical(dtype)
    if not np.can_cast(strong(x), wanted, casting):
        raise TypeError(f"Cannot cast array data from {strong(x)!r} to {wanted!r} according to the rule {casting!r}")
    return cast(x, wanted)


def _hinted(x: Any) -> tuple[int, ...]:
    return active().hinted(shape_of(x))


def _shaped(x: Any) -> np.ndarray:
    """An array of the sizes of this call, without memory."""
    return np.broadcast_to(np.zeros((), np.int8), _hinted(x))


def _product(parts: list, terms: list[str], output: str, optimize: Any) -> tuple[Any, str]:
    """The product of all operands, two at a time, summed over letters that neither the result nor another operand has."""
    left = _matching(parts)
    for step in _steps(parts, output, optimize):
        factors = [left[k] for k in sorted(step)]
        left = [part for k, part in enumerate(left) if k not in step]
        elsewhere = output + "".join(names for _, names in left)
        x, own = factors[0]
        for place, (other, names) in enumerate(factors[1:], 1):
            later = elsewhere + "".join(names for _, names in factors[place + 1 :])
            x, own = _contracted(x, own, other, names, later)
        left.append((x, own))
    return left[0]


def _steps(parts: list, output: str, optimize: Any) -> list[tuple[int, ...]]:
    """Which operands are multiplied with which, as NumPy's paths say it; for sizes that vary, those of this call decide."""
    if len(parts) < 3:
        return [tuple(range(len(parts)))]
    known = isinstance(optimize, (list, tuple)) and len(optimize) and optimize[0] == "einsum_path"
    how = optimize if known else "optimal" if len(parts) <= MAX_SOUGHT else "greedy"
    text = ",".join(names for _, names in parts) + "->" + output
    return np.einsum_path(text, *(_shaped(x) for x, _ in parts), optimize=how)[0][1:]


def _matching(parts: list) -> list:
    """The operands without the axes of size 1 that another operand's axis of the same letter stretches."""
    wide = {name for x, names in parts for name, size in zip(names, shape_of(x)) if size != 1}
    out = []
    for x, names in parts:
        drop = [k for k, name in enumerate(names) if name in wide and shape_of(x)[k] == 1]
        if drop:
            x = getitem(x, tuple(0 if k in drop else slice(None) for k in range(len(names))))
        out.append((x, "".join(name for k, name in enumerate(names) if k not in drop)))
    return out


def _as_multiplied(x: Any, terms: list[str], given: tuple, output: str, optimize: Any) -> Any:
    """x as NumPy gives it where it multiplies two at a time: an array also of rank 0, laid out by its last product.

    NumPy is asked, of few elements: sizes that are as great as one another stay so, since it sorts axes by them.
    """
    trace = active()
    sizes = {name: size for term, one in zip(terms, given) for name, size in zip(term, _hinted(one)) if size != 1}
    ranks = sorted(set(sizes.values())) if len(sizes) <= MAX_LETTERS else []
    small = {name: 2 + ranks.index(size) if ranks else 2 for name, size in sizes.items()}
    arrays = []
    for term, one in zip(terms, given):
        header = unwrap(one).proto
        steps = sorted(range(len(term)), key=lambda axis: -abs(header.strides[axis]))
        shape = [small.get(name, 1) if size != 1 else 1 for name, size in zip(term, _hinted(one))]
        arrays.append(np.zeros([shape[axis] for axis in steps], np.int8).transpose(np.argsort(steps)))
    text = ",".join(terms) + "->" + output
    real = [_shaped(one) for one in given]
    path = np.einsum_path(text, *real, optimize=optimize)[0]
    made = np.einsum(text, *arrays, optimize=path)
    kind = kind_of(x) if kind_of(x) == "tensor" else "ndarray"
    return laid_out(trace.fresh(tr.read(unwrap(x)), kind), _spread(made, _hinted(x)) if output else None)


def _spread(made: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array of this shape whose axes lie in memory in the order of those of another."""
    order = sorted(range(made.ndim), key=lambda axis: -abs(made.strides[axis]))
    return np.empty([shape[axis] for axis in order], np.uint8).transpose(np.argsort(order))


def _summed(x: Any, perm: list[int], parts: list, output: str) -> Any:
    """x with its axes in the order of the result, as the new array that NumPy makes for it."""
    trace = active()
    letters = output + "".join(sorted({*"".join(names for _, names in parts)} - {*output}))
    axes = [[names.index(n) if n in names else -1 for n in letters] for _, names in parts]
    places = [k if k < len(output) else -1 for k in range(len(letters))]
    out = trace.fresh(tr.read(unwrap(transpose(x, perm))), unwrap(x).kind)
    return laid_out(out, allocated(tuple(part for part, _ in parts), [*axes, places]) if output else None)


def _lettered(args: tuple) -> tuple[str, tuple]:
    """Operands and lists of axis numbers in turn, as letters and operands."""
    pairs, names = len(args) // 2, []
    for part in (*args[1 : 2 * pairs : 2], *args[2 * pairs :]):
        if not isinstance(part, (list, tuple)):
            raise TypeError("each subscript must be either an integer or an ellipsis, in a list")
        if not all(n is Ellipsis or (isinstance(n, (int, np.integer)) and 0 <= n < 52) for n in part):
            raise ValueError("subscript is not within the valid range [0, 52)")
        names.append("".join("..." if n is Ellipsis else chr((97 if n >= 26 else 65) + n % 26) for n in part))
    text = ",".join(names[:pairs]) + ("->" + names[pairs] if len(args) % 2 else "")
    return text, args[: 2 * pairs : 2]


def _subscripts(text: str, operands: tuple) -> tuple[list[str], str]:
    """The letters of every operand and of the result, with `...` written out as capital letters not otherwise used."""
    left, arrow, output = text.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        which = "more" if len(operands) > len(terms) else "fewer"
        raise ValueError(f"{which} operands provided to einstein sum function than specified in the subscripts string")
    spare = [chr(k) for k in range(ord("Z"), ord("A") - 1, -1) if chr(k) not in text]
    ranks = [len(shape_of(x)) - len(term.replace("...", "")) for term, x in zip(terms, operands)]
    widest = max((rank for term, rank in zip(terms, ranks) if "..." in term), default=0)
    dots = "".join(spare[:widest])
    terms = [term.replace("...", dots[widest - rank :]) for term, rank in zip(terms, ranks)]
    if not arrow:
        joined = "".join(term for term in terms)
        output = dots + "".join(sorted(n for n in set(joined) if joined.count(n) == 1 and n not in dots))
    for term, x in zip(terms, operands):
        if len(term) != len(shape_of(x)):
            raise ValueError(
                f"einstein sum subscripts string {term!r} does not fit an operand with {len(shape_of(x))} dimensions"
            )
    return terms, output.replace("...", dots)


def _distinct(x: Any, names: str) -> tuple[Any, str]:
    """An operand without repeated letters: those read a diagonal."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            i = names.index(name)
            j = names.index(name, i + 1)
            if active().ask("eq", shape_of(x)[i], shape_of(x)[j]) is False and 1 not in (shape_of(x)[i], shape_of(x)[j]):
                raise ValueError(f"dimensions in operand for collapsing index {name!r} don't match")
            x = writeable_diagonal(x, 0, i, j)
            names = names[:i] + names[i + 1 : j] + names[j + 1 :] + name
    return x, names


def _contracted(a: Any, names_a: str, b: Any, names_b: str, later: str) -> tuple[Any, str]:
    """The product of two operands, summed over letters that nobody needs later."""
    shared = [n for n in names_a if n in names_b]
    for name in shared:
        i, j = shape_of(a)[names_a.index(name)], shape_of(b)[names_b.index(name)]
        if i != j:
            if not (isinstance(i, Dim) or isinstance(j, Dim)) or not meet(active(), i, j):
                raise ValueError(f"operands could not be broadcast together: axis {name!r} has sizes {i} and {j}")
            b = wrap(
                active().fresh(
                    cut(active(), read(active(), b), tuple(i if n == name else size for n, size in zip(names_b, shape_of(b)))),
                    kind_of(b),
                )
            )
    alone_a = tuple(k for k, n in enumerate(names_a) if n not in names_b and n not in later)
    alone_b = tuple(k for k, n in enumerate(names_b) if n not in names_a and n not in later)
    if alone_a:
        a, names_a = added(a, alone_a), "".join(n for k, n in enumerate(names_a) if k not in alone_a)
    if alone_b:
        b, names_b = added(b, alone_b), "".join(n for k, n in enumerate(names_b) if k not in alone_b)
    batch, over = [n for n in shared if n in later], [n for n in shared if n not in later]
    result = dot_general(
        a, b, (tuple(map(names_a.index, over)), tuple(map(names_b.index, over))),
        (tuple(map(names_a.index, batch)), tuple(map(names_b.index, batch))),
    )  # fmt: skip
    return result, "".join([*batch, *(n for n in names_a if n not in shared), *(n for n in names_b if n not in shared)])
