"""`x[i]` and `x[i] = v` for traced arrays: views where NumPy gives views, gathers and scatters where it copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import IndexingError
from hybrid.core.shape import Shape, Size, contiguous_strides, product
from hybrid.frontend import integers, uncertain
from hybrid.frontend.calls import traced, unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.masked import Masked
from hybrid.frontend.masked import select as select_masked
from hybrid.frontend.positions import indices_of, masked
from hybrid.frontend.values import (
    Value,
    active,
    allocated,
    assembled,
    broadcast_shapes,
    cut,
    dtype_of,
    holds_tensor,
    kind_of,
    laid_out,
    like,
    operand,
    shape_of,
    sized,
    stretched,
    stretches,
    strong,
    symbol,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.aliases import Storage
from hybrid.ir.catching import IN_BOUNDS
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e
from hybrid.ops import index as ix
from hybrid.ops import view as v


class Place(Cell):
    """The part of another array at a run-time index: storage that reads by `take` and writes by `scatter`."""

    __slots__ = ("base", "index", "axis")

    def __init__(self, trace: Trace, base: Symbol, index: Atom, axis: int):
        self.base, self.index, self.axis = base, index, axis
        Storage.__init__(self)
        self.trace, self.home, self.mutable, self.lost = trace, trace.region, True, ""
        self.shared, self.frozen = base.cell.shared, base.cell.frozen
        self.may_be, self.like, self.given = base.cell.may_be, base.cell.like, None
        self.writeable, self.name, self.written = base.cell.writeable, base.cell.name, False
        if self.name:
            what = "a part of an argument is returned, and only a run knows which"
            self.shared = self.shared or (tr.TraceError(what, at=tr.user_line()), index)

    @property
    def value(self) -> Atom:  # type: ignore[override]
        return self.trace.one(ix.take, tr.read(self.base), self.index, axis=self.axis)

    @value.setter
    def value(self, atom: Atom) -> None:
        tr.write(self.base, self.trace.one(ix.scatter, tr.read(self.base), self.index, atom, axis=self.axis, op="set"))

    @property
    def whole(self) -> Storage:
        return self.base.cell.whole


def _is_integer(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_, Value))


def _is_array(item: Any) -> bool:
    return (
        not integers.is_traced_integer(item)
        if isinstance(item, Value)
        else isinstance(item, (list, np.ndarray, np.bool_, bool))
    )


def _expanded(index: Any, ndim: int) -> list:
    """The index as a list with exactly one item per axis, and None for new axes; Ellipsis filled with full slices."""
    items = [_settled(item) for item in (index if isinstance(index, tuple) else (index,))]
    items = [assembled(active(), item) if type(item) is list and holds_tensor(item) else item for item in items]
    used = sum(_consumes(item) for item in items if item is not None and item is not Ellipsis)
    if used > ndim:
        raise IndexingError(f"too many indices for array: array is {ndim}-dimensional, but {used} were indexed")
    dots = [k for k, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexingError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(items)
    return items[:at] + [slice(None)] * (ndim - used) + items[at + len(dots) :]


def _settled(item: Any) -> Any:
    """An index as a number of one class."""
    if isinstance(item, slice):
        return slice(*map(_settled, (item.start, item.stop, item.step)))
    if type(item) is range:
        return np.array(item, np.int64)
    return uncertain.number(active(), item)


def _consumes(item: Any) -> int:
    if not (_is_integer(item) or isinstance(item, slice) or _is_array(item) or integers.is_traced_integer(item)):
        raise IndexingError(
            "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays "
            "are valid indices",
            got=repr(item)[:80],
        )
    if isinstance(item, (bool, np.bool_)):
        return 0
    if _is_array(item):
        array = item if isinstance(item, Value) else np.asarray(item)
        return len(shape_of(array)) if strong(array) == dt.bool_ else 1
    return 1


def basic(trace: Trace, source: Symbol, items: list, kind: str) -> Symbol:
    """The view for slices, integers and new axes, with the header NumPy gives: a slice, then a reshape."""
    start: list[Size] = []
    step: list[Size] = []
    sizes: list[Size] = []
    final: list[Size] = []
    steps: list[int] = []  # of the header, in bytes
    for item in items:
        if item is None:
            final.append(1)
            steps.append(0)
            continue
        size = source.type.shape[len(start)]
        if isinstance(item, slice):
            first, by, count = integers.span(trace, item, size)
            final.append(count)
            steps.append(source.proto.strides[len(start)] * trace.hinted((by,))[0])
        else:
            first, by, count = _placed(trace, item, size, len(start)), 1, 1
        start.append(first)
        step.append(by)
        sizes.append(count)
    header = tr.prototype(source.type.dtype, trace.hinted(tuple(final)), tuple(steps))
    out = source
    if tuple(sizes) != source.type.shape or any(first != 0 for first in start) or any(by != 1 for by in step):
        params = {"start": tuple(start), "step": tuple(step), "shape": tuple(sizes)}
        out = tr.view(out, v.slice_, params, source.type.with_shape(tuple(sizes)), kind, header)
    if out.type.shape != tuple(final):
        out = tr.view(out, v.reshape, {"shape": tuple(final)}, source.type.with_shape(tuple(final)), kind, header)
    tr.exists(source)
    return out if out is not source else Symbol(source.cell, source.type, kind, source.chain, source.proto)


def _placed(trace: Trace, item: Any, size: Size, axis: int) -> Size:
    try:
        return integers.place(trace, item, size)
    except IndexingError as error:
        raise IndexingError(error.what.replace("for axis", f"for axis {axis}")) from None


def _view_of(trace: Trace, source: Symbol, items: list) -> Symbol:
    """The view for a basic index, run-time integers included."""
    kind = "tensor" if source.kind == "tensor" else "ndarray"
    gathered = [k for k, item in enumerate(items) if integers.is_traced_integer(item) and _is_gathered(trace, item)]
    out = basic(trace, source, [slice(None) if k in gathered else item for k, item in enumerate(items)], kind)
    removed = [_is_integer(item) or (integers.is_traced_integer(item) and k not in gathered) for k, item in enumerate(items)]
    axes = [sum(not gone for gone in removed[:k]) for k in gathered]
    for k, axis in reversed(list(zip(gathered, axes))):
        shape = out.type.shape
        place = operand(trace, items[k], dt.int64)
        _ask(trace, place, shape[axis])
        out = Symbol(Place(trace, out, place, axis), out.type.with_shape(shape[:axis] + shape[axis + 1 :]), kind)
    return out


def _is_gathered(trace: Trace, item: Any) -> bool:
    """Outside of branches and loops a run-time place is read by `take`, whose bounds checks raise NumPy's own error."""
    return integers.is_late(trace, trace.size_of(operand(trace, item, dt.int64)))


