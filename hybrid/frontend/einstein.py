"""Einstein's notation: products and sums written with the letters of axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import store
from hybrid.frontend.gathering import writeable_diagonal
from hybrid.frontend.indexing import getitem
from hybrid.frontend.linear import added, dot_general
from hybrid.frontend.shaping import (
    transpose,
)
from hybrid.frontend.values import (
    active,
    allocated,
    laid_out,
    shape_of,
    unwrap,
)
from hybrid.ir import trace as tr

_PRODUCTS = frozenset("?bBhHiIlLqQfdFD")  # dtypes that NumPy multiplies and adds in themselves, by character


@implements(np.einsum)
def einsum(subscripts: Any, /, *operands: Any, out: Any = None, optimize: Any = False, **rest: Any) -> Any:
    """Products and sums written with axis letters, e.g. "ij,jk->ik"; operands are contracted from left to right.

    >>> hy.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1]), hy.einsum("ii", [[1, 2], [3, 4]])
    (array([3, 7]), np.int64(5))
    """
    if not isinstance(subscripts, str) and not rest and operands:
        subscripts, operands = _lettered((subscripts, *operands))
    if not isinstance(subscripts, str) or rest:
        raise unsupported("np.einsum with sublists or keywords", 'write the axes as a string, e.g. "ij,jk->ik"')
    terms, output = _subscripts(subscripts, operands)
    parts = [_distinct(traced(x), term) for x, term in zip(operands, terms)]
    current, names = parts[0]
    for place, (other, other_names) in enumerate(parts[1:], 1):
        later = output + "".join(terms[place + 1 :])
        current, names = _contracted(current, names, other, other_names, later)
    missing = tuple(k for k, name in enumerate(names) if name not in output)
    current, names = (added(current, missing), "".join(n for n in names if n in output)) if missing else (current, names)
    perm = [names.index(name) for name in output]
    if len(parts) == 1 and not missing:
        result = transpose(current, perm) if output else getitem(current, ())
    else:
        result = _summed(current, perm, parts, output)
    return result if out is None else store(active(), out, result)


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
    lists = [part for k, part in enumerate(args) if k % 2 or k == len(args) - 1]
    if not all(isinstance(part, (list, tuple)) and all(type(n) is int and 0 <= n < 52 for n in part) for part in lists):
        raise unsupported("np.einsum with such sublists")
    names = ["".join(chr((97 if n >= 26 else 65) + n % 26) for n in part) for part in lists]
    pairs = len(args) // 2
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
            raise ValueError(f"operands could not be broadcast together: axis {name!r} has sizes {i} and {j}")
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
