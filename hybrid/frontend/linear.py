"""Products of matrices and tensors, each as one contraction, and the linear algebra that has primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, normalize_axis
from hybrid.frontend import hosted, values
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import bind, implements, traced, unsupported
from hybrid.frontend.creation import identity_like
from hybrid.frontend.elementwise import cast, check_out, select, store
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import stack
from hybrid.frontend.reductions import any as any_
from hybrid.frontend.reductions import max as reduce_max
from hybrid.frontend.reductions import min as reduce_min
from hybrid.frontend.reductions import root, sum
from hybrid.frontend.shaping import (
    broadcast_to,
    expand_dims,
    moveaxis,
    reshape,
    swapaxes,
)
from hybrid.frontend.values import (
    active,
    broadcast_shapes,
    concrete,
    header_of,
    kind_of,
    laid_out,
    operand,
    result_kind,
    shape_of,
    stacked,
    strong,
    tracing,
    unwrap,
    wrap,
)
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.lifted import Lifted, followable
from hybrid.ir.primitive import Primitive
from hybrid.ops import contract as c
from hybrid.ops import linalg as la
from hybrid.ops import view as v

_PRODUCTS = frozenset("?bBhHiIlLqQfdFD")  # dtypes that NumPy multiplies and adds in themselves, by character


def _pair(a: Any, b: Any) -> tuple[Any, Any, Atom, Atom]:
    """Both operands as tensors and as atoms of their promoted dtype."""
    trace = active()
    a, b = traced(a), traced(b)
    dtype = dt.promote(strong(a), strong(b))
    return a, b, operand(trace, a, dtype), operand(trace, b, dtype)


def _result(operands: tuple, atom: Atom) -> Any:
    return wrap(active().fresh(atom, result_kind(operands, atom.type.shape)))


@followable
def dot_general(a: Any, b: Any, contract: tuple, batch: tuple = ((), ())) -> Any:
    """Sums of products over paired axes: batch axes come first, then the free axes of a, then those of b.

    Args:
        contract: the axes of a and of b that are summed over, pairwise.
        batch: the axes of a and of b that run along together.

    >>> hy.dot_general(hy.ones((5, 2, 3)), hy.ones((5, 3, 4)), contract=((2,), (1,)), batch=((0,), (0,))).shape
    (5, 2, 4)
    """
    params = {"contract": (tuple(contract[0]), tuple(contract[1])), "batch": (tuple(batch[0]), tuple(batch[1]))}
    if tracing(a, b) is None:
        dtype = dt.promote(strong(a), strong(b))
        return bind(c.dot_general, cast(a, dtype), cast(b, dtype), **params)
    a, b, left, right = _pair(a, b)
    return _result((a, b), active().one(c.dot_general, left, right, **params))


# Products ----------------------------------------------------------------------------------------------------------------
_SIGNATURE = "with gufunc signature (n?,k),(k,m?)->(n?,m?)"


def _matmul(x1: Any, x2: Any) -> Any:
    a, b, left, right = _pair(x1, x2)
    for place, atom in enumerate((left, right)):
        if not atom.type.shape:
            raise ValueError(f"matmul: Input operand {place} does not have enough dimensions (has 0, "
                             f"{_SIGNATURE.replace('with gufunc', 'gufunc core with')} requires 1)")  # fmt: skip
    k, have = left.type.shape[-1], right.type.shape[-2 if len(right.type.shape) > 1 else 0]
    if k != have and _may_meet(k, have):
        lead = right.type.shape
        right = values.cut(active(), right, (*lead[:-2], k, lead[-1]) if len(lead) > 1 else (k,))
    elif k != have:
        raise ValueError(f"matmul: Input operand 1 has a mismatch in its core dimension 0, {_SIGNATURE} "
                         f"(size {have} is different from {k})")  # fmt: skip
    result, core = _result((a, b), _contract_last(left, right)), min(len(shape_of(a)), 2) + min(len(shape_of(b)), 2) - 2
    return laid_out(result, stacked((a, b), shape_of(result), core))


def _may_meet(one: Any, other: Any) -> bool:
    """Whether two sizes that must be equal may be taken to be, since a run checks it."""
    known = one == other or not (isinstance(one, Dim) or isinstance(other, Dim)) or 1 in (one, other)
    return not known and values.meet(active(), one, other)


def _contract_last(a: Atom, b: Atom) -> Atom:
    trace = active()
    lead_b, rank_a, rank_b = b.type.shape[:-2], len(a.type.shape), len(b.type.shape)
    if not lead_b:
        # One right-hand matrix for every row of a: no batch, no broadcast.
        return trace.one(c.dot_general, a, b, contract=((rank_a - 1,), (max(rank_b - 2, 0),)), batch=((), ()))
    if rank_a == 1:
        product = trace.one(c.dot_general, a, b, contract=((0,), (rank_b - 2,)), batch=((), ()))
        return product
    lead = broadcast_shapes(a.type.shape[:-2], lead_b)
    a, b = _stretched(a, (*lead, *a.type.shape[-2:])), _stretched(b, (*lead, *b.type.shape[-2:]))
    axes = tuple(range(len(lead)))
    return trace.one(c.dot_general, a, b, contract=((len(lead) + 1,), (len(lead),)), batch=(axes, axes))


def _stretched(a: Atom, shape: Shape) -> Atom:
    return a if a.type.shape == shape else active().one(v.broadcast, a, shape=shape)


@followable
def matmul(x1: Any, x2: Any, /, out: Any = None, **rest: Any) -> Any:
    """The matrix product over the last two axes, leading axes broadcast.

    Vectors count as a row on the left and a column on the right. Sizes that don't fit raise ValueError.

    Sizes that do not meet raise ValueError.

    >>> hy.matmul([[1, 2], [3, 4]], [1, 1]), hy.matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (array([3, 7]), (5, 2, 4))
    """
    if out is None and not rest and not tr.open_traces and type(x1) is type(x2) is values.tensor_class:
        a, b = x1._data, x2._data
        if type(a) is type(b) is np.ndarray and a.dtype.char in _PRODUCTS and b.dtype.char in _PRODUCTS:
            return wrap(np.matmul(a, b))
        if isinstance(a, Lifted) or isinstance(b, Lifted):
            return lifted.follow_two(matmul, x1, x2)
    destination = out[0] if isinstance(out, tuple) else out
    if tracing(x1, x2, destination) is None:
        return _eager_matmul(x1, x2, destination, rest)
    if rest:
        raise unsupported(f"np.matmul({', '.join(rest)}=…)", "leave these keywords out")
    result = _matmul(x1, x2)
    if destination is None:
        return result
    check_out(destination, result)
    return store(active(), destination, result)


matmul.forms = np.matmul, np.matmul  # type: ignore[attr-defined]


def _eager_matmul(a: Any, b: Any, out: Any, rest: dict) -> Any:
    arrays = [np.asarray(concrete(x)) for x in (a, b)]
    if out is None and not rest and any(x.dtype in (dt.bfloat16, dt.float16) for x in arrays) and all(x.ndim for x in arrays):
        # Half precision multiplies and adds in float32, as compiled code does.
        dtype = dt.promote(*(x.dtype for x in arrays))
        wide = [x.astype(np.float32) if x.dtype in (dt.bfloat16, dt.float16) else x for x in arrays]
        result = np.asarray(np.matmul(*wide)).astype(dtype)
    else:
        result = np.matmul(arrays[0], arrays[1], out=concrete(out), **rest)
    if out is not None:
        return out
    return wrap(result) if "tensor" in (kind_of(a), kind_of(b)) else result


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """NumPy's dot: the last axis of a with the second to last of b (its only one for a vector); scalars multiply.

    >>> hy.dot([1, 2, 3], [4, 5, 6]), hy.dot([[1, 2], [3, 4]], 10)
    (np.int64(32), array([[10, 20],
           [30, 40]]))
    """
    if not shape_of(a) or not shape_of(b):
        result = _scaled(a, b)
    else:
        i, j = len(shape_of(a)) - 1, max(len(shape_of(b)) - 2, 0)
        if _may_meet(shape_of(a)[i], shape_of(b)[j]):
            b = _met(b, j, shape_of(a)[i])
        _check_aligned(shape_of(a), shape_of(b), i, j)
        result = dot_general(a, b, ((i,), (j,)))
    if out is not None and not (strong(out) == strong(result) and shape_of(out) == shape_of(result) and header_of(out) is None):
        raise ValueError(
            "output array is not acceptable (must have the right datatype, number of dimensions, and be a C-Array)"
        )
    return result if out is None else store(active(), out, result)


def _scaled(a: Any, b: Any) -> Any:
    # Unlike a ufunc, a product takes Python numbers for float64 and int64 arrays.
    dtype = dt.promote(strong(a), strong(b))
    return u.multiply(cast(traced(a), dtype), cast(traced(b), dtype))


def _check_aligned(a: Shape, b: Shape, i: int, j: int) -> None:
    if a[i] != b[j]:
        raise ValueError(f"shapes {_text(a)} and {_text(b)} not aligned: {a[i]} (dim {i}) != {b[j]} (dim {j})")


def _text(shape: Shape) -> str:
    return str(shape).replace(" ", "")


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """The sum of products over the last axes; scalars multiply.

    >>> hy.inner([[1, 2], [3, 4]], [1, 1])
    array([3, 7])
    """
    if not shape_of(a) or not shape_of(b):
        return _scaled(a, b)
    i, j = len(shape_of(a)) - 1, len(shape_of(b)) - 1
    _check_aligned(shape_of(a), shape_of(b), i, j)
    return dot_general(a, b, ((i,), (j,)))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """The dot product of the flattened operands, the first conjugated.

    >>> hy.vdot([1j, 2], [1j, 1])
    np.complex128(3+0j)
    """
    return dot_general(reshape(a, -1).conj(), reshape(b, -1), ((0,), (0,)))


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The dot product along an axis, the first conjugated.

    >>> hy.vecdot([[1, 2], [3, 4]], [1, 1])
    array([3, 7])
    """
    a, b = traced(x1), traced(x2)
    for place, x in enumerate((a, b)):
        if not shape_of(x):
            raise ValueError(f"vecdot: Input operand {place} does not have enough dimensions "
                             "(has 0, gufunc core with signature (n),(n)->() requires 1)")  # fmt: skip
    sizes = [shape_of(x)[normalize_axis(axis, len(shape_of(x)))] for x in (a, b)]
    if sizes[0] != sizes[1] and not _may_meet(*sizes):
        raise ValueError(f"vecdot: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature (n),(n)->() "
                         f"(size {sizes[1]} is different from {sizes[0]})")  # fmt: skip
    product = u.multiply(moveaxis(a, axis, -1).conj(), moveaxis(b, axis, -1))
    return sum(product, -1, strong(product))


