"""Functions that call themselves as often as a run decides: one equation, whose body runs itself.

The function is recorded once, for arguments that only a run knows. What its calls have in common stays as it is: objects,
and arrays that are handed on, which the body reads and writes where they are. What differs from call to call is given:
numbers, and arrays that are made for a call. Storage that a call writes, and variables of functions around it that it rebinds,
are *state*, which goes through all calls. All three, and what a call returns, are found by trying: the first recording knows
no result, so that only ways that end are recorded (a way that raises is not taken), and the next ones what these returned.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

from hybrid.control.attempt import Attempt
from hybrid.control.either import unmerged, usable
from hybrid.control.join import YES, Spec, atoms, common, form_of, forms, made, same_constant, spec_of
from hybrid.control.own import refuse_changes
from hybrid.control.parts import Part, first_of
from hybrid.control.plain import UNDEFINED, Ends, cell_contents, fill
from hybrid.control.structure import Nest, is_parts, nest_of
from hybrid.control.watch import Held, Holds
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend.values import unwrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known
from hybrid.ir.graph import Atom, Graph, Var
from hybrid.ir.trace import Cell, Region, Symbol, Trace
from hybrid.ops import control

TRIES = 12  # what calls take and give settles after three or four


class _NotYet(RecursionError):
    """A call whose result is not known yet: what it leads to is recorded the next time."""


@dataclass(eq=False, slots=True)
class _Place:
    """What differs from call to call: a number or an array (`spec`), or a part of an array (`part`: of that one). With neither,
    an object that is one and the same."""

    name: str
    initial: Any
    spec: Spec | None = None
    part: Part | None = None
    head: Any = UNDEFINED

    @property
    def varies(self) -> bool:
        return self.spec is not None or self.part is not None

    @property
    def types(self) -> list[TensorType]:
        """Of what `atoms` gives."""
        form = self.part or self.spec
        return form.types if form is not None else []

    @property
    def is_array(self) -> bool:
        return self.spec is not None and not self.spec.is_number

    def vary(self) -> None:
        """Take it for a number or array that differs from call to call."""
        spec = spec_of(self.initial)
        if spec is not None and dt.is_complex(spec.dtype):
            raise TraceError(f"{self.name} of a function that calls itself is complex", at=tr.user_line())
        self.spec = spec

    def takes(self, value: Any) -> bool:
        """Whether a value fits; adapts where it does not."""
        if not self.varies and same(value, self.initial):
            return True
        if self.part is not None or (self.spec is None and first_of(unwrap(self.initial), value) is not None):
            return self._takes_part(value)
        before = form_of(self.initial) if self.spec is None else self.spec
        after = None if value is UNDEFINED else form_of(value)
        if self.spec is not None and set(forms(after)) <= set(forms(self.spec)):
            return True
        known = (self.initial is UNDEFINED or before is not None) and (value is UNDEFINED or after is not None)
        wider = common(before, after) if known else None
        if wider is None or wider == self.spec:
            raise TraceError(f"{self.name} of a function that calls itself is {_described(self.initial, before)}, and then "
                             f"{_described(value, after)}", at=tr.user_line())  # fmt: skip
        if dt.is_complex(wider.dtype):
            raise TraceError(f"{self.name} of a function that calls itself is complex", at=tr.user_line())
        self.spec = wider
        return False

    def _takes_part(self, value: Any) -> bool:
        before, self.part = self.part, self.part or Part(unwrap(self.initial))
        if not self.part.holds(value):
            raise TraceError(f"{self.name} of a function that calls itself is a part of an array, and then another array",
                             at=tr.user_line())  # fmt: skip
        return before is not None

    def enter(self, trace: Trace, region: Region) -> list[Var]:
        """Stand for a value that only a run knows."""
        vars_ = [region.builder.input(type_, self.name if k == 0 else "") for k, type_ in enumerate(self.types)]
        if self.part is not None:
            self.head = self.part.made(trace, list(vars_))
            return vars_
        assert self.spec is not None
        self.head = made(trace, self.spec, list(vars_))
        if not self.spec.is_number:
            why, cell = f"it is {self.name} of a function that calls itself", unwrap(self.head).cell
            cell.frozen, cell.shared = why, (TraceError(f"an array is returned, and {why}", at=tr.user_line()), YES)
        return vars_

    def atoms(self, trace: Trace, value: Any) -> list[Atom]:
        if self.part is not None:
            return self.part.atoms(trace, value)
        if self.spec is None:
            return []
        return atoms(trace, value, self.spec)


def _described(value: Any, form: Spec | Known | None) -> str:
    if isinstance(form, Spec):
        return str(form)
    return "nothing" if value is UNDEFINED else repr(value) if isinstance(form, Known) else f"another {type(value).__name__}"


def same(a: Any, b: Any) -> bool:
    """Whether two values are one object, or as good as one."""
    x, y = unwrap(a), unwrap(b)
    if type(x) is Symbol and type(y) is Symbol:
        return x is y or (x.cell is y.cell and x.chain == y.chain and x.kind == y.kind and x.maybe is y.maybe)
    return a is b or same_constant(a, b)


@dataclass(eq=False, slots=True)
class _Variable:
    """What calls rebind: a variable of a function around them, or an attribute or item of an object."""

    get: Callable[[], Any]
    set: Callable[[Any], None]
    place: _Place
    cell: CellType | None = None


@dataclass(frozen=True, slots=True)
class _Tuple:
    """A tuple taken apart."""

    nest: Nest
    parts: tuple[_Tuple | None, ...]


@dataclass(eq=False, slots=True)
class _Results:
    """What calls return, as far as that is known."""

    structure: _Tuple | None
    places: list[_Place] = field(default_factory=list)


class Recursion:
    """One function being recorded as a procedure, for the arguments of its first call."""

    def __init__(self, trace: Trace, function: Callable, args: tuple, kwargs: dict[str, Any], attempt: Attempt):
        self.trace, self.function, self.watch, self.held = trace, function, attempt.watch, attempt.held
        held = self.held
        self.name = trace.fresh_symbol("calls")
        self.signature = inspect.signature(function, follow_wrapped=False)
        self.structure, leaves = self._bound(args, kwargs)
        self.given = [_Place(name, value) for name, value in leaves]
        self.variables: list[_Variable] = []
        self.cells: list[Cell] = []  # storage that calls write
        self.results: _Results | None = None
        self.changed = False  # whether something turned out to be other than it was taken for
        self.entered: tuple[list, list] = [], []  # the variables around and the containers, as the body finds them
        self.rebound: list[Held] = []  # what a call finds rebound that is no variable yet
        for place in self.given:  # a traced number is hardly the same in every call; a known one may be
            spec = spec_of(place.initial)
            if type(unwrap(place.initial)) is Symbol and spec is not None and spec.is_number and not dt.is_complex(spec.dtype):
                place.vary()
        for k, name in enumerate(held.names):
            self.variables.append(_Variable(partial(self._held, k), partial(self._hold, k), _Place(name, held.get()[k])))

    def _held(self, k: int) -> Any:
        return self.held.get()[k]

    def _hold(self, k: int, value: Any) -> None:
        self.held.set(tuple(value if n == k else other for n, other in enumerate(self.held.get())))

    def _bound(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, list[tuple[str, Any]]]:
        """The arguments of a call in the order of the parameters: how tuples among them nest, and what is in them."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        leaves: list[tuple[str, Any]] = []
        structure = {name: _taken_apart(f"argument `{name}`", value, leaves) for name, value in bound.arguments.items()}
        return structure, leaves

    # recording ----------------------------------------------------------------------------------------------------------
    def record(self) -> Any:
        """Record the body until what it takes and gives is settled; gives what the first call returns."""
        trace, known = self.trace, self.trace.failure
        cells = [(cell, name, cell_contents(cell)) for cell, name in closed_over(self.function)]
        before = [variable.get() for variable in self.variables]
        for _ in range(TRIES):
            self.changed = False
            longest, lists = [(known_list, known_list.longest) for known_list in trace.lists], usable(trace)
            unrolled = len(trace.unrolled)
            listed = [(known_list, known_list.held.copy()) for known_list in trace.lists if known_list.held is not None]
            self.entered = cells, listed
            region = Region(trace, "recursion", loop=True)
            error: BaseException | None = None
            around, trace.variables = trace.variables, (*trace.variables, *(v for v in self.variables if v.cell is not None))
            try:
                with region:
                    inputs = self._enter(region)
                    out = self._call()
                    refuse_changes(listed)
                    self._settle(region, out, cells)
                    if not self.changed:
                        body = self._body(region, out, inputs)
            except (Exception, Ends) as raised:
                error = raised
            trace.variables = around
            merged = unmerged(lists)
            for variable, value in zip(self.variables, before):
                variable.set(value)
            for cell, _, value in cells:
                fill(cell, value)
            before = [variable.get() for variable in self.variables]  # more of them, maybe
            if self.rebound:
                raise Holds(self.rebound)
            if error is not None and not (self.changed and isinstance(error, _NotYet)):
                raise error
            if not self.changed:
                for own in merged:
                    own.merge()
                return self._append(region, body)
            del trace.unrolled[unrolled:]
            trace.failure = known
            for known_list, length in longest:
                known_list.longest = length
        raise TraceError("what a function that calls itself takes and returns does not settle", at=tr.user_line())

    def _call(self) -> Any:
        leaves = iter([place.head if place.varies else place.initial for place in self.given])
        bound = self.signature.bind_partial()
        bound.arguments.update({name: _built(structure, leaves) for name, structure in self.structure.items()})
        return self.function(*bound.args, **bound.kwargs)

    def _enter(self, region: Region) -> list[Var]:
        """The inputs of the body: state, and what is given."""
        inputs: list[Var] = []
        for variable in self.variables:
            if variable.place.spec is not None:
                inputs += variable.place.enter(self.trace, region)
                variable.set(variable.place.head)
        for cell in self.cells:
            self.trace.value_of(cell)
            inputs.append(region.entered[cell][0])
        for place in self.given:
            if place.varies:
                inputs += place.enter(self.trace, region)
        return inputs

    def _settle(self, region: Region, out: Any, cells: Sequence[tuple[CellType, str, Any]]) -> None:
        """Compare what the body left with what it was taken to leave; adapt."""
        for variable in self.variables:
            self._note(variable.place.takes(variable.get()))
        self._add_variables(cells)
        for written in region.written:
            if written not in self.cells:
                if dt.is_complex(written.value.type.dtype):
                    raise TraceError("a function that calls itself writes complex numbers", at=tr.user_line())
                self.cells.append(written)
                self.changed = True
        leaves: list[tuple[str, Any]] = []
        structure = _taken_apart("the result", out, leaves)
        if self.results is None:
            self.results = _Results(structure, [_Place(name, value) for name, value in leaves])
            self.changed = True
            for place, (_, value) in zip(self.results.places, leaves):
                data = unwrap(value)
                if type(data) is Symbol and _is_within(data.cell.home, region):  # nobody knows it outside this recording
                    place.vary()
        elif structure != self.results.structure:
            raise TraceError("a function that calls itself returns tuples of several kinds", at=tr.user_line())
        for place, (_, value) in zip(self.results.places, leaves):
            self._result(region, place, value)

    def _add_variables(self, cells: Sequence[tuple[CellType, str, Any]]) -> None:
        """Take for variables that calls rebind those of functions around that hold something else than the body found."""
        for cell, name, value in cells:
            if not same(cell_contents(cell), value) and not any(variable.cell is cell for variable in self.variables):
                self.variables.append(_Variable(partial(cell_contents, cell), partial(fill, cell), _Place(name, value), cell))
                self.changed = self.variables[-1].place.takes(cell_contents(cell)) or True

    def _result(self, region: Region, place: _Place, value: Any) -> None:
        data, spec = unwrap(value), spec_of(value)
        if spec is not None and not spec.is_number:
            inside = type(data) is Symbol and _is_within(data.cell.home, region)
            known = not inside and place.spec is None and same(value, place.initial) and not getattr(data, "chain", ())
            own = inside and data.cell.shared is None
            if not known and not own:
                raise TraceError("a function that calls itself returns an array that is not always new", at=tr.user_line())
        self._note(place.takes(value))

    def _note(self, settled: bool) -> None:
        self.changed = self.changed or not settled

    # calls --------------------------------------------------------------------------------------------------------------
    def again(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call of the function by itself."""
        structure, leaves = self._bound(args, kwargs)
        if structure != self.structure:
            raise TraceError("a function that calls itself is given tuples of several kinds", at=tr.user_line())
        for place, (_, value) in zip(self.given, leaves):
            self._note(place.takes(value))
            data = unwrap(value)
            if place.is_array and type(data) is Symbol and data.cell in self.cells:
                raise TraceError(f"{place.name} of a function that calls itself is part of an array that it writes",
                                 at=tr.user_line())  # fmt: skip
        for variable in self.variables:
            self._note(variable.place.takes(variable.get()))
        self._find_changed()
        if self.changed or self.results is None:
            self.changed = True
            raise _NotYet("a recursion whose end only a run knows")
        operands = [atom for v in self._state() for atom in v.place.atoms(self.trace, v.get())]
        operands += [self.trace.value_of(cell) for cell in self.cells]
        count = len(operands)
        for place, (_, value) in zip(self.given, leaves):
            operands += place.atoms(self.trace, value)
        types = [type_ for place in self.results.places for type_ in place.types]
        params = {
            "name": self.name,
            "state": count,
            "dtypes": tuple(t.dtype for t in types),
            "shapes": tuple(t.shape for t in types),
        }
        return self._made(list(self.trace.record(control.again, tuple(operands), params)))

    def _find_changed(self) -> None:
        """What the body has changed by now the call finds changed, though all is put back after it: `path.append(k)` before,
        `path.pop()` behind."""
        cells, listed = self.entered
        self._add_variables(cells)
        refuse_changes(listed)
        self.rebound = self.rebound or self.watch.midway()
        self.changed = self.changed or bool(self.rebound)

    def _state(self) -> list[_Variable]:
        return [variable for variable in self.variables if variable.place.spec is not None]

    def _made(self, parts: list[Atom]) -> Any:
        """Leave variables and storage as a call does; gives what it returns."""

        def take(spec: Spec) -> Any:
            mine, parts[:] = parts[: len(spec.types)], parts[len(spec.types) :]
            return made(self.trace, spec, mine)

        for variable in self._state():
            assert variable.place.spec is not None
            variable.set(take(variable.place.spec))
        for cell in self.cells:
            self.trace.assign(cell, parts.pop(0))
        assert self.results is not None
        leaves = [place.initial if place.spec is None else take(place.spec) for place in self.results.places]
        return _built(self.results.structure, iter(leaves))

    # the equation -------------------------------------------------------------------------------------------------------
    def _body(self, region: Region, out: Any, inputs: list[Var]) -> Graph:
        assert self.results is not None
        outputs = [atom for v in self._state() for atom in v.place.atoms(self.trace, v.get())]
        outputs += [region.values[cell] for cell in self.cells]
        leaves: list[tuple[str, Any]] = []
        _taken_apart("", out, leaves)
        for place, (_, value) in zip(self.results.places, leaves):
            outputs += place.atoms(self.trace, value)
        body, own = region.builder.body(outputs), set(inputs)
        return body.replace(inputs=(*inputs, *(var for var in body.inputs if var not in own)), names={})

    def _append(self, region: Region, body: Graph) -> Any:
        operands = [atom for v in self._state() for atom in v.place.atoms(self.trace, v.get())]
        operands += [region.entered[cell][1] for cell in self.cells]
        state = len(operands)
        for place in self.given:
            data = unwrap(place.initial)
            if place.is_array and type(data) is Symbol and data.cell in self.cells:
                raise TraceError(f"{place.name} of a function that calls itself is an array that it writes, but not always",
                                 at=tr.user_line())  # fmt: skip
            operands += place.atoms(self.trace, place.initial)
        fixed = {var: outer for cell, (var, outer) in region.entered.items() if cell not in self.cells}
        given = len(operands) - state
        operands += [fixed.get(var, var) for var in body.inputs[len(operands) :]]
        params = {"name": self.name, "state": state, "given": given, "body": body}
        return self._made(list(self.trace.record(control.recursion, tuple(operands), params)))


# variables of functions around -----------------------------------------------------------------------------------------
def closed_over(function: Any) -> Iterator[tuple[CellType, str]]:
    """The variables that a function, and those that it closes over, can rebind, and their names."""
    seen: set[int] = set()
    pending = deque([function])
    while pending:
        found = pending.popleft()
        if isinstance(found, partial):
            pending.append(found.func)
        if isinstance(found, MethodType):
            pending.append(found.__func__)
        if not isinstance(found, FunctionType):
            continue
        for name, cell in zip(found.__code__.co_freevars, found.__closure__ or ()):
            if id(cell) not in seen:
                seen.add(id(cell))
                pending.append(cell_contents(cell))
                yield cell, f"`{name}`"


# tuples ----------------------------------------------------------------------------------------------------------------
def _taken_apart(name: str, value: Any, leaves: list[tuple[str, Any]]) -> _Tuple | None:
    """How tuples nest; what is in them goes to `leaves`."""
    if not is_parts(value):
        leaves.append((name, value))
        return None
    nest = nest_of(value, 0)
    assert nest is not None
    return _Tuple(nest, tuple(_taken_apart(f"{name}[{k}]", part, leaves) for k, part in enumerate(value)))


def _built(structure: _Tuple | None, leaves: Iterator[Any]) -> Any:
    if structure is None:
        return next(leaves)
    return structure.nest.build([_built(part, leaves) for part in structure.parts])


def _is_within(home: Region | None, region: Region) -> bool:
    while home is not None and home is not region:
        home = home.outer
    return home is not None
