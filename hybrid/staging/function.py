"""`@hybrid.function`: a callable that behaves as the function it decorates, only quicker.

A call goes to the native entry, whose guards recognise calls it has seen; a miss comes to `_slow`, which finds or makes
the trace for the call's key and runs it. What cannot be traced runs as plain Python and says so once.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
import types
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.errors import (
    ArgumentError,
    CompileError,
    EmptyError,
    HybridError,
    NotFiniteError,
    RoomError,
    TraceError,
    WarnedError,
)
from hybrid.core.heap import seldom
from hybrid.core.spec import Spec
from hybrid.frontend.values import Value
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.requests import Changing, Concretise, Learned, Rebinds, Recursive, Specialise, TooMany, Writing
from hybrid.ir.trace import Symbol
from hybrid.staging import aside, late
from hybrid.staging.arguments import SHARED, Sharing
from hybrid.staging.aside import eager
from hybrid.staging.attempts import Attempts
from hybrid.staging.decorated import Decorated
from hybrid.staging.fallback import FallbackWarning, Refusal, RetraceWarning, describe
from hybrid.staging.floats import Flagged
from hybrid.staging.follows import FOLLOWED, Follows, is_native
from hybrid.staging.importlib_bootstrap import slow_path
from hybrid.staging.inspect import Inspection
from hybrid.staging.kept import Keeps
from hybrid.staging.logs import Growing
from hybrid.staging.packed import Containers, Packs, unpacked
from hybrid.staging.parameters import Bound, Parameters, check_options, untraceable
from hybrid.staging.resting import Resting
from hybrid.staging.signature import Leaf, describe_all, have_lists
from hybrid.staging.sizes import Dynamic, Sizes, beside
from hybrid.staging.state import State, with_state
from hybrid.staging.unseen import must_be_alone
from hybrid.staging.voice import MANY, Reports, name_of

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled, Form
    from hybrid.staging.entry import Dispatcher
    from hybrid.staging.read import Read

__all__ = ["FallbackWarning", "Function", "RetraceWarning", "eager", "function"]

Key = tuple[tree.Structure, tuple[Leaf, ...]]


class Call(NamedTuple):
    """A call as traces see it: its arguments and state as they nest and flat, and what these look like."""

    bound: Bound
    values: list
    structure: tree.Structure
    leaves: tuple[Leaf, ...]
    state: tuple[Read, ...]


_PYTHONS = None, None  # a call that is Python's, and nothing to do after it
MISSES = 4  # calls that compiled code could not make after all, before it is not tried any more
MORE_ROOM = 16  # times as much room in containers, after a call that needed more
MOST_ROOM = 16**3  # at first some 1000 items fit, at last four millions: beyond, a call is Python's
MANY_SIZES = 48  # traces for other sizes of the same arguments, after which new sizes are Python's: each takes 4 to 20 ms
MANY_VARIANTS = 3  # traces kept beside one for other states of what a function reads, such as a training flag


class Function(Keeps, Follows, Packs, Reports, Resting, Inspection):  # type: ignore[override]  # Inspection reads the traces only
    """What the engine knows of a decorated function, and does at its calls (`decorated.Decorated` is what users hold)."""

    def __init__(
        self, function: Callable, *, strict: bool = False, static: Sequence[int | str] = (), backend: str | None = None,
        dynamic: Dynamic = None, signature: Sequence[Spec] | None = None,
    ):  # fmt: skip
        self.function, self.strict, self.backend = function, strict, backend
        self.parameters = Parameters(function, static)
        self._traces: OrderedDict[Any, Compiled] = OrderedDict()
        self._log: list[str] = []
        self._fallbacks: OrderedDict[Any, str] = OrderedDict()
        self._refused: Counter[str] = Counter()  # by reason
        self._passing: Counter[str] = Counter()  # reasons that held for one call, and how many such calls were looked at
        self._sizes = Sizes(self.parameters, dynamic, signature)
        self._sharing = Sharing()
        self._asked: dict[tree.Structure, dict[int, str]] = {}  # numbers that became static: leaf -> who asked for the value
        self._trains = False  # whether leaves among its arguments are its own
        Resting.__init__(self)
        self._state = State()
        self._room, self._empty = 1, False  # times as much room in containers as at first; whether lists as arrays were empty
        self._varying: set[str] = set()  # calls between compiled parts that give arrays of various sizes
        self._by_size: Counter[tree.Structure] = Counter()  # traces made for the sizes of one call alone
        self._met: OrderedDict[Key, None] = OrderedDict()  # calls that get a trace when they come again
        self._changes: Counter[str] = Counter()  # by name: traces made because this static value was new
        self.lock = threading.RLock()
        self._dispatcher: Dispatcher | None = None
        alone = must_be_alone(function)
        self._hopeless = alone or untraceable(function)
        if strict and self._hopeless:
            raise TraceError(f"{name_of(function)} cannot be compiled: {self._hopeless}", fix="decorate a plain function")
        entry = late.module("hybrid.staging.entry")  # neither this nor what traces and compiles comes with `import hybrid`
        slow = slow_path(weakref.ref(self), function)
        call: Callable = staticmethod(function if alone else slow)  # never bound, as what a class has under `__call__`
        if alone:
            self._say(f"{name_of(function)} runs as plain Python: {alone}")
        elif entry.supported():
            self._dispatcher = entry.Dispatcher(slow, name_of(function), getattr(function, "__doc__", None))
            call = self._dispatcher.callable
        self.call = call
        aside.functions.add(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<hybrid.function {getattr(self.function, '__qualname__', self.function)!s}>"

    def _rebuilt(self) -> Any:
        """What `pickle` keeps of one that stands under no name."""
        sizes = self._sizes
        options = {"strict": self.strict, "static": tuple(self.parameters.static), "backend": self.backend,
                   "dynamic": sizes.dynamic, "signature": tuple(sizes.signature.values()) or None}  # fmt: skip
        return _rebuild, (self.function, options)

    def unlock(self) -> None:
        """In a child of fork, which does not have the threads that may have held these locks."""
        self.lock = threading.RLock()
        if self._dispatcher is not None:
            self._dispatcher.unlock()

    @property
    def eager(self) -> Callable:
        """The undecorated function.

        >>> f = hy.function(lambda x: 2 * x)
        >>> f.eager(3)
        6
        """
        return self.function

    # calls ------------------------------------------------------------------------------------------------------------
    def _slow(self, args: tuple, kwargs: dict) -> tuple[tuple | None, Callable[[bool], None] | None]:
        """A call the native entry did not take: (its result,), or None where it is Python's, and what to do after that, told
        whether Python returned."""
        if self._resting:
            self._resting -= 1
            return _PYTHONS
        if not config.jit or tr.state().eager or (tr.open_traces and tr.current() is not None):
            return _PYTHONS  # plain Python was asked for, or another function's trace inlines this one
        bound = None
        with contextlib.suppress(TypeError):
            bound = self.parameters.bind(args, kwargs)
        if bound is None:
            return _PYTHONS  # it raises its own message
        bound = self._packed(bound)
        form = len(args), tuple(kwargs)
        low = late.module(FOLLOWED).below(bound) if lifted.is_loaded() else None
        if low is not None and (found := self._lowered(low, bound, form)) is not None:
            return self._followed(found, bound)
        found, failed = self._trace_for(bound, form), None
        if not isinstance(found, Refusal):
            compiled, call = found
            if not is_native(compiled) and late.module(FOLLOWED).is_wanted(compiled):
                return self._followed(found, bound)
            refusal = compiled.refuses(call.values, call.bound)
            if refusal is not None and refusal.reason is SHARED and self._sharing.add(self._flat(bound)[1]):
                return self._slow(args, kwargs)
            if refusal is None:
                try:
                    return (self._run(compiled, call),), None
                except NotFiniteError:
                    raise
                except (Flagged, WarnedError):
                    return _PYTHONS
                except Exception as error:  # the arguments are as they were: Python repeats the call and raises what it raises
                    refusal = Refusal(None, describe(error), error)
                    failed = compiled
            found = refusal
        return None, functools.partial(self._after, self._left(found), failed)

    def _after(self, refusal: Refusal, failed: Compiled | None, returned: bool) -> None:
        """Python has made a call that was refused, by the trace that failed at it if there is one."""
        if not returned:  # the user's error, and nothing of ours to report
            self._raises(refusal)
            if failed is not None:
                self._failed()
            return
        self._failures = 0
        if self._raised and self._returned(refusal):
            return
        if failed is not None:
            if self._vary(failed, refusal.error):
                return
            self._give_up(failed, refusal)
        self._report(refusal)
        self._refused_once_more()

    def _run(self, compiled: Compiled, call: Call) -> Any:
        if not config.debug:
            return compiled(call.values, call.bound)
        from hybrid.staging.report import say_call

        return say_call(self, compiled, lambda: compiled(call.values, call.bound))

    def _vary(self, compiled: Compiled, error: BaseException | None) -> bool:
        """Whether the next trace will do better: with symbols for sizes of arrays that functions between compiled parts give,
        with more room for the items of containers, or with lists that may be empty where they are returned as arrays."""
        if isinstance(error, RoomError) and self._room < MOST_ROOM:
            self._room *= MORE_ROOM
        elif isinstance(error, EmptyError) and not self._empty:
            self._empty = True
        else:
            site = getattr(error, "site", None)
            if site is None or site in self._varying:
                return False
            self._varying.add(site)
        with self.lock:
            for key, known in list(self._traces.items()):
                if known is compiled:
                    self._remove(self._traces.pop(key))
        return True

    def _give_up(self, compiled: Compiled, refusal: Refusal) -> None:
        """Leave to Python, from now on, the calls of a trace that has turned out too often to be Python's."""
        compiled.missed += 1
        if compiled.missed < MISSES:
            return
        with self.lock:
            for key, known in list(self._traces.items()):
                if known is compiled:
                    self._remove(self._traces.pop(key))
                    self._fallbacks[key] = refusal.reason

    def _find(self, args: tuple, kwargs: dict) -> tuple[Compiled, Call] | Refusal:
        """The trace for these arguments, or why there is none. Specs may stand for arrays."""
        leaves, structure = self._flat(self._packed(self.parameters.bind(args, kwargs)))
        self._sizes.declare(structure, leaves)
        bound = tree.unflatten(structure, [leaf.zeros() if isinstance(leaf, Spec) else leaf for leaf in leaves])
        return self._trace_for(bound, (len(args), tuple(kwargs)))

    def _trace_for(self, bound: Bound, form: Form) -> tuple[Compiled, Call] | Refusal:
        if self._hopeless:
            return Refusal("function", self._hopeless)
        try:
            if any(isinstance(v, Value) and type(v._data) is Symbol for v in self._flat(bound)[0]):
                return Refusal(None, "a traced tensor is among its arguments")  # an escaped one: its first use says so
            call = self._described(bound)
        except TraceError as error:
            return self._refuse(("leaf", error.what), error)
        self._sizes.check(call.structure, call.leaves)
        for key, sizes in self._keys(call.structure, call.leaves):
            compiled = self._traces.get(key)
            if compiled is not None and compiled.traced.takes(sizes) and not compiled.reads.changed():
                self._touch(key, compiled)
                compiled.refresh()
                break
        else:
            made = (self._raised and self._rests((call.structure, call.leaves))) or self._compile(bound, form)
            if isinstance(made, Refusal):
                return made
            compiled, call = made
        if form not in compiled.entries and not aside.entries_aside() and is_native(compiled):
            self._push(compiled, form)
        compiled.note_spent(form)
        return compiled, call

    def _described(self, bound: Bound) -> Call:
        """A call as traces see it."""
        values, structure = self._flat(bound)
        leaves = describe_all(values, self._static_flags(structure))
        places: tuple[Read, ...] = ()
        if self._state:
            with self.lock:  # while a function is traced, its state is no other thread's
                places = self._state.of(structure, leaves)
                bound = with_state(bound, places)
        bound, parts = self._sharing.with_memory(structure, bound, values)
        if places or parts:
            values, structure = self._flat(bound)
            leaves = describe_all(values, self._static_flags(structure), parts)
        return Call(bound, values, structure, leaves, places)

    def _keys(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> Iterator[tuple[Key, dict[str, int]]]:
        """The keys a call may find its trace under: with all its sizes, and with symbols for those that vary."""
        yield (structure, leaves), {}
        pattern = self._sizes.pattern(structure, leaves)
        if pattern is not None:
            yield (structure, pattern[0]), pattern[1]

    def _static_flags(self, structure: tree.Structure) -> list[bool]:
        asked = self._asked.get(structure, {})
        return [fixed or k in asked for k, fixed in enumerate(self.parameters.static_flags(structure))]

    def _compile(self, bound: Bound, form: Form) -> tuple[Compiled, Call] | Refusal:
        """The trace for a new key. One thread makes it; others that come for it wait."""
        late.load()
        with self.lock, seldom():
            while True:
                try:
                    structure = (call := self._described(bound)).structure
                    if varied := self._varied(call):
                        raise Rebinds(varied)
                    made = self._found(structure, call.leaves) or self._made(call, form)
                    return made if isinstance(made, Refusal) else (made, call)
                except TraceError as error:  # of a leaf that was part of a list before
                    return self._refuse(("leaf", error.what), error)
                except Rebinds as ask:
                    values, given = self._flat(bound)
                    try:
                        self._state.add(given, describe_all(values, self._static_flags(given)), ask.places)
                    except TraceError as error:
                        return self._refuse((structure, call.leaves), error)
                    self._have_logs(ask.places)
                except Growing as ask:
                    self._may_grow(ask.places)
                    bound = self._packed(unpacked(bound))
                except (Changing, Containers) as ask:
                    bound = self._repacked(bound, call, ask)
                except Concretise as ask:
                    where = f"{ask.what} at {ask.at}" if ask.at else ask.what
                    asked = [k for k in ask.arguments if not self._sizes.is_run_time(structure, k)]
                    self._sizes.settle(structure, ask.arguments, f"{where} needs its value")
                    asked += beside(self.parameters.owners(structure), self._asked.get(structure, {}), call.values, asked)
                    self._asked.setdefault(structure, {}).update((k, where) for k in asked)
                except Specialise as ask:
                    where = f"{ask.what} at {ask.at}" if ask.at else ask.what
                    if ask.same and self._sizes.differ(structure, ask.symbols):
                        self._sizes.join(structure, ask.symbols)
                    elif ask.same is False or not self._sizes.retry(structure, call.leaves):
                        self._sizes.fix(structure, ask.symbols, f"{where} needs the value of a size")

    def _varied(self, call: Call) -> list[Read]:
        """What the traces of such calls took for constants, and is other numbers or arrays now."""
        for key, _ in self._keys(call.structure, call.leaves):
            known = self._traces.get(key)
            if known and (varied := known.reads.varied()):
                return varied
        return []

    def _found(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> Compiled | Refusal | None:
        """What is known of calls like this one: a trace, or why there is none."""
        for key, sizes in self._keys(structure, leaves):
            known = self._traces.get(key)
            for one in (known, *known.variants) if known else ():
                if one.traced.takes(sizes) and not one.reads.changed():
                    return self._promote(key, one)
            if key in self._fallbacks:
                return Refusal(key, self._fallbacks[key])
        common = self._refused.most_common(1)
        return Refusal(None, common[0][0]) if common and common[0][1] >= MANY else None

    def _made(self, call: Call, form: Form) -> Compiled | Refusal:
        """A new trace: with symbols for sizes that vary, or with the sizes of this call where that does not do."""
        structure, leaves = exact = call.structure, call.leaves
        restless = next((name for key, _ in self._keys(structure, leaves) if (name := self._restless(key))), None)
        restless = restless or self._renewed(structure, leaves)
        if restless:
            return Refusal(None, f"{restless} changes again and again")
        if not self.strict and exact not in self._traces and self._is_one_of_many(exact):
            return Refusal(None, "its arguments are others in call after call; those that come again are compiled")
        if exact not in self._traces:
            self._sizes.learn(structure, leaves, (other for nesting, other in reversed(self._traces) if nesting == structure))
        pattern = None if exact in self._traces else self._sizes.pattern(structure, leaves)
        failed = None
        if pattern is not None:
            key = structure, pattern[0]
            known = self._traces.get(key)
            hints = self._sizes.hints(structure, pattern[1], known is not None)
            if hints is not None and (known is None or len(known.variants) < MANY_VARIANTS):
                try:
                    compiled = self._make(key, call, form, hints)
                    if compiled.traced.takes(pattern[1]):
                        return compiled
                except (Concretise, Specialise, Rebinds, Growing):
                    raise
                except Exception as error:
                    if have_lists(leaves) and not isinstance(error, TooMany):
                        raise Containers from error
                    if self._sizes.retry(structure, leaves):
                        return self._made(call, form)
                    failed = error
        if exact not in self._traces and self._by_size[structure] >= MANY_SIZES and (why := self._sizes.why_fixed(structure)):
            return Refusal(None, f"its sizes are others again and again, and {why}")
        try:
            compiled = self._make(exact, call, form, {})
            self._by_size[structure] += 1
        except (Concretise, Specialise, Rebinds, Growing):
            raise
        except Exception as error:
            if have_lists(leaves) and not isinstance(error, TooMany):
                raise Containers from error
            return self._refuse(exact, error)
        if failed is not None:
            assert pattern is not None
            self._sizes.settle(structure, range(len(leaves)), describe(failed))
            self._sizes.fix(structure, pattern[1], describe(failed))
        return compiled

    def _restless(self, key: Key) -> str | None:
        """What the traces of a key read that makes one after the other useless."""
        known = self._traces.get(key)
        changed = known.reads.changed() if known else None
        return changed[0] if changed and self._changes[changed[0]] >= MANY else None

    def _make(self, key: Key, call: Call, form: Form, hints: dict[str, int]) -> Compiled:
        attempts = Attempts()
        while attempts.next is not None:
            try:
                return self._recorded(key, call, form, hints, attempts.next)
            except (Concretise, Specialise, Rebinds, Growing):
                raise
            except TraceError as found:
                attempts.fail(found)
            except Exception as other:
                if attempts.error is None:
                    raise
                raise attempts.error from other
        assert attempts.error is not None
        raise attempts.error

    def _recorded(self, key: Key, call: Call, form: Form, hints: dict[str, int], writing: Writing,
                  recursive: frozenset[types.CodeType] = frozenset()) -> Compiled:  # fmt: skip
        """`writing`: which loops are written out. `recursive`: functions that become procedures."""
        from hybrid.staging.compiled import Compiled
        from hybrid.staging.tracing import trace

        structure, leaves = key
        known, began = self._traces.get(key), time.perf_counter()
        reason, changed = self._why(known) if known else self._reason(structure, leaves)
        reads = self._reads_of(call)
        names = self.parameters.names(structure)
        try:
            with aside.aside():  # so that decorated functions which this one calls are inlined
                traced = trace(self.function, name_of(self.function), structure, leaves, call.values, names, reads, hints,
                               writing, frozenset(self._varying), recursive, call.state, self._room, self._empty, self._read,
                               self.strict)  # fmt: skip
        except Learned:
            return self._recorded(key, call, form, hints, writing, recursive)
        except Recursive as found:
            reads.restore()
            if found.code in recursive:
                raise
            return self._recorded(key, call, form, hints, writing, recursive | {found.code})
        except BaseException:
            reads.restore()
            raise
        compiled = Compiled(traced, reads, self.backend or config.backend, reason, self.strict, self.paces)
        try:
            if is_native(compiled):
                self._push(compiled, form)
            compiled.plan  # noqa: B018  errors of the compiler belong here, not to a later call
        except HybridError:
            raise
        except Exception as error:
            raise CompileError(f"hybrid failed to compile it, please report: {type(error).__name__}: {error}") from error
        compiled.cost = time.perf_counter() - began
        self._keep(key, compiled, changed)
        for island in traced.islands:
            self._say(f"{name_of(self.function)}: {island}")
        return compiled

    def _keep(self, key: Key, compiled: Compiled, changed: list[str]) -> None:
        known = self._traces.get(key)
        if known:
            compiled.variants = (known, *known.variants)
            known.variants = ()
            for old in compiled.variants[MANY_VARIANTS:]:
                self._remove(old)
            compiled.variants = compiled.variants[:MANY_VARIANTS]
        self._traces[key] = compiled
        self._refusals = 0
        self._log.append(compiled.reason)
        self._drop()
        self._count(key[0], changed)
        self._announce(compiled)

    def clear(self) -> None:
        """Forget all traces and refusals; the next call starts afresh.

        >>> f = hy.function(lambda x: 2 * x)
        >>> y = f(np.ones(3))
        >>> f.clear()
        >>> len(f.traces)
        0
        """
        with self.lock:
            self._wake()
            self._forget_lists()
            for compiled in self._traces.values():
                self._remove(compiled)
            for memory in (self._traces, self._fallbacks, self._refused, self._passing, self._asked, self._changes, self._met,
                           self._by_size, self._sizes, self._state, self._varying):  # fmt: skip
                memory.clear()


def _rebuild(function: Callable, options: dict[str, Any]) -> Decorated:
    return Decorated(Function(function, **options))


def function(
    f: Callable | None = None, *, strict: bool = False, static: Sequence[int | str] | int | str = (), dynamic: Dynamic = None,
    signature: Sequence[Spec] | None = None, backend: str | None = None,
) -> Any:  # fmt: skip
    """Compile a function of arrays: same values, types, writes and errors, only quicker.

    Args:
        f: the function; leave it out to use `function(...)` as a decorator with options.
        strict: raise where the function, or a call in it, cannot be compiled, instead of running that as Python with a warning.
        static: parameters (names or positions) whose values the compiled code may be specialised on.
            Strings, bools and other objects always are, and ints until their third value; Python floats and arrays are
            run-time inputs otherwise.
        dynamic: sizes that are symbols in the compiled code, so that one trace serves all of them. By default those that
            have been seen to vary; True: all, and ints, from the first call on; False: none; {"x": 0} or {"x": (0, 1)}:
            these axes.
        signature: a `Spec` for each parameter, for calls that must fit: `[Spec((None, 784))]` takes any number of rows.
        backend: "llvm", "numba" or "python"; default `hybrid.config.backend`.

    Returns:
        A callable with the same signature, and `f.eager`, `f.graph(...)`, `f.loops(...)`, `f.explain()` to look inside.

    >>> @hy.function
    ... def norm(x):
    ...     return np.sqrt((x * x).sum())
    >>> norm(np.array([3.0, 4.0]))
    np.float64(5.0)
    """
    check_options(strict, backend)
    options = {"strict": strict, "static": static, "backend": backend, "dynamic": dynamic, "signature": signature}
    if f is None:
        return lambda g: function(g, **options)  # type: ignore[arg-type]
    if isinstance(f, Decorated):
        if not strict and static == () and backend is None and dynamic is None and signature is None:
            return f
        f = f.__wrapped__
    if isinstance(f, (staticmethod, classmethod)):
        return type(f)(function(f.__func__, **options))  # type: ignore[arg-type]
    if not callable(f):
        raise ArgumentError(
            "hybrid.function decorates a callable", got=f"{type(f).__name__}", fix="@hybrid.function above a def"
        )
    return Decorated(Function(f, **options))  # type: ignore[arg-type]
