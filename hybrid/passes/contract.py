"""How a contraction becomes matrix products: its axes merged into rows, columns, depth and a batch, by their strides.

c[batch…, rows, columns] = sum over depth of a[batch…, rows, depth] * b[batch…, depth, columns]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.affine import Affine
from hybrid.core.shape import Dim, Size, contiguous_strides
from hybrid.ir.graph import Eqn
from hybrid.ops.contract import free_axes
from hybrid.passes.access import axes_index, offset_of

BatchAxis = tuple[Size, Size, Size, Size]  # extent, steps in a, b and c


@dataclass(frozen=True, slots=True)
class Side:
    """A matrix in memory: element [i, j] at i*stride + j, or (`transposed`) at i + j*stride."""

    stride: Size
    transposed: bool


@dataclass(frozen=True, slots=True)
class Product:
    """`rows x columns`, `depth` deep, for every index of the batch."""

    rows: Size
    columns: Size
    depth: Size
    a: Side
    b: Side
    stride: Size  # from row to row of c
    batch: tuple[BatchAxis, ...]

    @property
    def work(self) -> Size:
        """Multiply-adds of one product."""
        return self.rows * self.columns * self.depth


@dataclass(frozen=True, slots=True)
class _Axis:
    extent: Size
    steps: tuple[Size, ...]  # in a, b, c


def product_of(eqn: Eqn, left: Affine, right: Affine) -> Product | None:
    """The matrix products a contraction is, given where its operands' elements lie; None where memory does not allow.

    Args:
        eqn: a CONTRACT equation.
        left, right: offset of element (i0, i1, …) of each operand.
    """
    a, b = (atom.type for atom in eqn.inputs)
    contract, batch = eqn.params["contract"], eqn.params["batch"]
    out = contiguous_strides(eqn.output.type.shape)
    lead, free_a, free_b = len(batch[0]), free_axes(a.ndim, contract[0], batch[0]), free_axes(b.ndim, contract[1], batch[1])

    def steps(i: int | None, j: int | None, k: int | None) -> tuple[Size, ...]:
        in_a = left.coefficient(f"i{i}") if i is not None else 0
        in_b = right.coefficient(f"i{j}") if j is not None else 0
        return in_a, in_b, out[k] if k is not None else 0

    shared = _merged([_Axis(a.shape[i], steps(i, j, k)) for k, (i, j) in enumerate(zip(*batch))])
    rows = _merged([_Axis(a.shape[i], steps(i, None, lead + n)) for n, i in enumerate(free_a)])
    columns = _merged([_Axis(b.shape[j], steps(None, j, lead + len(free_a) + n)) for n, j in enumerate(free_b)])
    depth = _merged([_Axis(a.shape[i], steps(i, j, None)) for i, j in zip(*contract)])
    if len(depth) != 1 or not rows or len(columns) != 1:
        return None
    *more, row = rows
    side_a = _side(row.extent, depth[0].extent, row.steps[0], depth[0].steps[0])
    side_b = _side(depth[0].extent, columns[0].extent, depth[0].steps[1], columns[0].steps[1])
    if side_a is None or side_b is None:
        return None
    return Product(row.extent, columns[0].extent, depth[0].extent, side_a, side_b, row.steps[2],
                   tuple((axis.extent, *axis.steps) for axis in (*shared, *more)))  # type: ignore[misc]  # fmt: skip


def walkable(eqn: Eqn) -> bool:
    """Whether a contraction is matrix products once its operands are stored in order."""
    left, right = (offset_of(axes_index(a.type.shape), contiguous_strides(a.type.shape)) for a in eqn.inputs)
    return product_of(eqn, left, right) is not None


def _merged(axes: Sequence[_Axis]) -> list[_Axis]:
    """Neighbouring axes that every array walks as one, as one; axes of size 1 left out."""
    out: list[_Axis] = []
    for axis in axes:
        if axis.extent == 1:
            continue
        if out and all(a == b * axis.extent for a, b in zip(out[-1].steps, axis.steps)):
            out[-1] = _Axis(out[-1].extent * axis.extent, axis.steps)
        else:
            out.append(axis)
    return out


def _side(rows: Size, columns: Size, by_row: Size, by_column: Size) -> Side | None:
    if by_column == 1 and _reaches(by_row, columns):
        return Side(by_row, False)
    return Side(by_column, True) if by_row == 1 and _reaches(by_column, rows) else None


def _reaches(stride: Size, size: Size) -> bool:
    """Whether a stride is no less than a size, for all that their symbols may stand for: none of them is negative."""
    rest = stride - size
    return all(factor >= 0 for _, factor in rest.terms) if isinstance(rest, Dim) else rest >= 0
