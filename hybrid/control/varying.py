"""Arrays whose sizes a run decides: `y = x[:3]` on one way and `y = x[:5]` on the other, `x = np.append(x, v)` in a loop.

Such a variable is joined and carried as an array with room for the most elements that there can be, and a number for each axis
that varies. What comes of them is a new array: the part that has elements.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hybrid.control.plain import UNDEFINED
from hybrid.core.errors import ROOM
from hybrid.core.shape import Shape, Size, TensorType, symbols
from hybrid.frontend import integers
from hybrid.frontend.values import sized, stretched, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Region, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

MORE = 1024  # elements along an axis for which there is room where nothing says how many there may be
MOST = 1 << 24  # elements of an array that may not be as many


@dataclass(frozen=True, slots=True)
class Varying:
    """What a variable holds that is an array of at most `most`, less along the axes `free`.

    `open`: whether it may turn out to be larger, which a check hands to Python. `groups`: names for the sizes along `free`;
    those of a loop's variables that have one name are one number.
    """

    kind: str  # ndarray | tensor
    dtype: np.dtype
    most: Shape
    free: tuple[int, ...]
    open: bool = False
    groups: tuple[str, ...] = ()
    maybe = False
    is_number = False
    instead = None
    options = ()

    @property
    def types(self) -> list[TensorType]:
        """Of what `atoms` gives."""
        return [TensorType(self.dtype, self.most), *(control.I64 for _ in self.free)]

    def certain(self) -> Varying:
        return self

    def atoms(self, trace: Trace, value: Any, base: Atom | None = None) -> list[Atom]:
        """The array with room, written into `base` where that is given, and its sizes; None for no array."""
        rank = len(self.most)
        if value is None:
            return [
                stretched(trace, tr.literal(0, self.dtype), self.most),
                *(tr.literal(0, control.I64.dtype) for _ in self.free),
            ]
        atom = tr.read(symbol(trace, value))
        shape = atom.type.shape
        numbers = [sized(trace, shape[axis]) for axis in self.free]
        if self.open:
            for axis, number in zip(self.free, numbers):
                if not trace.bounds.nonnegative(self.most[axis] - shape[axis]):
                    trace.assume(trace.one(e.le, number, sized(trace, self.most[axis])), ROOM)
        if shape != self.most:
            base = stretched(trace, tr.literal(0, self.dtype), self.most) if base is None else base
            atom = trace.one(v.update_slice, base, atom, start=(0,) * rank, step=(1,) * rank)
        return [atom, *numbers]

    def made(self, trace: Trace, parts: Sequence[Atom]) -> Any:
        """A new array that holds what `atoms` gave."""
        shape = list(self.most)
        for axis, number in zip(self.free, parts[1:]):
            shape[axis] = integers.bound(trace, number, 0, self.most[axis])
        atom, rank = parts[0], len(shape)
        if tuple(shape) != self.most:
            atom = trace.one(v.slice_, atom, start=(0,) * rank, step=(1,) * rank, shape=tuple(shape))
        return wrap(trace.fresh(atom, self.kind))


def inner_symbols(regions: Iterable[Region], *others: str) -> frozenset[str]:
    """The symbols that only these bodies know."""
    bound = (eqn.params["symbol"] for region in regions for eqn in region.builder.eqns if eqn.primitive is control.bind)
    return frozenset((*bound, *others))


def mentions(shape: Shape, inner: Collection[str]) -> bool:
    """Whether sizes are known in these bodies only."""
    return not symbols(*shape).isdisjoint(inner)


def of_both(trace: Trace, one: Any, other: Any, inner: Collection[str]) -> Varying | None:
    """What holds arrays of two specs, that may be of two sizes along some axes; None where they differ in more."""
    if one.is_number or one.maybe or other.maybe:
        return None
    if (one.kind, one.dtype, len(one.shape)) != (other.kind, other.dtype, len(other.shape)):
        return None
    most: list[Size] = []
    free: list[int] = []
    is_open = False
    for axis, (a, b) in enumerate(zip(one.shape, other.shape)):
        if a == b and not mentions((a,), inner):
            most.append(a)
            continue
        bounds = [most_of(trace, size, inner) for size in (a, b)]
        free.append(axis)
        if None in bounds:
            is_open = True
            most.append(MORE * trace.room)
        else:
            most.append(greatest(trace, *bounds))  # type: ignore[arg-type]
    groups = tuple(str(one.shape[axis]) for axis in free)
    return _limited(Varying(one.kind, one.dtype, tuple(most), tuple(free), is_open, groups))


def widened(
    trace: Trace, known: Varying, spec: Any, head: Shape, initial: Shape, rounds: Size | None, inner: Collection[str]
) -> Varying | None:
    """What holds what entered a round and what it left, an array of a spec; None where they differ in more than sizes.

    Args:
        head, initial: the sizes with which it entered the round, and those before the loop.
        rounds: how often the loop goes round, if that is known.
    """
    if spec.is_number or spec.maybe or (spec.kind, spec.dtype, len(spec.shape)) != (known.kind, known.dtype, len(known.most)):
        return None
    most, groups, is_open, limited = list(known.most), dict(zip(known.free, known.groups)), known.open, True
    for axis, size in enumerate(spec.shape):
        if axis not in groups:
            if size == most[axis] and not mentions((size,), inner):
                continue
            groups[axis] = str(initial[axis])
        bound = most_of(trace, size, inner)
        if is_open or (bound is not None and trace.bounds.nonnegative(most[axis] - bound)):
            continue
        more = most_of(trace, size - head[axis], inner)
        if rounds is not None and more is not None:
            most[axis], limited = initial[axis] + rounds * greatest(trace, more, 0), False
        else:
            most[axis] = initial[axis] + MORE * trace.room
        is_open = True
    free = tuple(sorted(groups))
    found = Varying(known.kind, known.dtype, tuple(most), free, is_open, tuple(groups[axis] for axis in free))
    return _limited(found) if limited else found


def of_rounds(region: Region, c: Any, before: Any, after: Any, rounds: Size | None, counter: str) -> Varying | None:
    """What holds a variable of a loop whose sizes change from round to round, or are known to a round only; None for others.

    Args:
        c: the variable, as `control.loop` carries it, and what it is `before` and `after` a round.
    """
    inner = inner_symbols((region,), counter)
    if isinstance(c.spec, Varying):
        initial = c.spec.most if c.initial is UNDEFINED else unwrap(c.initial).type.shape
        head = initial if c.head is UNDEFINED else unwrap(c.head).type.shape
        return widened(region.trace, c.spec, after, head, initial, rounds, inner)
    if before.shape == after.shape and not mentions(after.shape, inner):
        return None
    return of_both(region.trace, before, after, inner)


def shared(spec: Any, parts: Sequence[Atom], numbers: dict[str, Atom]) -> Sequence[Atom]:
    """The parts of a variable, with one number for sizes of one name: the first that there is in `numbers`."""
    if not isinstance(spec, Varying):
        return parts
    return [parts[0], *(numbers.setdefault(group, part) for group, part in zip(spec.groups, parts[1:]))]


def parted(leaves: Iterable[Any]) -> bool:
    """Give a name of their own to sizes that were taken to be others', and turn out not to be; True where there are any."""
    first: dict[str, tuple] = {}
    changed = False
    for c in leaves:
        if not isinstance(c.spec, Varying):
            continue
        groups = list(c.spec.groups)
        for k, axis in enumerate(c.spec.free):
            sizes = tuple(None if x is UNDEFINED or x is None else unwrap(x).type.shape[axis] for x in (c.initial, c.after))
            if first.setdefault(groups[k], sizes) != sizes:
                groups[k] = f"{c.name}.{axis}"
        changed = changed or tuple(groups) != c.spec.groups
        c.spec = replace(c.spec, groups=tuple(groups))
    return changed


def _limited(found: Varying) -> Varying | None:
    size = TensorType(found.dtype, found.most).size
    return None if found.open and (not isinstance(size, int) or size > MOST) else found


def most_of(trace: Trace, size: Size, inner: Collection[str]) -> Size | None:
    """A bound of a size from above that is known outside of bodies; None where there is none."""
    least: Size | None = -size
    while least is not None and mentions((least,), inner):
        least = trace.bounds.lowest(least)  # type: ignore[arg-type]
    return None if least is None else -least


def greatest(trace: Trace, a: Size, b: Size) -> Size:
    """A size that is at least as large as two others, neither of which is negative."""
    if trace.bounds.nonnegative(a - b):
        return a
    return b if trace.bounds.nonnegative(b - a) else a + b