_array_of: list[Callable[[Any], Any]] = []  # makes arrays of lists that branches and loops change (`control.arrays`)


def register_lists(array_of: Callable[[Any], Any]) -> None:
    _array_of[:] = [array_of]


def without_lists(index: Any) -> Any:
    """An index with arrays for lists whose items only a run knows."""
    if type(index) is tuple:
        return tuple(map(without_lists, index))
    return _array_of[0](index) if isinstance(index, list) and type(index) is not list else index


def getitem(x: Any, index: Any) -> Any:
    """`x[index]` inside a trace."""
    trace, index = active(), without_lists(index)
    source = symbol(trace, x)
    if source.kind in ("scalar", "python"):
        source = trace.fresh(tr.read(source), "ndarray")
    items = _expanded(index, source.type.ndim)
    mask = _mask(source, index)
    if mask is not None:
        whole = shape_of(mask) and len(shape_of(mask)) == source.type.ndim
        return select_masked(wrap(source), mask) if whole else masked(wrap(source), mask)
    if any(_is_array(item) for item in items):
        place, where, axis = _gather_plan(trace, source, items)
        atom = trace.one(ix.take, tr.read(place), where, axis=axis)
        kind = source.kind if source.kind == "tensor" or atom.type.shape else "scalar"
        return laid_out(trace.fresh(atom, kind), _gathered(place, where, axis, items))
    out = _view_of(trace, source, items)
    plain = all(item is not Ellipsis for item in (index if isinstance(index, tuple) else (index,)))
    if out.type.shape == () and plain:
        # One element is a copy, as NumPy's scalars are.
        return wrap(trace.fresh(tr.read(out), "tensor" if source.kind == "tensor" else "scalar"))
    at = out.cell
    while isinstance(at, Place):  # a view of what is not there is an error, whether anybody reads it or not
        _checked(trace, at.index, at.base.type.shape[at.axis])
        at = at.base.cell
    return wrap(out)


