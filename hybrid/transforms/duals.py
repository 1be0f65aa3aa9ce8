"""Forward mode on eager values: a value and its tangent go through each operation together."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import GradientError
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Level, Lifted
from hybrid.transforms import levels
from hybrid.transforms.arguments import Arguments


class Memory:
    """What a value and its views show; `others` are parts of it that no chain of views leads to, as real parts."""

    __slots__ = ("others", "written", "__weakref__")

    def __init__(self) -> None:
        self.others: list[weakref.ref] = []
        self.written = False


class Dual(Lifted):
    """A value with a tangent of its type, both of the levels below."""

    __slots__ = ("tangent", "memory")

    def __init__(self, level: Duals, value: Any, tangent: Any):
        self.level, self.value, self.tangent = level, value, tangent
        self.memory = Memory()

    @property
    def alone(self) -> bool:
        return sys.getrefcount(self.memory) <= levels.HELD

    def within(self, change: Callable[[Any], Any]) -> None:
        self.value, self.tangent = change(self.value), change(self.tangent)

    def match(self, other: Any) -> None:
        self.tangent = levels.followed_like(self.tangent, other.tangent)

    def text(self) -> str:
        return f"dual({wrap(self.value)!r}, {wrap(self.tangent)!r})"

    def stopped(self) -> Any:
        return self.value.stopped() if isinstance(self.value, Lifted) else self.value


class Duals(Level):
    """One call of `jvp`."""

    def __init__(self, number: int | None = None):
        super().__init__(number)
        self._taken: list[weakref.ref] = []  # tensors that were plain until a value with a tangent was written into them
        self._leaves: list[Dual] = []  # of a call's arguments
        self._arguments: Arguments | None = None

    def began(self, leaves: Sequence[Dual]) -> None:
        self._leaves, self._arguments = list(leaves), Arguments(leaves, ())

    def ended(self) -> None:
        """The call has run."""
        if self._arguments is not None:
            self._arguments.ended([leaf.memory.written for leaf in self._leaves])

    def close(self) -> None:
        """Tensors of the caller that were written into keep what they hold and no more."""
        for reference in self._taken:
            x = reference()
            if x is not None and isinstance(x._data, Dual) and x._data.level is self:
                x._data = x._data.value
        self._taken.clear()
        self._leaves.clear()
        self._arguments = None

    def constant(self, data: Any, like: Any) -> Any:
        zeros = levels.followed_like(np.zeros(data.shape, data.dtype), like.tangent)
        return self.made(data, wrap(zeros))

    def below(self, x: Any) -> Any:
        data = x._data
        return wrap(data.value) if isinstance(data, Dual) and data.level is self else x

    def apply(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        operands: list[Any] = []
        operation = levels.operation(function, args, kwargs, operands)
        duals = [self._dual(x) for x in operands]
        given = tuple([d is not None for d in duals])
        if operation.numbers:
            operation.refuse_numbers(duals)
        tangents, have = self._tangents(operation, operands, duals, given)
        for at, k in enumerate(operation.writes):
            if (dual := duals[k]) is not None and any([m() is not None for m in dual.memory.others]):
                raise levels.parts_are_shown()
            if dual is not None:
                dual.memory.written = True
                if self._arguments is not None:
                    self._arguments.check(dual, [leaf.memory is dual.memory for leaf in self._leaves])
            if duals[k] is None and operation.results + at in tangents:
                self._check_write(operands[k])
        out = function(*levels.replaced(args, self.below), **levels.replaced(kwargs, self.below))
        if isinstance(function, levels.Call) and not operation.shows:  # whose results may be operands, or views of them
            out = tuple([levels.apart(x, operands) for x in out])
        leaves, structure = tree.flatten(out)
        shown: list[Any] | None = None
        place = 0
        for k, leaf in enumerate(leaves):
            if not isinstance(leaf, Value):
                continue
            view = operation.views[place]
            base = None if view is None else duals[view[0]]
            if view is None and (have[place] or (operation.smooth[place] and operation.fresh[place])):
                if have[place]:
                    made = self.made(leaf._data, tangents[place])
                else:
                    made = self.constant(leaf._data, next(d for d in duals if d is not None))
                for other in duals:
                    if other is not None and levels.overlap(made, other):
                        made.memory.others.append(weakref.ref(other.memory))
                        other.memory.others.append(weakref.ref(made.memory))
                leaves[k] = wrap(made)
            elif view is not None and base is not None:
                if not view[1]:  # an operand as it is
                    leaves[k] = wrap(base)
                else:
                    if shown is None:
                        shown = self._shown(function, args, kwargs)
                    leaves[k] = wrap(Dual(self, leaf._data, shown[k]._data))
                    leaves[k]._data.memory = base.memory
            place += 1
        for at, k in enumerate(operation.writes):
            self._write(operands[k], duals[k], tangents.get(operation.results + at))
        return leaves[0] if structure is tree.LEAF else tree.unflatten(structure, leaves)

    def made(self, value: Any, tangent: Any) -> Dual:
        """A new value and its tangent, which is followed by whatever follows the value."""
        return Dual(self, value, levels.followed_like(own(tangent._data, value), value))

    def _shown(self, function: Callable, args: tuple, kwargs: dict) -> list[Any]:
        """What an operation that shows operands otherwise shows of their tangents."""

        def along(x: Any) -> Any:
            dual = self._dual(x)
            return x if dual is None else wrap(dual.tangent)

        return tree.flatten(function(*levels.replaced(args, along), **levels.replaced(kwargs, along)))[0]

    def _check_write(self, x: Any) -> None:
        if not isinstance(x, Value):
            raise GradientError("a value with a tangent is written into a NumPy array", at=tr.user_line(),
                                fix="write into a tensor, hybrid.zeros(shape)")  # fmt: skip
        levels.refuse_shared(x)

    def _dual(self, x: Any) -> Dual | None:
        data = x._data if isinstance(x, Value) else None
        return data if isinstance(data, Dual) and data.level is self else None

    def _tangents(self, operation: levels.Operation, operands: list, duals: list, given: tuple) -> tuple[dict[int, Any], tuple]:
        """The tangents of results, by place, from values as they are before the operation."""
        call, have = operation.forward(given)
        low = [d.value if d is not None else levels.data_of(x) for x, d in zip(operands, duals)]
        along = [d.tangent for d in duals if d is not None]
        found = iter(call(*map(wrap, (*low, *along))))
        tangents = {place: next(found) for place, has in enumerate(have) if has}
        return tangents, have

    def _write(self, x: Any, dual: Dual | None, tangent: Any) -> None:
        if dual is not None:
            wrap(dual.tangent)[...] = 0 if tangent is None else tangent
        elif tangent is not None:
            x._data = self.made(x._data, tangent)
            self._taken.append(weakref.ref(x))


def own(tangent: Any, value: Any) -> Any:
    """A tangent in memory of its own, laid out as its value is, to be written and seen with it."""
    if type(tangent) is np.ndarray:
        out = np.empty_like(value, tangent.dtype) if type(value) is np.ndarray else np.empty_like(tangent)
        out[...] = tangent
        return out
    return wrap(tangent).copy()._data
