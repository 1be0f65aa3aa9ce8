"""What a variable is after two ways led to one place: one value of the graph, if both ways leave the same kind of thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import EnumType
from functools import partial
from typing import Any

import numpy as np

from hybrid.control import handles, records
from hybrid.control.owners import NO, YES, argument_of, is_owned, is_part
from hybrid.control.parts import Part, common_whole
from hybrid.control.plain import RESULT, UNDEFINED
from hybrid.control.structure import Nest, built, known_nests, nests, note_twins, optional, optional_parts, parts_of
from hybrid.control.united import one_of, thing, values_of
from hybrid.control.varying import Varying, inner_symbols, mentions, of_both
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Shape, TensorType, symbols
from hybrid.frontend import uncertain
from hybrid.frontend.chosen import MOST, Chosen
from hybrid.frontend.layouts import layout_of, like_all, note_turned
from hybrid.frontend.masked import Masked
from hybrid.frontend.values import Value, operand, recast, stretched, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.aliases import Storage, keep_apart
from hybrid.ir.forms import Kept, Known, Maybe, Thing
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e

PYTHON = {bool: dt.bool_, int: dt.int64, float: dt.float64, complex: dt.complex128}
_CLASS = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
_RANK = {bool: 0, int: 1, float: 2, complex: 3}
FORMS = 4  # things that one variable may be
KNOWN = frozenset((str, bytes, type(None), type(...), type, frozenset, range))
IMMUTABLE = (str, bytes, type(None), type(...), type, np.dtype, bool, int, float, complex, frozenset, range)


def same_constant(a: Any, b: Any) -> bool:
    """Whether two immutable objects are as good as one, or two are one."""
    if a is b:
        return True
    if type(a) is not type(b) or not issubclass(type(a), IMMUTABLE):  # a traced number says that it is an instance of float
        return False
    return a == b and repr(a) == repr(b)


def called(name: str) -> str:
    """A variable in a message: names of the user's as they are."""
    return "the returned value" if name.startswith(RESULT) else f"`{name}`"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a traced variable holds: a number, an array, or one of the known objects `options`.

    `instead`: what an uncertain number may be otherwise: a Python number of that class and of the same value, a number of
    another spec, a known object, or None for nothing.
    """

    kind: str  # python | scalar | ndarray | tensor | known
    dtype: np.dtype
    shape: Shape = ()
    maybe: bool = False
    instead: type | Spec | Known | None = None
    options: tuple[Known, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether the graph holds a number for it, which is nobody's storage."""
        return self.kind in ("python", "scalar", "known")

    @property
    def tensor(self) -> TensorType:
        return TensorType(self.dtype, self.shape, weak=self.kind == "python")

    def __str__(self) -> str:
        words = {"python": f"a Python {self.python.__name__}", "scalar": f"a NumPy {self.dtype}",
                 "known": f"one of {', '.join(repr(known.value) for known in self.options)}"}  # fmt: skip
        return words.get(self.kind, f"an array {self.tensor}")

    @property
    def python(self) -> type:
        return _CLASS[dt.KIND[self.dtype]]

    @property
    def types(self) -> list[TensorType]:
        """Of what `atoms` gives."""
        rest = self.instead.types if isinstance(self.instead, Spec) else []
        return [self.tensor, *([YES.type, *rest] if self.maybe else [])]

    def certain(self) -> Spec:
        return Spec(self.kind, self.dtype, self.shape, options=self.options)


_NOTHING = Known(None)  # the object None

Form = Spec | Known | None  # one of the things that an uncertain variable may be; None: nothing


def spec_of(value: Any) -> Spec | None:
    """The spec of a number or array; None for any other object."""
    if type(value) is Chosen:
        return Spec("known", dt.int64, options=value.options)
    if handles.is_handle(value):
        return Spec("known", dt.int64, options=handles.options(value))
    data = unwrap(value)
    if type(data) is Symbol:
        maybe = data.maybe
        if maybe is None:
            return Spec(data.kind, data.type.dtype, data.type.shape)
        instead = spec_of(maybe.instead) if isinstance(maybe.instead, Value | Chosen) else maybe.instead
        return Spec(data.kind, data.type.dtype, data.type.shape, True, instead)
    if type(data) in PYTHON:
        if type(data) is int and not -(2**63) <= data < 2**63:
            return None
        return Spec("python", PYTHON[type(data)])
    if isinstance(data, np.generic):
        return Spec("scalar", data.dtype) if data.dtype in dt.SHORT else None
    if type(data) is np.ndarray and data.dtype in dt.SHORT:
        return Spec("tensor" if isinstance(value, Value) else "ndarray", data.dtype, data.shape)
    return None