@implements(np.outer, np.linalg.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Every product of an element of a with one of b.

    >>> hy.outer([1, 2], [3, 4, 5])
    array([[ 3,  4,  5],
           [ 6,  8, 10]])
    """
    return u.multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)), out=out)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """The Kronecker product of two arrays.

    >>> hy.kron([[1, 2]], [[1, 0], [0, 1]])
    array([[1, 0, 2, 0],
           [0, 1, 0, 2]])
    """
    rank = max(len(shape_of(a)), len(shape_of(b)))
    shape_a = (1,) * (rank - len(shape_of(a))) + shape_of(a)
    shape_b = (1,) * (rank - len(shape_of(b))) + shape_of(b)
    left = reshape(a, tuple(s for size in shape_a for s in (size, 1)))
    right = reshape(b, tuple(s for size in shape_b for s in (1, size)))
    if not rank:
        return u.multiply(a, b)
    return reshape(left * right, tuple(m * n for m, n in zip(shape_a, shape_b)))


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vector product of three-dimensional vectors along an axis.

    >>> hy.cross([1, 0, 0], [0, 1, 0])
    array([0, 0, 1])
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if shape_of(a)[-1] != 3 or shape_of(b)[-1] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    x, y = ([getitem(m, (..., k)) for k in range(3)] for m in (a, b))
    parts = [x[i] * y[j] - x[j] * y[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return moveaxis(laid_out(stack(parts, -1), None), -1, axisc)


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over the given axes: the last n of a with the first n of b, or two lists of axes.

    >>> hy.tensordot(np.ones((2, 3, 4)), np.ones((3, 4, 5))).shape
    (2, 5)
    """
    shape_a, shape_b = shape_of(a), shape_of(b)
    if isinstance(axes, (int, np.integer)):
        over_a, over_b = tuple(range(len(shape_a) - axes, len(shape_a))), tuple(range(axes))
    else:
        over_a, over_b = (tuple(x) if isinstance(x, (tuple, list)) else (x,) for x in axes)
    over_a = tuple(normalize_axis(k, len(shape_a)) for k in over_a)
    over_b = tuple(normalize_axis(k, len(shape_b)) for k in over_b)
    if len(over_a) != len(over_b) or any(shape_a[i] != shape_b[j] for i, j in zip(over_a, over_b)):
        raise ValueError("shape-mismatch for sum")
    return _array(dot_general(a, b, (over_a, over_b)))


def added(x: Any, axis: Any) -> Any:
    """A sum in the dtype of the elements, as products of NumPy's have it; of booleans, whether one is true."""
    return any_(x, axis) if strong(x) == dt.bool_ else sum(x, axis, strong(x))


def _array(x: Any) -> Any:
    """A rank-0 array where the products above would give a scalar."""
    data = unwrap(x)
    return wrap(active().fresh(tr.read(data), "ndarray")) if data.kind == "scalar" else x


# numpy.linalg ------------------------------------------------------------------------------------------------------------
def _float_matrix(x: Any) -> Any:
    """LAPACK's dtypes: single and double precision, everything else in double."""
    dtype = strong(x)
    if dtype in (dt.float16, dt.bfloat16):
        raise TypeError(f"array type {dtype} is unsupported in linalg")
    return traced(x) if dt.is_inexact(dtype) else cast(traced(x), np.float64)


def _square(x: Any) -> Any:
    shape = shape_of(x)
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"{len(shape)}-dimensional array given. Array must be at least two-dimensional")
    if shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return _float_matrix(x)