def _gather_plan(trace: Trace, source: Symbol, items: list) -> tuple[Symbol, Atom, int]:
    """For integer arrays: the view to take from, the index along its one indexed axis, and that axis.

    Several index arrays become one over their merged axes, Σ iₖ·strideₖ, each checked against its own axis.
    """
    items = _without_masks(trace, items, source.type.shape)
    advanced = [k for k, item in enumerate(items) if item is not None and not isinstance(item, slice)]
    view = _view_of(trace, source, [slice(None) if k in advanced else item for k, item in enumerate(items)])
    indices = [_index_atom(trace, items[k]) for k in advanced]
    for k, atom in zip(advanced, indices):
        _ask(trace, atom, view.type.shape[k])
    common = broadcast_shapes(*(atom.type.shape for atom in indices))
    adjacent = advanced == list(range(advanced[0], advanced[0] + len(advanced)))
    if len(advanced) > 1:
        rest = [k for k in range(view.type.ndim) if k not in advanced]
        lead = advanced[0] if adjacent else 0
        steps = [view.proto.strides[k] for k in rest]
        view = _transposed(view, tuple(rest[:lead] + advanced + rest[lead:]))
        sizes = view.type.shape[lead : lead + len(advanced)]
        merged = view.type.shape[:lead] + (product(sizes),) + view.type.shape[lead + len(advanced) :]
        view = _chained(view, v.reshape, {"shape": merged}, merged)
        view._proto = tr.prototype(view.type.dtype, trace.hinted(merged), (*steps[:lead], 0, *steps[lead:]))
        return view, _linear(trace, indices, sizes, common), lead
    return view, indices[0], advanced[0]


def _gathered(place: Symbol, where: Atom, axis: int, items: list) -> np.ndarray | None:
    """What NumPy allocates for a gather: the axes of the index arrays run slowest, then the others as in memory."""
    hinted = active().hinted
    rest, outside = hinted(place.type.shape[:axis] + place.type.shape[axis + 1 :]), hinted(where.type.shape)
    steps = place.proto.strides[:axis] + place.proto.strides[axis + 1 :]
    inner = like(tr.prototype(place.type.dtype, rest, steps))
    arrays = tuple(item for item in items if _is_array(item) and isinstance(item, (Value, np.ndarray)))
    # Beside other elements, the axes of the index arrays lie in C order.
    outer = allocated(arrays) if product(rest) == 1 else None
    inner = np.empty(rest, np.uint8) if inner is None else inner
    outer = np.empty(outside, np.uint8) if outer is None else outer
    slow = tuple(step * inner.size for step in outer.strides)
    shape = rest[:axis] + outside + rest[axis:]
    return tr.prototype(inner.dtype, shape, inner.strides[:axis] + slow + inner.strides[axis:])


def _linear(trace: Trace, indices: list[Atom], sizes: Shape, common: Shape) -> Atom:
    total: Atom | None = None
    for atom, size, step in zip(indices, sizes, contiguous_strides(sizes)):
        term = trace.one(e.mul, _checked(trace, stretched(trace, atom, common), size), sized(trace, step))
        total = term if total is None else trace.one(e.add, total, term)
    assert total is not None
    return total


def _ask(trace: Trace, index: Atom, size: Size) -> None:
    """A `try` statement with a clause for indices out of bounds would know beforehand."""
    if trace.catch is not None:
        trace.assume(ix.in_bounds(trace.one, index, sized(trace, size)), IN_BOUNDS)


def _checked(trace: Trace, index: Atom, size: Size) -> Atom:
    """An index counted from the front; to take from 0, 1, 2 … checks that it is in bounds."""
    return trace.one(ix.take, trace.one(e.iota, shape=(size,), axis=0), index, axis=0)