def form_of(value: Any) -> Spec | Known | None:
    """The spec of a number or array, or the known object that something is; None for anything else."""
    spec = spec_of(value)
    if spec is not None:
        return spec
    return Known(value) if type(value) in KNOWN or type(type(value)) is EnumType else thing(value)


def forms(form: Form) -> list[Form]:
    """All that an uncertain variable may be."""
    if not isinstance(form, Spec) or not form.maybe:
        return [form]
    if isinstance(form.instead, type):
        return [form.certain(), Spec("python", PYTHON[form.instead])]
    return [form.certain(), *forms(form.instead)]


def common(a: Form, b: Form) -> Spec | None:
    """One spec for values of both, or None. Numbers of two kinds become the one that says more, which then is uncertain."""
    parts = _gathered(list(dict.fromkeys(forms(a) + forms(b))))
    if len(parts) == 1:
        return parts[0] if isinstance(parts[0], Spec) else None
    arrays = [part for part in parts if isinstance(part, Spec) and not part.is_number]
    if arrays:
        if len(arrays) == 1 and [part for part in parts if part != arrays[0]] == [_NOTHING]:
            return replace(arrays[0], maybe=True, instead=_NOTHING)
        return None
    parts.sort(key=_says, reverse=True)
    known = sum(1 for part in parts if options_of(part))
    if len(parts) > FORMS or not isinstance(parts[0], Spec) or known > 1 or (None in parts and known):
        return None  # objects that one number does not tell apart, or objects and nothing
    if len(parts) == 2 and isinstance(parts[1], Spec) and _shares(*parts):  # type: ignore[arg-type]
        return replace(parts[0], maybe=True, instead=parts[1].python)
    out: Form = parts[-1]
    for part in reversed(parts[:-1]):
        if not isinstance(part, Spec):
            return None  # two objects, or an object and nothing
        out = replace(part, maybe=True, instead=out)
    return out  # type: ignore[return-value]


def options_of(form: Form) -> tuple[Known, ...]:
    """The known objects that something of a form may be."""
    return form.options if isinstance(form, Spec) else (form,) if isinstance(form, Known) else ()


def _gathered(parts: list[Form]) -> list[Form]:
    """Several known objects as one form."""
    known: list[Known] = []
    for option in (option for part in parts for option in options_of(part)):
        if not any(type(option) is type(other) and same_constant(option.value, other.value) for other in known):
            known.append(option)
    if len(known) < 2 or len(known) > MOST or not _are_alike(known):
        return parts
    known.sort(key=lambda option: (type(option) is not Kept, id(option.value) if type(option) is Kept else 0))
    return [*(p for p in parts if not options_of(p)), Spec("known", dt.int64, options=tuple(known))]


def _are_alike(known: list[Known]) -> bool:
    """Whether one number can say which of some objects is meant: what is in storage is known by its place."""
    kept = [type(option) is Kept for option in known]
    return not any(kept) or all(is_kept or option == _NOTHING for option, is_kept in zip(known, kept))


def holds_all(spec: Form, form: Form) -> bool:
    """Whether something of a spec can be all that something of a form can be."""
    every = [set(part.options) if isinstance(part, Spec) and part.options else {part} for part in (*forms(spec), *forms(form))]
    count = len(forms(spec))
    return set().union(*every[count:]) <= set().union(*every[:count])


def _says(form: Form) -> tuple:
    """How much a form says: what has values of more kinds stands first, and NumPy's numbers before Python's."""
    if not isinstance(form, Spec) or form.options:
        return (-1, form is not None, 0, "")
    return (form.kind == "scalar", _RANK[form.python], form.dtype.itemsize, form.dtype.name)


def _shares(said: Spec, other: Spec) -> bool:
    """Whether what a NumPy number is said to be has the value of a Python number, too, whatever that is."""
    if said.kind == "python" or other.kind != "python":
        return False
    own = said.dtype in (dt.float64, dt.complex128, dt.int64, dt.bool_)
    alike = all((said.python is kind) == (other.python is kind) for kind in (bool, complex))  # `int(1 + 2j)` raises
    return own and alike and _RANK[other.python] <= _RANK[said.python]