def _met(x: Any, axis: int, size: Any) -> Any:
    """x with the size of an axis written as one that a check says it is."""
    sizes = (*shape_of(x)[:axis], size, *shape_of(x)[axis + 1 :])
    return wrap(active().fresh(values.cut(active(), operand(active(), x, strong(x)), sizes), kind_of(x)))


def _attempted(found: Primitive, a: Any, error: str) -> None:
    """Where a `try` asks for it, find out whether a factorisation raises; else NumPy does so when it runs."""
    trace = active()
    if trace.catch is not None:
        fine = trace.one(found, operand(trace, a, strong(a)))
        trace.assume(fine, "a matrix has a factorisation", np.linalg.LinAlgError, error)


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """The x with `a @ x = b`; a vector b gives a vector. A singular matrix raises LinAlgError when it runs.

    >>> hy.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    array([1. , 0.5])
    """
    a, b = _square(a), _float_matrix(b)
    _attempted(la.regular, a, "Singular matrix")
    dtype = dt.promote(a.dtype, b.dtype)
    a, b = cast(a, dtype), cast(b, dtype)
    column = len(shape_of(b)) == 1
    b = expand_dims(b, -1) if column else b
    if len(shape_of(b)) > 1 and _may_meet(shape_of(a)[-1], shape_of(b)[-2]):
        b = _met(b, len(shape_of(b)) - 2, shape_of(a)[-1])
    lead = broadcast_shapes(shape_of(a)[:-2], shape_of(b)[:-2])
    a, b = broadcast_to(a, (*lead, *shape_of(a)[-2:])), broadcast_to(b, (*lead, *shape_of(b)[-2:]))
    x = bind(la.solve, a, b)
    laid_out(x, stacked((a, b), shape_of(x)))
    return reshape(x, shape_of(x)[:-1]) if column else x