def _index_atom(trace: Trace, item: Any) -> Atom:
    array = assembled(trace, item)
    if not isinstance(array, Value) and np.size(array) == 0:
        array = np.asarray(array, np.int64)
    if not dt.is_integer(strong(array)):
        raise IndexingError("arrays used as indices must be of integer (or boolean) type")
    return operand(trace, array, dt.int64)


def _without_masks(trace: Trace, items: list, shape: Shape) -> list:
    """Masks written as lists become integer arrays; any other selects a number of elements that no graph can know."""
    out: list = []
    for item in items:
        if isinstance(item, (bool, np.bool_)):
            raise unsupported("True or False as an index", "write np.newaxis, or an empty slice")
        if _is_array(item) and strong(assembled(trace, item)) == dt.bool_:
            if holds_tensor((item,)) or isinstance(item, np.ndarray):
                mask = traced(item)
                if not shape_of(mask):
                    raise unsupported("a truth value beside other indices", "write np.newaxis, or an empty slice")
                _check_mask(active(), shape_of(mask), shape[len(out) - out.count(None) :])
                out.extend(indices_of(mask))
                continue
            _check_mask(active(), np.shape(item), shape[len(out) - out.count(None) :])
            out.extend(np.nonzero(np.asarray(item)))
        else:
            out.append(item)
    return out


def _transposed(view: Symbol, perm: tuple[int, ...]) -> Symbol:
    return _chained(view, v.transpose, {"perm": perm}, tuple(view.type.shape[p] for p in perm))


def _chained(view: Symbol, primitive: Any, params: dict, shape: Shape) -> Symbol:
    kind = view.kind if view.kind == "tensor" else "ndarray"
    return Symbol(view.cell, view.type.with_shape(shape), kind, (*view.chain, (primitive, params)))


def setitem(x: Any, index: Any, value: Any) -> None:
    """`x[index] = value` inside a trace."""
    trace, index, value = active(), without_lists(index), without_lists(value)
    target = symbol(trace, x)
    if target.kind in ("scalar", "python"):
        raise TypeError("'numpy scalar' object does not support item assignment")
    mask = _mask(target, index)
    if mask is not None:
        _masked_write(trace, target, mask, value)
        return
    items = _expanded(index, target.type.ndim)
    nested, value = type(value) in (list, tuple), assembled(trace, value, valued=True)
    _check_depth(target, index, items, len(shape_of(value)), nested)
    if any(_is_array(item) for item in items):
        _scatter(trace, target, items, value, "set")
        return
    view = _view_of(trace, target, items)
    if not _is_same_place(view, unwrap(value)):
        tr.write(view, fitted(trace, value, target.type.dtype, view.type.shape))


def _check_depth(target: Symbol, index: Any, items: list, depth: int, nested: bool) -> None:
    """ValueError for an array that an element would be set to, and for lists in one another more often than there are axes.

    NumPy has refused both since 2.4, and warned before; so plain Python decides.
    """
    whole = any(item is Ellipsis for item in (index if isinstance(index, tuple) else (index,)))
    element = not whole and all(_is_integer(item) or integers.is_traced_integer(item) for item in items)
    axes = sum(isinstance(item, slice) or item is None for item in items)
    if depth and (element or (nested and depth > axes and not any(map(_is_array, items)))):
        raise ValueError("setting an array element with a sequence.")


def _scatter(trace: Trace, target: Symbol, items: list, value: Any, op: str) -> None:
    place, where, axis = _gather_plan(trace, target, items)
    shape = place.type.shape[:axis] + where.type.shape + place.type.shape[axis + 1 :]
    new = fitted(trace, value, target.type.dtype, shape)
    tr.write(place, trace.one(ix.scatter, tr.read(place), where, new, axis=axis, op=op))


def fold_at(x: Any, index: Any, value: Any, op: str = "add") -> None:
    """`x[index] += value`, or another operation, with repeated indices counting every time, as `np.add.at`."""
    trace = active()
    target = symbol(trace, x)
    items = _expanded(index, target.type.ndim)
    items = [np.asarray([item]) if _is_integer(item) else item for item in items]
    if not any(_is_array(item) for item in items) or any(integers.is_traced_integer(item) for item in items):
        raise unsupported("ufunc.at without an array of indices", "use x[index] += value")
    _scatter(trace, target, items, assembled(trace, value), op)