def alternatives(trace: Trace, value: Any) -> list[tuple[Atom, Form, Any]]:
    """What a variable may be: when, of which form, and that number or object."""
    reached: Atom = YES
    data, out = unwrap(value), []
    while type(data) is Symbol and data.maybe is not None:
        maybe = data.maybe
        out.append((_both(trace, reached, maybe.holds), _certain_spec(data), certain(value)))
        reached = _both(trace, reached, _not(trace, maybe.holds))
        value = otherwise(value)
        data = unwrap(value)
    return [*out, (reached, form_of(value) if value is not UNDEFINED else None, value)]


def _certain_spec(data: Symbol) -> Spec:
    return Spec(data.kind, data.type.dtype, data.type.shape)


def otherwise(value: Any) -> Any:
    """What an uncertain number is when it is not what it is said to be; UNDEFINED for nothing."""
    instead = unwrap(value).maybe.instead
    if isinstance(instead, Known):
        return instead.value
    return UNDEFINED if instead is None else uncertain.otherwise(value)


def _both(trace: Trace, a: Atom, b: Atom) -> Atom:
    return b if a is YES or _is_true(a) else a if _is_true(b) else trace.one(e.and_, a, b)


def _not(trace: Trace, a: Atom) -> Atom:
    return tr.literal(not a.value, dt.bool_) if isinstance(a, Literal) else trace.one(e.not_, a)


def atoms(trace: Trace, value: Any, spec: Spec | Varying) -> list[Atom]:
    """A value in the form of a spec: itself, and for uncertain ones whether it is what the spec says, and what else it is."""
    if isinstance(spec, Varying):
        return spec.atoms(trace, None if value is UNDEFINED else value)
    if not spec.maybe:
        return [_read(trace, value, spec)]
    if value is UNDEFINED:
        return [tr.literal(0, type_.dtype) if not type_.shape else _read(trace, value, spec) for type_ in spec.types]
    found = alternatives(trace, value)
    if not spec.is_number:
        if spec.instead is None:
            return [_read(trace, value, spec), YES]
        return [_read(trace, certain(value), spec), next((when for when, form, _ in found if form == spec.certain()), NO)]
    out: list[Atom] = []
    at: Form | type = spec
    while isinstance(at, Spec):
        out.append(_as(trace, found, at))
        if at.maybe:
            out.append(next((when for when, form, _ in found if form == at.certain()), NO))
        at = at.instead if at.maybe else None
    return out


def _as(trace: Trace, found: list[tuple[Atom, Form, Any]], spec: Spec) -> Atom:
    """A number in one of its forms; where it is another number, that one converted."""
    if spec.options:
        return _number(trace, found, spec)
    out: Atom | None = None
    for when, form, value in reversed(found):
        if not isinstance(form, Spec) or not form.is_number or form.options:
            continue
        if spec.maybe and isinstance(spec.instead, type) and form.kind == "python":
            atom = uncertain.shared(trace, value, spec.dtype, when)
        else:
            atom = recast(trace, tr.read(symbol(trace, value)), spec.dtype)
        if form == spec.certain() and _holds_others(found, spec):
            return atom  # it has been converted there
        out = atom if out is None else trace.one(e.select, when, atom, out)
    return tr.literal(0, spec.dtype) if out is None else out


def _number(trace: Trace, found: list[tuple[Atom, Form, Any]], spec: Spec) -> Atom:
    """Which of the options of a spec something is."""
    out: Atom | None = None
    for when, form, value in reversed(found):
        if type(spec.options[0]) is Kept:
            if options_of(form):
                out = handles.number(value) if out is None else trace.one(e.select, when, handles.number(value), out)
            continue
        places = [
            next((k for k, o in enumerate(spec.options) if same_constant(o.value, own.value)), -1) for own in options_of(form)
        ]
        if -1 in places:
            raise TraceError("a variable is yet another text, or other object, in every round", at=tr.user_line())
        if not places:
            continue
        atom: Atom = tr.literal(places[0], dt.int64)
        if type(value) is Chosen:
            atom = value.number
            if places != list(range(len(places))):
                atom = tr.literal(places[-1], dt.int64)
                for k, place in enumerate(places[:-1]):
                    atom = trace.one(e.select, value.is_one(k), tr.literal(place, dt.int64), atom)
        out = atom if out is None else trace.one(e.select, when, atom, out)
    return tr.literal(0, dt.int64) if out is None else out