@implements(np.linalg.inv)
def inv(a: Any) -> Any:
    """The inverse of square matrices.

    >>> hy.linalg.inv([[2.0, 0.0], [0.0, 4.0]])
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    a = _square(a)
    _attempted(la.regular, a, "Singular matrix")
    return laid_out(bind(la.solve, a, broadcast_to(identity_like(a), shape_of(a))), stacked((a,), shape_of(a)))


@implements(np.linalg.det)
def det(a: Any) -> Any:
    """The determinant of square matrices.

    >>> hy.linalg.det([[2.0, 0.0], [0.0, 3.0]])
    np.float64(6.0)
    """
    a = _square(a)
    return laid_out(bind(la.det, a), stacked((a,), shape_of(a)[:-2], 0))


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L with `L @ L.mT = a`, for positive definite matrices.

    >>> hy.linalg.cholesky([[4.0, 2.0], [2.0, 10.0]])
    array([[2., 0.],
           [1., 3.]])
    """
    a = _square(a)
    _attempted(la.definite, a, "Matrix is not positive definite")
    lower = laid_out(bind(la.cholesky, a), stacked((a,), shape_of(a)))
    return laid_out(u.conjugate(swapaxes(lower, -1, -2)), stacked((a,), shape_of(a))) if upper else lower