def _is_same_place(view: Symbol, value: Any) -> bool:
    """`x[1:-1] += y` ends by assigning the view to itself."""
    if type(value) is not Symbol or value.chain != view.chain:
        return False
    a, b = view.cell, value.cell
    if isinstance(a, Place) and isinstance(b, Place):
        return a.index is b.index and a.axis == b.axis and _is_same_place(a.base, b.base)
    return a is b


def fitted(trace: Trace, value: Any, dtype: np.dtype, shape: Shape) -> Atom:
    """A value as assignment takes it: any casting, broadcast, leading axes of size 1 dropped."""
    value = uncertain.number(trace, value)
    if kind_of(value) in ("python", "scalar") and dt.is_integer(dtype):
        value = _whole(trace, value, dtype)
    atom = operand(trace, cast(value, dtype) if not isinstance(dtype_of(value), type) else value, dtype)
    given = atom.type.shape
    if len(given) > len(shape) and all(size == 1 for size in given[: len(given) - len(shape)]):
        atom = trace.one(v.reshape, atom, shape=given[len(given) - len(shape) :])
    if len(atom.type.shape) > len(shape) or not stretches(atom.type.shape, shape):
        raise ValueError(f"could not broadcast input array from shape {given} into shape {shape}")
    return stretched(trace, atom, shape)


def _whole(trace: Trace, value: Any, dtype: np.dtype) -> Any:
    """A number on its way into an array of integers: NumPy takes the `int` of it, which must fit, except from NumPy's
    own numbers into unsigned arrays."""
    own, exact = strong(value), kind_of(value) == "python" or dtype.kind == "i"
    if not isinstance(unwrap(value), Symbol):
        return np.array(unwrap(value), dtype) if exact else value
    if not exact or own == dt.bool_ or dt.is_complex(own) or np.can_cast(own, dtype):
        return value
    return integers.to_int(value)  # which is checked as Python's integers are


def _mask(target: Symbol, index: Any) -> Any:
    """The boolean mask over the leading axes that is the whole index, or None."""
    single = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    if not isinstance(single, (Value, np.ndarray)) or strong(single) != dt.bool_:
        return None
    single, trace = traced(single), active()
    own, wanted = shape_of(single), target.type.shape[: len(shape_of(single))]
    _check_mask(trace, own, target.type.shape)
    return single if own == wanted else wrap(trace.fresh(cut(trace, tr.read(unwrap(single)), wanted), kind_of(single)))


def _check_mask(trace: Trace, mask: Shape, shape: Shape) -> None:
    same = [a == b or trace.ask("eq", a, b) for a, b in zip(mask, shape)]
    for a, b, equal in zip(mask, shape, same):
        if equal is None and len(mask) <= len(shape) and False not in same:
            trace.assume(trace.one(e.eq, sized(trace, a), sized(trace, b)), "a mask has the sizes of what it selects from")
    if len(mask) > len(shape) or False in same:
        axis = next((k for k, equal in enumerate(same) if equal is False), len(shape))
        raise IndexingError(f"boolean index did not match indexed array along axis {axis}", got=f"a mask {mask} for {shape}")


def _masked_write(trace: Trace, target: Symbol, mask: Any, value: Any) -> None:
    if isinstance(value, Masked):
        same = value.is_whole() and value.matches(Masked(value.full, mask))
        value, values = value.full if same else value.packed, same
    else:
        value, values = assembled(trace, value), False
    rank, shape = len(shape_of(mask)), target.type.shape
    if len(shape_of(value)) > len(shape) - rank and not values:
        _scatter(trace, target, [*indices_of(mask), *[slice(None)] * (len(shape) - rank)], value, "set")
        return
    rows = tuple(shape_of(mask)) + (1,) * (len(shape) - rank)
    atom = trace.one(v.reshape, operand(trace, mask, dt.bool_), shape=rows)
    new = fitted(trace, value, target.type.dtype, shape)
    tr.write(target, trace.one(e.select, stretched(trace, atom, shape), new, tr.read(target)))