def _holds_others(found: list[tuple[Atom, Form, Any]], spec: Spec) -> bool:
    """Whether a variable is said to be of this form: then its number stands there, whatever it is."""
    return found[0][1] == spec.certain()


def _read(trace: Trace, value: Any, spec: Spec) -> Atom:
    if spec.options and value is not UNDEFINED:
        return _number(trace, alternatives(trace, value), spec)
    if value is UNDEFINED or value is None:
        zero = tr.literal(0, spec.dtype)
        return stretched(trace, zero, spec.shape)
    if spec.shape or not spec.is_number:
        return tr.read(symbol(trace, value))
    return operand(trace, value, spec.dtype)


def certain(value: Any) -> Any:
    """An uncertain number taken for what it is said to be."""
    return uncertain.certain(value)


def made(trace: Trace, spec: Spec | Varying, parts: list[Atom]) -> Any:
    """A new variable of a spec from what `atoms` gave."""
    if isinstance(spec, Varying):
        return spec.made(trace, parts)
    if spec.options:
        which = parts[0]
        if type(spec.options[0]) is Kept:
            return handles.of_options(trace, spec.options, which)
        return spec.options[int(which.value)].value if isinstance(which, Literal) else Chosen(trace, which, spec.options)
    maybe = None
    if spec.maybe and not _is_true(parts[1]):
        instead = made(trace, spec.instead, parts[2:]) if isinstance(spec.instead, Spec) else spec.instead
        if isinstance(parts[1], Literal) and isinstance(spec.instead, Spec):
            return instead
        maybe = Maybe(parts[1], instead)
    return wrap(Symbol(Cell(trace, parts[0], mutable=not spec.is_number), spec.tensor, spec.kind, maybe=maybe))


def _is_true(atom: Atom) -> bool:
    return isinstance(atom, Literal) and bool(atom.value)


_EITHER: list[Callable[..., Any]] = [lambda *args: None]


def register_lists(joined: Callable) -> None:
    """Install what joins lists (`control.either`), which are made of what this module joins."""
    _EITHER[0] = joined