def _named(name: str, parts: tuple) -> Any:
    return getattr(np.linalg._linalg, name)(*parts)


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues in ascending order and eigenvectors as columns, of symmetric matrices.

    >>> hy.linalg.eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues
    array([1., 2.])
    """
    if UPLO != "L":
        raise unsupported("np.linalg.eigh(UPLO='U')", "use the lower triangle")
    return _named("EighResult", bind(la.eigh, _square(a)))


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Orthonormal columns Q and upper triangular R with `Q @ R = a`.

    >>> q, r = hy.linalg.qr(np.ones((3, 2)))
    >>> q.shape, r.shape
    ((3, 2), (2, 2))
    """
    if mode != "reduced":
        raise unsupported(f"np.linalg.qr(mode={mode!r})", "use the reduced form")
    return _named("QRResult", bind(la.qr, _float_matrix(a)))


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular values with their left and right vectors.

    >>> hy.linalg.svd([[3.0, 0.0], [0.0, 4.0]]).S
    array([4., 3.])
    """
    if hermitian or (full_matrices and compute_uv and shape_of(a)[-1] != shape_of(a)[-2]):
        raise unsupported("np.linalg.svd with full or hermitian matrices", "use full_matrices=False")
    if not compute_uv:
        values = hosted.called(np.linalg.svdvals, (a,), {})
        if values is NotImplemented:
            raise unsupported("np.linalg.svd of these numbers")
        return values
    return _named("SVDResult", bind(la.svd, _float_matrix(a)))


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """A vector norm (2 by default, or p, inf, 0) or matrix norm (Frobenius by default, or 1, inf).

    >>> hy.linalg.norm([3.0, 4.0]), hy.linalg.norm([[1.0, 2.0], [3.0, 4.0]], 1)
    (np.float64(5.0), np.float64(6.0))
    """
    x = traced(x)
    x = x if dt.is_inexact(x.dtype) else cast(x, np.float64)
    size = u.absolute(x)
    rank = len(shape_of(x))
    if ord is None and axis is None:
        return root(sum(_squared(x, size), keepdims=keepdims))
    axes = tuple(range(rank)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    axes = tuple(normalize_axis(k, rank) for k in axes)
    if len(axes) == 1:
        return _vector_norm(x, size, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if ord in (None, "fro", "f"):
        return root(sum(_squared(x, size), axes, keepdims=keepdims))
    if ord in (1, -1, np.inf, -np.inf):
        over = axes[0 if abs(ord) == 1 else 1]
        extreme = reduce_max if ord > 0 else reduce_min
        return extreme(sum(size, over, keepdims=True), axes, keepdims=keepdims)
    raise unsupported(f"np.linalg.norm of matrices with ord={ord!r}")


def _squared(x: Any, size: Any) -> Any:
    return size * size if dt.is_complex(x.dtype) else x * x


def _vector_norm(x: Any, size: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    if ord is None or ord == 2:
        return root(sum(_squared(x, size), axis, keepdims=keepdims))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord in (np.inf, -np.inf):
        return (reduce_max if ord > 0 else reduce_min)(size, axis, keepdims=keepdims)
    if ord == 0:
        return sum(cast(x != 0, size.dtype), axis, keepdims=keepdims)
    if ord == 1:
        return sum(size, axis, keepdims=keepdims)
    total = sum(size**ord, axis, keepdims=keepdims)
    return total ** (1.0 / ord) if ord < 1 else select(total == 0, total, total ** (1.0 / ord))
