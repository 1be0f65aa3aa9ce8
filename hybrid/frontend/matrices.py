"""`hybrid.linalg`: the linear algebra of NumPy and the array-API standard under its names, most of it from other modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.frontend.calls import implements, unsupported
from hybrid.frontend.gathering import diagonal as _diagonal
from hybrid.frontend.linear import cholesky, det, eigh, inv, matmul, norm, outer, qr, solve, svd, tensordot, vecdot
from hybrid.frontend.linear import cross as _cross
from hybrid.frontend.queries import matrix_trace as trace
from hybrid.frontend.shaping import matrix_transpose

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


# Computed by LAPACK's and NumPy's own code in compiled functions, too: a host call.
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
    raise unsupported("np.linalg.matrix_norm")


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Square matrices multiplied by themselves n times; by their inverses for a negative n.

    >>> hy.linalg.matrix_power(hy.asarray([[1, 1], [0, 1]]), 5)
    tensor([[1, 5],
            [0, 1]], dtype=int64)
    """
    raise unsupported("np.linalg.matrix_power")


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


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """A norm of vectors along axes, of all elements without `axis`.

    >>> hy.linalg.vector_norm(hy.asarray([3.0, 4.0]))
    tensor(5., dtype=float32)
    """
    raise unsupported("np.linalg.vector_norm")


for _computed in (
    cond,
    eig,
    eigvals,
    eigvalsh,
    lstsq,
    matrix_norm,
    matrix_power,
    matrix_rank,
    pinv,
    slogdet,
    svdvals,
    vector_norm,
):
    _computed.by_library = True  # type: ignore[attr-defined]  # derivatives may decide by numbers among arguments
