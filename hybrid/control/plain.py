"""Control flow as Python defines it, written as functions: the meaning of converted code, and what a tracer overrides.

`hybrid.staging.convert` rewrites `if x: y = 1` into a call of `branch(x, then, orelse, state)`, where `then` is a nested
function that binds `y`. A tracer that takes part in control flow subclasses `Plain`; run with `Plain` itself, converted
code does what the original does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import CellType
from typing import Any

from hybrid.frontend.texts import joined

Thunk = Any  # a function of no arguments

RESULT = "__hy_return"  # the name of what a function will return
FINALLY = -1  # the number of errors that no clause is for
UNDEFINED: Any = type("Undefined", (), {"__repr__": lambda self: "UNDEFINED", "__slots__": ()})()  # of an unbound variable


class Ends(BaseException):
    """An error of the user's whose text only a run knows: it ends its way, and no `except` clause of theirs may look at it.

    `why`: what making it raised; `kind`: its class, where that is known.
    """

    def __init__(self, why: BaseException, kind: Any = None):
        super().__init__(str(why))
        self.why, self.kind = why, kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


def matches(kind: type[BaseException], classes: Any) -> bool:
    """Whether an error of some class is what an `except` clause for some classes is for."""
    classes = classes if isinstance(classes, tuple) else (classes,)
    if not all(isinstance(cls, type) and issubclass(cls, BaseException) for cls in classes):
        raise TypeError("catching classes that do not inherit from BaseException is not allowed")
    return issubclass(kind, classes)


@dataclass(frozen=True, slots=True)
class State:
    """The variables that a construct may rebind.

    Args:
        names: in the order of `get` and `set`.
        get: their values now, UNDEFINED where one is unbound.
        set: rebinds all of them, and unbinds those given as UNDEFINED.
        live: names that may be read after the construct before they are bound again.
        carried: of a loop, names that a round may read before it binds them.
        invented: names that stand in no user's code; every read of one is guarded, so an unbound one may hold anything.
        cells: those of the variables that are in cells.
    """

    names: tuple[str, ...]
    get: Callable[[], tuple]
    set: Callable[[tuple], None]
    live: frozenset[str]
    carried: frozenset[str]
    invented: frozenset[str]
    cells: tuple[CellType, ...] = ()

    def between(self) -> State:
        """The same variables between two rounds of a loop, where the next round may read them, too."""
        return replace(self, live=self.live | self.carried)


@dataclass(frozen=True, slots=True)
class Each:
    """What a comprehension is made of: `item(x) for x in iterable if test(x)`.

    Args:
        nested: whether `item` gives the next loop of the comprehension, another of these.
        asks: whether this loop or one in it has a condition.
    """

    iterable: Iterable
    test: Callable[[Any], Any] | None
    item: Callable[[Any], Any]
    nested: bool = False
    asks: bool = False

    def visit(self, take: Callable[[Any], None]) -> None:
        """Call `take` with every item."""
        for x in self.iterable:
            if self.test is None or self.test(x):
                made = self.item(x)
                if self.nested:
                    made.visit(take)
                else:
                    take(made)

    def __iter__(self) -> Iterator[Any]:
        for x in self.iterable:
            if self.test is None or self.test(x):
                made = self.item(x)
                if self.nested:
                    yield from made
                else:
                    yield made


class Plain:
    """Python's own control flow."""

    def branch(self, test: Any, then: Thunk, orelse: Thunk, state: State) -> None:
        """`if test: then() else: orelse()`."""
        (then if test else orelse)()

    def text(self, *pieces: Any) -> Any:
        """An f-string among the arguments of `print`: texts, and values with their conversion and format."""
        return joined(pieces)

    def written(self, *pieces: Any) -> Any:
        """An f-string anywhere else."""
        return joined(pieces)

    def percent(self, pattern: str, values: Any) -> Any:
        """`pattern % values`, of a text that stands in the source."""
        return pattern % values

    def while_(self, test: Thunk, body: Thunk, state: State, stop: Thunk | None = None) -> None:
        """`while test(): body()`; a true `stop()` after a round leaves the loop."""
        while test():
            body()
            if stop is not None and stop():
                return

    def for_(self, iterable: Iterable, body: Callable[[Any], None], state: State, stop: Thunk | None = None) -> None:
        """`for item in iterable: body(item)`; a true `stop()` after a round leaves the loop."""
        for item in iterable:
            body(item)
            if stop is not None and stop():
                return

    def and_(self, *thunks: Thunk) -> Any:
        """`a and b and …`: the first false value, or the last."""
        for thunk in thunks[:-1]:
            value = thunk()
            if not value:
                return value
        return thunks[-1]()

    def or_(self, *thunks: Thunk) -> Any:
        """`a or b or …`: the first true value, or the last."""
        for thunk in thunks[:-1]:
            value = thunk()
            if value:
                return value
        return thunks[-1]()

    def all_(self, *thunks: Thunk) -> Any:
        """The truth of `a and b and …`."""
        return all(thunk() for thunk in thunks)

    def any_(self, *thunks: Thunk) -> Any:
        """The truth of `a or b or …`."""
        return any(thunk() for thunk in thunks)

    def not_(self, value: Any) -> Any:
        """`not value`."""
        return not value

    def is_(self, left: Any, right: Any) -> Any:
        """`left is right`."""
        return left is right

    def compare(self, name: str, left: Any, right: Any) -> Any:
        """`left == right` ("eq"), `left < right` ("lt") and their like."""
        return getattr(operator, name)(left, right)

    def binary(self, name: str, left: Any, right: Any) -> Any:
        """`left + right` ("add") and its like."""
        return getattr(operator, name)(left, right)

    def walked(self, name: str, left: Any, right: Any) -> Any:
        """`left & right`, `|` or `-`, which a loop goes over at once."""
        return self.binary(name, left, right)

    def negative(self, value: Any) -> Any:
        """`-value`."""
        return -value

    def in_(self, item: Any, items: Any) -> Any:
        """`item in items`."""
        return item in items

    def listed(self, items: Any) -> Any:
        """A new list that the function may change."""
        return items

    def put_into(self, container: Any) -> Any:
        """`container[…] = …`, `container.name = …`, or `del` of either, of what may be the caller's."""
        return container

    def exchanged(self, items: Any, one: Any, other: Any) -> bool:
        """Whether two lists in a list that branches or loops change have changed places: `a[i], a[j] = a[j], a[i]`."""
        return False

    each = Each  # `item(x) for x in iterable if test(x)`

    def items(self, function: Any) -> Any:
        """A function whose list is gone through once."""
        return self.call(function)

    def produced(self, function: Any) -> Any:
        """A function over whose result a `for` statement goes."""
        return self.items(function)

    def gathered(self, items: Any, keeps: bool) -> Any:
        """What `list`, `sum` and their like are given, which go through all of it before anything else happens.

        `keeps`: whether that only keeps the items, as `list` does.
        """
        return items

    def produces(self, function: Any, *forms: Any) -> None:
        """A generator function, and what it becomes for loops that go to the end and for those that may be left."""

    def operand(self, value: Any) -> Any:
        """The right side of `a -= b`, which changes a set in place."""
        return value

    def named(self, value: Any) -> Any:
        """What is iterated over, under a name: it may be an iterator that somebody goes on with."""
        return value

    def filtered(self, each: Each, function: Any = None) -> Any:
        """`[item(x) for x in iterable if test(x)]`; `function`: what alone is given this list."""
        out: list = []
        each.visit(out.append)
        return out

    def collected(self, kind: str, each: Each) -> Any:
        """`{item(x) for x in iterable if test(x)}`, or a dict of such pairs."""
        made: Any = {"set": set, "dict": dict}[kind]()
        each.visit(made.add if kind == "set" else lambda pair: made.__setitem__(*pair))
        return made

    def entered(self, kind: str, *items: Any) -> Any:
        """`{a, b}`, or a dict of pairs, `{k: v}`."""
        return set(items) if kind == "set" else dict(items)

    def generated(self, each: Each) -> Any:
        """`(item(x) for x in iterable if test(x))`."""
        return iter(each)

    def extended(self, method: Callable, each: Each) -> Any:
        """`method(item(x) for x in iterable if test(x))`; that of a container or a text goes through all items."""
        return method(iter(each))

    def fold(self, function: Callable, each: Each, *start: Any) -> Any:
        """`function((item(x) for x in iterable if test(x)), *start)`."""
        return function(iter(each), *start)

    def transposed(self, function: Any, items: Any) -> Any:
        """`zip(*items)`; `function`: what is called `zip`."""
        return function(*items)

    def repeated(self, left: Any, right: Any) -> Any:
        """`left * right`, of which one is a list display."""
        return left * right

    def plain(self, value: Any) -> Any:
        """What a variable holds that may be such a list."""
        return value

    slice = slice  # what `a:b` stands for

    def unpacked(self, value: Any, count: int) -> Any:
        """What `count` variables take apart: `a, b = f(x)`."""
        return value

    def item(self, value: Any, index: Any) -> Any:
        """`value[index]`."""
        return value[index]

    def attribute(self, value: Any, name: str) -> Any:
        """`value.name`."""
        return getattr(value, name)

    def low(self, mask: Thunk, name: str, value: Callable[[Callable], Any]) -> Any:
        """`value & mask` (name: "and_") or `value % mask` ("mod"); `value` takes what does the arithmetic it is made of."""
        return getattr(operator, name)(value(exact), mask())

    def choose(self, test: Any, then: Thunk, orelse: Thunk) -> Any:
        """`then() if test else orelse()`."""
        return then() if test else orelse()

    def assert_(self, test: Any, message: Thunk | None = None) -> None:
        """`assert test, message()`."""
        if not test:
            raise AssertionError if message is None else AssertionError(message())

    def error(self, thunk: Thunk, kind: Any = None) -> Any:
        """What `raise thunk()` raises; `kind`: what the thunk calls."""
        return thunk()

    def attempt(self, body: Thunk, then: Thunk, orelse: Thunk, state: State, final: bool, *clauses: Any) -> None:
        """`body()`, and `then()` unless it raises what one of some clauses is for; `orelse()` if so.

        `final`: whether other errors go there, too, to wait for something. `clauses`: their numbers, whether each asks for what
        the error says (1) or more (2), and a function for each that gives its classes.
        """
        numbers, _, *classes = clauses
        try:
            body()
        except BaseException as error:
            if isinstance(error, self.ours):
                raise
            number = next((number for number, kinds in zip(numbers, classes) if matches(type(error), kinds())), FINALLY)
            if number == FINALLY and not final:
                raise
            self.raised = number, error
            orelse()
        else:
            then()

    raised: tuple[int, BaseException]  # the clause and the error of the attempt whose `orelse` begins

    def clause(self) -> Any:
        """The number of the clause, at the beginning of an `orelse`."""
        return self.raised[0]

    def kind(self) -> Any:
        """What stands for the error: itself or its class, which are as good where it is only raised once more."""
        return self.raised[1]

    def said(self) -> Any:
        """What the error says."""
        return str(self.raised[1])

    def guarded(self) -> None:
        """What follows has something to be done on every way out, or catches errors itself."""

    def again(self, error: Any) -> Any:
        """What is raised once more."""
        return error

    def class_of(self, error: Any) -> Any:
        """The class of what stands for an error."""
        return type(error)

    ours: tuple[type[BaseException], ...] = ()  # errors that no `except` clause of the user's may catch

    def caught(self, error: BaseException) -> None:
        """An `except` clause begins that looks at the error."""

    def call(self, function: Any) -> Any:
        """What to call where the user's code calls `function`."""
        return function

    def last(self, function: Any) -> Any:
        """What to call where what `function` gives is returned."""
        return self.call(function)

    def local(self, thunk: Thunk) -> Any:
        """A local variable that may be unbound, read in a part of its function that has become a nested function."""
        try:
            return thunk()
        except NameError:
            name = thunk.__code__.co_freevars[0]
        # Python's message for a function's own variable, in place of the one for a variable of an enclosing function.
        raise UnboundLocalError(f"cannot access local variable {name!r} where it is not associated with a value")

    def state(self, variables: Thunk, live: frozenset[str], carried: frozenset[str], invented: frozenset[str]) -> State:
        """The state made of the variables that a function like `lambda: (x, y)` closes over."""
        cells = variables.__closure__ or ()
        return State(variables.__code__.co_freevars, partial(_get, cells), partial(_set, cells), live, carried, invented, cells)


def exact(name: str, a: Any, b: Any) -> Any:
    """Python's operator of a name."""
    return getattr(operator, name)(a, b)


def _get(cells: tuple[CellType, ...]) -> tuple:
    return tuple(map(cell_contents, cells))


def cell_contents(cell: CellType) -> Any:
    """What a variable holds, UNDEFINED where it is unbound."""
    try:
        return cell.cell_contents
    except ValueError:
        return UNDEFINED


def _set(cells: tuple[CellType, ...], values: tuple) -> None:
    for cell, value in zip(cells, values, strict=True):
        fill(cell, value)


def fill(cell: CellType, value: Any) -> None:
    """Rebind a variable; UNDEFINED unbinds it."""
    if value is not UNDEFINED:
        cell.cell_contents = value
    elif cell_contents(cell) is not UNDEFINED:
        del cell.cell_contents