class Join:
    """The variables that two ways leave, joined one by one; `pairs` are the graph values of either side, in order."""

    def __init__(
        self, trace: Trace, predicate: Atom, sides: tuple, live: Callable[[str], bool], invented: Callable[[str], bool]
    ):
        self.trace, self.predicate, self.sides, self.live, self.invented = trace, predicate, sides, live, invented
        self.pairs: list[tuple[Atom, Atom]] = []
        self.nests: dict[int, Nest] = {}
        self.arrays: list[tuple[Cell, ...]] = []  # made of arrays, and what they are on either way
        self.uses: Counter[Storage] = Counter()  # how many variables are, or are in, an array that a way leaves
        self.selections = 0  # by masks, among the variables
        self.selected: list[tuple[Masked, ...]] = []  # what they are now, and on either way
        self.makers: list[tuple[str, Callable[[list[Atom]], Any]]] = []
        self.pairs_of: dict[tuple[int, int], Callable[[list[Atom]], Any]] = {}  # objects that can change, by those they may be
        self.arrays_of: dict[tuple[int, int, bool], Callable[[list[Atom]], Any]] = {}  # likewise
        self.joined_objects: dict[int, Any] = {}
        self.merged: list[Any] = []  # lists among these

    def variables(self, names: tuple[str, ...], left: tuple, other: tuple) -> None:
        """What either way left; the caller holds no other references to it."""
        self.nests = known_nests(self.trace)
        given, (left, other) = (left, other), records.shared_all(self.trace, left, other)
        for side, values, before in zip(self.sides, (left, other), given):
            with side:
                self.nests |= nests(values, self.trace.copies, 1 if values is before else 2)
        self.nests |= records.alike(self.trace, left, other, self.nests)
        for name, a, b in zip(names, left, other):
            self._variable(name, a, b)
        for own in self.merged:
            own.merge()

    def _variable(self, name: str, a: Any, b: Any) -> None:
        self.makers.append((name, self.joined(name, a, b)))

    def joined(self, name: str, a: Any, b: Any, guarded: bool = False) -> Callable[[list[Atom]], Any]:
        """What makes the variable from the results; `guarded`: a flag stands before every read of it."""
        guarded = guarded or self.invented(name)
        if a is b:
            return lambda results: a
        if self.live(name) or self.invented(name):
            make = _EITHER[0](self, name, a, b, guarded)
            if make is not None:
                return make
        one_nest, other_nest = self.nests.get(id(a)), self.nests.get(id(b))
        if one_nest is not None and one_nest == other_nest:
            one_nest = one_nest if one_nest.copied else other_nest
            if one_nest.type is Masked:
                return self._selection(name, one_nest, a, b)
            make = self.nested(name, one_nest, zip(parts_of(a), parts_of(b)), guarded or one_nest.guards)
            return make if one_nest.is_value else self.one_for_all(a, b, make)
        if same_constant(a, b):
            return lambda results: a
        nest = optional((a, b), one_nest, other_nest)
        if nest is not None:
            parts, others = (optional_parts(nest, value, UNDEFINED) for value in (a, b))
            if parts is not None and others is not None:
                return self.nested(name, nest, zip(parts, others), guarded=True)
        if guarded and (a is UNDEFINED or b is UNDEFINED):
            given, nest = (b, other_nest) if a is UNDEFINED else (a, one_nest)
            if nest is not None:
                pairs = [(UNDEFINED, part) if a is UNDEFINED else (part, UNDEFINED) for part in parts_of(given)]
                make = self.nested(name, nest, pairs, guarded)
                return make if nest.is_value else self.one_for_all(a, b, make)
            instance = one_of(given)
            if instance is not None and any(self._is_new(part) for part in values_of(given)):
                parts = values_of(given)
                return self.nested(
                    name, instance, [(UNDEFINED, x) if a is UNDEFINED else (x, UNDEFINED) for x in parts], guarded
                )
            if spec_of(given) is None or self._from_outside(given):
                return lambda results: given  # a flag says whether it is meant
        if not self.live(name) and not self.invented(name):
            return lambda results: UNDEFINED
        one, other = self._form(0, a), self._form(1, b)
        things = isinstance(one, Thing) and isinstance(other, Thing)
        instances = None if things else one_of(a, b)
        if instances is not None:
            return self.nested(name, instances, zip(values_of(a), values_of(b)), guarded)
        if a is UNDEFINED or b is UNDEFINED:
            given = other if a is UNDEFINED else one
            if given is None:
                return self._unless_dead(name, f"{called(name)} is assigned on one way only")
            if guarded:
                spec = given if isinstance(given, Spec) else None
            elif isinstance(given, Spec) and not given.is_number:
                spec = None if given.maybe else Spec(given.kind, given.dtype, given.shape, True, None)
            else:
                spec = common(given, None)
        else:
            spec = common(one, other) if one is not None and other is not None else None
        given = [form for form, value in ((one, a), (other, b)) if value is not UNDEFINED]
        held = self._held(spec, given)
        whole = common_whole(a, b) if spec is None else None
        if whole is not None and not (self.invented(name) and held is not None and not is_owned(wrap(whole))):
            return self._part(whole, (a, b))
        if held is None:
            what = [str(s) if isinstance(s, Spec) else type(v).__name__ for s, v in ((one, a), (other, b))]
            return self._unless_dead(name, f"{called(name)} is {what[0]} on one way and {what[1]} on the other")
        key = (id(unwrap(a)), id(unwrap(b)), guarded)
        if not held.is_number and key in self.arrays_of:
            return self.arrays_of[key]  # by another name
        start = len(self.pairs)
        both = []
        for side, value in zip(self.sides, (a, b)):
            with side:
                both.append(atoms(self.trace, value, held))
        self.pairs += zip(*both)
        end = len(self.pairs)
        if not held.is_number:
            whose = argument_of(a, b)
            self.pairs += [] if whose is None else [whose[1]]
            owned = any(is_owned(value) for value in (a, b))
            why = f"{called(name)} is one array or another depending on a condition"
            shared = (TraceError(f"an array is returned, and {why}", at=tr.user_line()), self.predicate) if owned else None
            wholes = tuple(None if v is UNDEFINED or v is None else symbol(self.trace, v).cell.whole for v in (a, b))
            in_part = any(map(is_part, (a, b)))
            self.uses.update({whole for whole in wholes if whole is not None})
            layouts = {layout_of(v) for v in (a, b) if v is not UNDEFINED and v is not None}
            ways = tuple(one if v is UNDEFINED or v is None else v for v, one in ((a, b), (b, a)))

            def array(results: list[Atom]) -> Any:
                value = self._aliased(made(self.trace, held, results[start:end]), shared, wholes, in_part)
                unwrap(value).cell.given = None if whose is None else (whose[0], results[end])
                note_turned(self.trace, value, ways, self.predicate)
                return like_all(self.trace, value, layouts)

            self.arrays_of[key] = _once(array)
            return self.arrays_of[key]
        return lambda results: made(self.trace, held, results[start:end])

    def _held(self, spec: Spec | None, given: list[Any]) -> Spec | Varying | None:
        """What holds all that is given, which is of this spec if it is of one: arrays may be of several sizes."""
        if spec is not None and (spec.is_number or not symbols(*spec.shape)):
            return spec
        inner = inner_symbols(self.sides)
        if spec is not None and (spec.maybe or not mentions(spec.shape, inner)):
            return None if mentions(spec.shape, inner) else spec
        return of_both(self.trace, given[0], given[-1], inner) if all(isinstance(form, Spec) for form in given) else None

    def one_for_all(self, a: Any, b: Any, make: Callable[[list[Atom]], Any]) -> Callable[[list[Atom]], Any]:
        """What makes an object that can change, the same for all variables that are one of the same two."""
        key, own = (id(a), id(b)), [value for value in (a, b) if value is not UNDEFINED]
        if key not in self.pairs_of:
            if any(id(value) in self.joined_objects for value in own):
                raise TraceError("an object is known under two names, one of which may be another object", at=tr.user_line())
            self.joined_objects.update((id(value), value) for value in own)
            self.pairs_of[key] = _once(make)
        return self.pairs_of[key]

    def _form(self, side: int, value: Any) -> Spec | Known | None:
        with self.sides[side]:  # where a selection by a mask may still have to be made
            return form_of(value)

    def _part(self, whole: Symbol, values: tuple) -> Callable[[list[Atom]], Any]:
        start, part = len(self.pairs), Part(whole)
        both = []
        for side, value in zip(self.sides, values):
            with side:
                both.append(part.atoms(self.trace, value))
        self.pairs += zip(*both)
        return lambda results: part.made(self.trace, results[start : start + 2])

    def nested(
        self, name: str, nest: Nest, pairs: Iterable[tuple[Any, Any]], guarded: bool = False
    ) -> Callable[[list[Atom]], Any]:
        parts = [self.joined(name, a, b, guarded) for a, b in pairs]
        build = partial(built, self.trace, nest, self.invented(name))
        return lambda results: build(part(results) for part in parts)

    def _selection(self, name: str, nest: Nest, a: Masked, b: Masked) -> Callable[[list[Atom]], Any]:
        make = self.nested(name, nest, zip(parts_of(a), parts_of(b)))
        self.selections += 1

        def made(results: list[Atom]) -> Masked:
            self.selected.append((make(results), a, b))
            if len(self.selected) == self.selections:
                note_twins(self.selected)
            return self.selected[-1][0]

        return made

    def _is_new(self, value: Any) -> bool:
        data = unwrap(value)
        return type(data) is Symbol and data.cell.home in self.sides

    def _from_outside(self, value: Any) -> bool:
        """Whether something is a whole array that neither way made."""
        data = unwrap(value)
        return type(data) is Symbol and not data.chain and data.kind == "ndarray" and data.cell.home not in self.sides

    def _aliased(self, value: Any, shared: tuple[TraceError, Atom] | None, wholes: tuple[Any, ...], in_part: bool) -> Any:
        """A new array, and what it is on either way: when one of them is written, the others are not to be read any more."""
        cell, given = unwrap(value).cell, [whole for whole in wholes if whole is not None]
        cell.shared, cell.may_be, cell.is_part = shared, tuple(given), in_part
        cell.like = tuple(dict.fromkeys(other for each in given for other in each.like))
        named = [(side, w) for side, w in zip(self.sides, wholes) if w is not None]
        cell.stands_for(w for side, w in named if w.home is not side or w.roots or self.uses[w] > 1)
        if len(given) == len(wholes):
            self.arrays.append((cell, *given))
        return value

    def keep_apart(self) -> None:
        """Note which arrays are two on both ways, once the variables are made."""
        if len(self.arrays) > 1:
            keep_apart(*zip(*self.arrays))

    def _unless_dead(self, name: str, what: str) -> Callable[[list[Atom]], Any]:
        if self.live(name):
            raise TraceError(f"{what}, which only a run can tell", at=tr.user_line())
        return lambda results: UNDEFINED


def _once(make: Callable[[list[Atom]], Any]) -> Callable[[list[Atom]], Any]:
    found: list[Any] = []

    def one(results: list[Atom]) -> Any:
        if not found:
            found.append(make(results))
        return found[0]

    return one
