"""Arrays that are attributes of the caller's objects in a list (`herds`): `body.pos += body.vel * dt`.

No two of these objects share one, and nobody else among the arguments has one, which every call makes sure of. As long as the
traced code gives no object another array, an attribute is a view of storage, as a row of a matrix is (`Attribute`). Where it
does (`Replaced`), storage has what each object's array holds now, whether that is another one, and what the caller's own
array held when it was replaced.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from hybrid.control.handles import at
from hybrid.control.items import borrowed
from hybrid.control.join import Spec
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Size, TensorType
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import operand, stretched, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e

if TYPE_CHECKING:
    from hybrid.control.herds import Roster

_GONE = "it was the attribute of an object that may have another array by now"


class Attribute:
    """An attribute whose arrays stay the objects' own. `is_replaced`: whether some objects may have other arrays by now."""

    is_replaced = False

    def __init__(self, roster: Roster, name: str):
        self.roster, self.name = roster, name
        self.rows: dict[int, tuple[weakref.ref, Atom]] = {}  # what was read, by their ids, and of which object
        self._keep(symbol(roster.trace, self.buffer).cell)

    @property
    def buffer(self) -> Any:
        """What the arrays hold, one after another."""
        return self.roster.buffers[self.roster.columns(self.name)[1]]

    @property
    def spec(self) -> Spec:
        return self.roster.layout[self.roster.names.index(self.name)]  # type: ignore[index, no-any-return]

    def _keep(self, cell: Cell) -> None:
        """Let nobody return storage, or keep it elsewhere: it stands for an array of the caller's."""
        refusal = TraceError(f"attribute {self.name}, an array, of an object in a list is returned", at=tr.user_line())
        cell.shared = refusal, tr.literal(True, dt.bool_)

    def place(self, one: Any) -> Any:
        return self.roster._place(at(one).place)

    def read(self, one: Any) -> Any:
        row = getitem(self.buffer, self.place(one))
        self.rows[id(row)] = weakref.ref(row), at(one).number
        return row

    def write(self, one: Any, item: Any) -> None:
        """`one.name = item`: the array itself after `one.name += x`; any other replaces it."""
        known, number = self.rows.get(id(item), (None, None))
        if known is None or known() is not item or number is not at(one).number:
            self.roster.replace([self.name])

    def left(self) -> tuple[list[Atom], Any]:
        """What the arrays hold in the end."""
        return [tr.read(symbol(self.roster.trace, self.buffer))], self.spec


class Replacement(tuple):
    """The layout of what is left of an attribute whose arrays are replaced: what the objects' arrays hold, which are others
    than the caller's, and, where it may be written into, what the caller's hold."""


class Replaced(Attribute):
    """An attribute that objects may be given other arrays as."""

    is_replaced = True

    def __init__(self, roster: Roster, name: str):
        super().__init__(roster, name)
        trace, count = roster.trace, roster.size + 1  # the last place stands for all that the function makes
        self.flags = _zeros(trace, (count,), dt.bool_)
        self.before = _zeros(trace, (count, *self.spec.shape), self.spec.dtype)
        self.written = False  # whether an array is written into
        self.fields: list[Field] = []

    def read(self, one: Any) -> Any:
        row = getitem(self.buffer, self.place(one))
        field = Field(self, tr.read(symbol(self.roster.trace, row)), one)
        self._keep(field)
        self.fields.append(field)
        return wrap(Symbol(field, TensorType(self.spec.dtype, self.spec.shape), "ndarray"))

    def change(self, field: Field, elements: Atom) -> None:
        """Write into an object's array. What others were may be that array, and is lost."""
        trace = self.roster.trace
        for other in self.fields:
            if other.frozen not in ("", _GONE):
                raise TraceError(f"an array is written, and {other.frozen}", at=tr.user_line())
        self.written = True
        setitem(self.buffer, self.place(field.one), wrap(trace.fresh(elements, "ndarray")))
        for other in self.fields:
            if other is not field:
                trace.lose(other, "which object's attribute is written")

    def write(self, one: Any, item: Any) -> None:
        trace, data = self.roster.trace, unwrap(item)
        cell = data.cell if type(data) is Symbol else None
        if type(cell) is Field and cell.of is self and cell.number is at(one).number and not data.chain and not cell.frozen:
            return
        if self.roster._check(self.name, item) != self.spec or borrowed(item):
            raise TraceError(f"attribute {self.name} becomes another thing than a new array", at=tr.user_line())
        self._keep(data.cell)
        self._free()
        place, own = self.place(one), self.roster.clipped(at(one).place)
        flag = operand(trace, getitem(self.flags, own), dt.bool_)
        now, before = (tr.read(symbol(trace, getitem(x, i))) for x, i in ((self.buffer, place), (self.before, own)))
        kept = trace.one(e.select, stretched(trace, flag, self.spec.shape), before, now)
        setitem(self.before, own, wrap(trace.fresh(kept, "ndarray")))
        setitem(self.flags, own, True)
        setitem(self.buffer, place, item)

    def _free(self) -> None:
        """Whatever was read of the attribute may be no attribute any more."""
        for field in self.fields:
            region = self.roster.trace.region
            while region is not None and region is not field.home:
                if region.loop and field in region.written:
                    raise TraceError("an array is written in a loop, which replaces it as an attribute", at=tr.user_line())
                region = region.outer
            field.frozen = field.frozen or _GONE

    def left(self) -> tuple[list[Atom], Any]:
        trace = self.roster.trace
        if self.written and self.roster.has_more:
            raise TraceError(f"attribute {self.name}, an array, of objects that a function makes is written")
        found = [self.buffer, self.flags, *([self.before] if self.written else [])]
        spec = self.spec
        layout = Replacement((spec, Spec("python", dt.bool_), spec)[: len(found)])
        return [tr.read(symbol(trace, x)) for x in found], layout


class Field(Cell):
    """What an object's array held when it was read; what is written into it goes into storage, too."""

    __slots__ = ("of", "one")

    def __init__(self, of: Replaced, elements: Atom, one: Any):
        super().__init__(of.roster.trace, elements)
        self.of, self.one = of, one

    @property
    def number(self) -> Atom:
        return at(self.one).number

    @property
    def value(self) -> Atom:
        return self.trace.value_of(self)

    @value.setter
    def value(self, elements: Atom) -> None:
        self.of.change(self, elements)
        self.trace.assign(self, elements)


def _zeros(trace: Trace, shape: tuple[Size, ...], dtype: Any) -> Any:
    zeros = stretched(trace, tr.literal(False if dtype == dt.bool_ else 0, dtype), shape)
    return wrap(trace.fresh(zeros, "ndarray"))
