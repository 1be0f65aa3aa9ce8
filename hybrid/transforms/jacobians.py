"""Whole derivatives: every element of a result by every element of an argument; and what is linear in a direction."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import ArgumentError
from hybrid.frontend.shaping import moveaxis, reshape
from hybrid.frontend.values import Value, wrap
from hybrid.transforms.batched import vmap
from hybrid.transforms.derived import Chosen, grad, jvp, type_of, vjp
from hybrid.transforms.recorded import opened


def linearize(f: Callable, *primals: Any) -> tuple:
    """f's value, and the linear function that takes tangents of the arguments to that of the value.

    f runs once; the linear function may be called any number of times, for the price of going backward twice each.

    >>> y, push = hy.linearize(lambda x: x * x, 3.0)
    >>> y, push(1.0)
    (np.float64(9.0), np.float64(6.0))
    """
    value, back = vjp(f, *primals)
    zeros = tree.map_leaves(lambda leaf: np.zeros(*type_of(leaf))[()], value)
    _, twice = vjp(back, zeros)

    def push(*tangents: Any) -> Any:
        if len(tangents) != len(primals):
            raise ArgumentError("a tangent for each argument", got=len(tangents), expected=len(primals))
        return twice(tangents)[0]

    return value, push


def _basis(x: Any) -> np.ndarray:
    """The unit vectors of an array's space, one a row."""
    shape, dtype = type_of(x)
    count = int(np.prod(shape, dtype=np.int64))
    return np.eye(count, dtype=dtype).reshape((count, *shape))


def jacobian(f: Callable, argnums: int | Sequence[int] = 0, mode: str = "auto") -> Callable[..., Any]:
    """The function that gives the derivative of every element of f's result by every element of its arguments.

    Args:
        f: a function of arrays that returns one, or a nesting of several.
        argnums: as for `grad`.
        mode: "reverse" goes back once for each element of the result, "forward" forth once for each of the arguments;
            "auto" takes what is less.

    Returns:
        Of a result of shape r and an argument of shape a, an array of shape r + a; nested as the result, then as the arguments.

    >>> hy.jacobian(lambda x: x[1:] * x[:-1])(np.array([1.0, 2.0, 3.0]))
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ArgumentError("a jacobian is computed forward or in reverse", got=mode, expected="auto · forward · reverse")

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = Chosen("jacobian", args, argnums)

        def of_leaves(*leaves: Any) -> Any:
            return opened(f)(*chosen.with_leaves(leaves), **kwargs)

        value, back = vjp(of_leaves, *chosen.leaves)
        results, structure = tree.flatten(value)
        rows = sum(int(np.prod(type_of(r)[0], dtype=np.int64)) for r in results)
        columns = sum(int(np.prod(type_of(leaf)[0], dtype=np.int64)) for leaf in chosen.leaves)
        if mode == "forward" or (mode == "auto" and columns < rows):
            blocks = _forward_blocks(of_leaves, chosen.leaves, len(results))
        else:
            blocks = _reverse_blocks(back, results, structure)
        nested = []
        for r, row in zip(results, blocks):
            shaped = [_shaped(block, (*type_of(r)[0], *type_of(leaf)[0])) for leaf, block in zip(chosen.leaves, row)]
            nested.append(chosen.nested(shaped))
        return tree.unflatten(structure, nested)

    return call


def _shaped(block: Any, shape: tuple) -> Any:
    block = block if isinstance(block, Value) else wrap(np.asarray(block))
    return reshape(block, shape)


def _reverse_blocks(back: Callable, results: Sequence[Any], structure: tree.Structure) -> list[list[Any]]:
    """For each result, its derivative by each leaf, the result's elements first."""
    zeros = [np.zeros(*type_of(r)) for r in results]
    out = []
    for k, result in enumerate(results):

        def row(seed: Any, k: int = k) -> tuple:
            return back(tree.unflatten(structure, [seed if at == k else zero for at, zero in enumerate(zeros)]))

        out.append(list(vmap(row)(_basis(result))))
    return out


def _forward_blocks(f: Callable, leaves: Sequence[Any], count: int) -> list[list[Any]]:
    zeros = [np.zeros(*type_of(leaf)) for leaf in leaves]
    blocks: list[list[Any]] = [[] for _ in range(count)]
    for k, leaf in enumerate(leaves):

        def column(direction: Any, k: int = k) -> list:
            along = tuple(direction if at == k else zero for at, zero in enumerate(zeros))
            return tree.flatten(jvp(f, tuple(leaves), along)[1])[0]

        for at, found in enumerate(vmap(column)(_basis(leaf))):
            blocks[at].append(moveaxis(as_tensor(found), 0, -1))
    return blocks


def as_tensor(x: Any) -> Any:
    return x if isinstance(x, Value) else wrap(np.asarray(x))


def hessian(f: Callable, argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of a function that returns one real number: forward over reverse.

    >>> hy.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="forward")


def hvp(f: Callable, primals: Any, tangents: Any) -> Any:
    """The second derivatives of f, which returns one real number, times a direction, without making them.

    Args:
        primals: f's arguments, a tuple; the argument itself where there is one.
        tangents: a direction for each.

    Returns:
        As the arguments were given: a tuple, or an array for the one.

    >>> hy.hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    if not isinstance(primals, (tuple, list)):
        return hvp(f, (primals,), (tangents,))[0]
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]
