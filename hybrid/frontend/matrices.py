"""`hybrid.linalg`: the linear algebra of NumPy and the array-API standard under its names, most of it from other modules."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid.core.shape import Dim, normalize_axes, product
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.creation import identity_like
from hybrid.frontend.gathering import diagonal as _diagonal
from hybrid.frontend.indexing import getitem
from hybrid.frontend.linear import cholesky, det, dot, eigh, inv, matmul, norm, outer, qr, solve, svd, tensordot, vecdot
from hybrid.frontend.linear import cross as _cross
from hybrid.frontend.queries import matrix_trace as trace
from hybrid.frontend.reductions import kept
from hybrid.frontend.shaping import copied, matrix_transpose, reshape, transpose
from hybrid.frontend.values import Value, laid_out, like, shape_of
from hybrid.ops import view as v

__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "norm", "outer", "pinv", "qr", "slogdet", "solve",
    "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The vector product of three-dimensional vectors along an axis.

    >>> hy.linalg.cross(hy.asarray([1, 0, 0]), hy.asarray([0, 1, 0]))
    tensor([0, 0, 1], dtype=int64)
    """
    return _cross(x1, x2, axis=axis)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonals of matrices in the last two axes, as a view.

    >>> hy.linalg.diagonal(hy.asarray([[1, 2], [3, 4]]))
    tensor([1, 4], dtype=int64)
    """
    return _diagonal(x, offset, -2, -1)


# In compiled functions calls of a library, which most have a loop of NumPy's for (`core/npylinalg`).
@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """How much larger relative errors may become when a matrix is solved with, in a norm.

    >>> hy.linalg.cond(hy.diag(hy.asarray([1.0, 4.0])))
    tensor(4., dtype=float32)
    """
    raise unsupported("np.linalg.cond")


@implements(np.linalg.eig)
def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors, as columns, of square matrices.

    >>> hy.linalg.eig(hy.diag(hy.asarray([1.0, 4.0])))[0]
    tensor([1., 4.], dtype=float32)
    """
    raise unsupported("np.linalg.eig")


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """Eigenvalues of square matrices.

    >>> hy.linalg.eigvals(hy.diag(hy.asarray([1.0, 4.0])))
    tensor([1., 4.], dtype=float32)
    """
    raise unsupported("np.linalg.eigvals")


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of symmetric matrices in ascending order.

    >>> hy.linalg.eigvalsh(hy.diag(hy.asarray([4.0, 1.0])))
    tensor([1., 4.], dtype=float32)
    """
    raise unsupported("np.linalg.eigvalsh")


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The x for which |b - a @ x| is least, the residuals, the rank and the singular values.

    >>> hy.linalg.lstsq(hy.diag(hy.asarray([1.0, 4.0])), hy.asarray([2.0, 4.0]), rcond=None)[0]
    tensor([2., 1.], dtype=float32)
    """
    raise unsupported("np.linalg.lstsq")


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """A norm of matrices in the last two axes.

    >>> hy.linalg.matrix_norm(hy.asarray([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5., dtype=float32)
    """
    return norm(x, ord, (-2, -1), keepdims)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Square matrices multiplied by themselves n times; by their inverses for a negative n.

    >>> hy.linalg.matrix_power(hy.asarray([[1, 1], [0, 1]]), 5)
    tensor([[1, 5],
            [0, 1]], dtype=int64)
    """
    shape = shape_of(a)
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"{len(shape)}-dimensional array given. Array must be at least two-dimensional")
    if shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if isinstance(n, Value):
        raise unsupported("np.linalg.matrix_power with a power that only a run knows")
    try:
        power = operator.index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    a = traced(a)
    if not power:
        return laid_out(copied(identity_like(a), v.broadcast, shape=shape), like(a))
    factor, out = inv(a) if power < 0 else a, None
    if abs(power) == 3:
        return matmul(matmul(factor, factor), factor)
    for k, bit in enumerate(reversed(f"{abs(power):b}")):
        factor = matmul(factor, factor) if k else factor
        if bit == "1":
            out = factor if out is None else matmul(out, factor)
    return out


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """How many singular values of matrices count as nonzero.

    >>> hy.linalg.matrix_rank(hy.asarray([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1, dtype=int64)
    """
    raise unsupported("np.linalg.matrix_rank")


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The pseudo-inverse of matrices, by their singular values.

    >>> hy.linalg.pinv(hy.diag(hy.asarray([2.0, 4.0])))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]], dtype=float32)
    """
    raise unsupported("np.linalg.pinv")


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """The sign of the determinant and the logarithm of its absolute value.

    >>> hy.linalg.slogdet(hy.eye(3)).sign
    tensor(1., dtype=float32)
    """
    raise unsupported("np.linalg.slogdet")


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """The singular values of matrices in descending order.

    >>> hy.linalg.svdvals(hy.diag(hy.asarray([1.0, 4.0])))
    tensor([4., 1.], dtype=float32)
    """
    raise unsupported("np.linalg.svdvals")


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """The product of several matrices, in the order that takes the fewest multiplications; the ends may be vectors."""
    given = [traced(x) for x in arrays]
    if len(given) < 2:
        raise ValueError("Expecting at least two arrays.")
    if out is not None:
        raise unsupported("np.linalg.multi_dot with out=", "assign the result instead")
    ends = len(shape_of(given[0])), len(shape_of(given[-1]))
    if len(given) == 2:
        return dot(*given)
    given[0] = reshape(given[0], (1, -1)) if ends[0] == 1 else given[0]
    given[-1] = reshape(given[-1], (-1, 1)) if ends[1] == 1 else given[-1]
    for x in given:
        if len(shape_of(x)) != 2:
            raise np.linalg.LinAlgError(f"{len(shape_of(x))}-dimensional array given. Array must be two-dimensional")
    sizes = [size for x in given for size in shape_of(x)]
    if any(isinstance(size, Dim) for size in sizes):
        raise unsupported("np.linalg.multi_dot of sizes that only a run knows")
    made = _chained(given, _parted([shape_of(given[0])[0], *(shape_of(x)[1] for x in given)]), 0, len(given) - 1)
    return getitem(made, (0, 0)) if ends == (1, 1) else reshape(made, -1) if 1 in ends else made


def _parted(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to part matrices i to j (Cormen, Algorithms, 15.2), by their sizes, as NumPy parts them."""
    count = len(sizes) - 1
    cost = {(k, k): 0 for k in range(count)}
    parts: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            # Of three, NumPy takes the last two first where that costs the same.
            least = min(range(j - i), key=lambda k, costs=costs: (costs[k], k))  # type: ignore[misc]
            parts[i, j], cost[i, j] = i + least, costs[least]
    return parts


def _chained(given: Sequence[Any], parts: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return given[i]
    k = parts[i, j]
    return dot(_chained(given, parts, i, k), _chained(given, parts, k + 1, j))


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """A norm of vectors along axes, of all elements without `axis`.

    >>> hy.linalg.vector_norm(hy.asarray([3.0, 4.0]))
    tensor(5., dtype=float32)
    """
    rank, sizes = len(shape_of(x)), shape_of(x)
    if axis is None:
        over, x = tuple(range(rank)), reshape(x, -1)
    elif isinstance(axis, tuple):
        over = normalize_axes(axis, rank)
        rest = tuple(k for k in range(rank) if k not in over)
        x = reshape(transpose(x, (*over, *rest)), (product(sizes[k] for k in over), *(sizes[k] for k in rest)))
    else:
        return norm(x, ord, axis, keepdims)
    out = norm(x, ord, 0)
    return reshape(out, kept(sizes, over)) if keepdims else out


for _computed in (
    cond,
    eig,
    eigvals,
    eigvalsh,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    svdvals,
):
    _computed.by_library = True  # type: ignore[attr-defined]  # derivatives may decide by numbers among arguments
