"""Functions converted to call handlers do what they did, and say why where they stay as they are."""

from __future__ import annotations

import functools
import gc
import inspect
import linecache
import weakref

import pytest

from hybrid.control.plain import UNDEFINED, Plain
from hybrid.staging import convert as module
from hybrid.staging.convert import convert, is_converted, reason
from tests.staging.converting import Program, codes


class Recording(Plain):
    """Keeps the state of every construct."""

    def __init__(self):
        self.states = []

    def branch(self, test, then, orelse, state):
        self.states.append(("if", state, state.get()))
        super().branch(test, then, orelse, state)

    def for_(self, iterable, body, state, stop=None):
        self.states.append(("for", state, state.get()))
        super().for_(iterable, body, state, stop)

    def while_(self, test, body, state, stop=None):
        self.states.append(("while", state, state.get()))
        super().while_(test, body, state, stop)


CASES = {
    "nested loops": (
        """
def f(n):
    out = []
    for i in range(n):
        if i == 1:
            continue
        for j in range(i):
            if j == 3:
                break
            while True:
                log("while", i, j)
                if (i + j) % 3 == 0:
                    break
                if i * j > 11:
                    return "far", out
                j += 1
            out.append((i, j))
        else:
            out.append("else")
            continue
        out.append("broke")
    else:
        return "end", out, i
""",
        [(0,), (3,), (4,), (5,), (9,)],
    ),
    "early returns": (
        """
def f(a, b):
    log("start")
    if a < 0:
        return log("negative", a)
    if a == b:
        if a > 3:
            return
        b += 1
    elif a > b:
        for k in range(a):
            if k * k > b:
                return k, b
        b = -1
    try:
        with Manager() as m:
            if b < 0:
                return log("in with", m)
            b = 10 // (a - 2)
    except ZeroDivisionError as error:
        if a:
            return str(error)
    else:
        log("else")
    finally:
        log("finally")
    return b
""",
        [(-1, 0), (5, 5), (1, 1), (4, 1), (9, 50), (2, 3), (0, 3), (0, 0), (1, 0)],
    ),
    "expressions": (
        """
def f(a, b, c):
    x = a and b or not c
    y = log("l", a) < log("m", b) <= log("r", c) != log("never", 2)
    z = log("then", a) if log("test", b) else log("else", c)
    k = [i if i > a else -i for i in range(4) if i % 2 and log("item", i) or not b]
    d = {i: (lambda q=i: q and a)() for i in (x, y)}
    s = f"{a if b else c!r:>{4 if a else 5}} {not b}"
    w = (t := a) and (u := b)
    return x, y, z, k, d, s, w, t, u if a else None
""",
        [(0, 1, 2), (1, 0, 2), (1, 2, 3), (2, 2, 2), (0, 0, 0)],
    ),
    "scopes": (
        """
total = 5
def f(n, *args, scale=2, **rest):
    count = 0
    def bump(by=1):
        nonlocal count
        if by > 1:
            count += by
            return count
        count -= by
    for k in args:
        if k > n:
            last = k + total
        bump(k)
        late = lambda: (k, count)
    while count > 100:
        count //= scale
    if rest:
        del n
    return count, total, late(), last if args[0] > 3 else None, sorted(rest), n
""",
        [(1, 2, 3), (1, 5, 6), (7, 8), (1, 0), (1,), (0, 400)],
    ),
    "targets": (
        """
def f(n):
    class Box: pass
    box, items, table = Box(), [0] * 4, {}
    for box.value, (items[1], *rest) in [(1, (2, 3, 4)), (5, (6,))]:
        log(box.value, items, rest)
    for i, (a, [b, *c]) in enumerate([(1, [2, 3]), (4, [5])]):
        table[i if i else "zero"] = a + b
        items[i] += n
        box.value *= 2
        x: int = i
        y: "not evaluated"
    if n:
        [*head, tail] = c, a
        import math as m, os.path
        m = m.floor(2.5)
    return items, table, box.value, x, head, tail, m
""",
        [(1,), (0,)],
    ),
    "unbound": (
        """
def f(n):
    if n == 1:
        x = 1
    if n != 2:
        del x
    if n == 3:
        for x in ():
            pass
    if n == 4:
        x += 1
    while n > 4:
        log(x)
    return x
""",
        [(1,), (2,), (3,), (4,), (5,)],
    ),
    "assertions": (
        """
def f(n):
    assert n, log("message", n)
    assert 0 < n < 10
    if n == 3:
        assert (m := n - 3), f"{m}"
    return n
""",
        [(0,), (1,), (3,), (11,)],
    ),
    "generators": (
        """
def items(n):
    for k in range(n):
        log("made", k)
        yield k
def f(n):
    it = items(n)
    for k in it:
        if k == 2:
            break
        log("used", k)
    rest = list(it)
    if rest:
        return next(iter(())) if n > 5 else rest
    return any(log("any", k) > n for k in (1, 5, 9))
""",
        [(0,), (2,), (4,), (6,)],
    ),
    "match": (
        """
def f(x):
    for _ in range(3):
        match x:
            case [a, *b] if a:
                x = b
            case {"k": v, **rest}:
                if v:
                    return v, rest
                break
            case int() | str():
                continue
            case _:
                return "other"
    else:
        return "done", x
    return "broke"
""",
        [([1, 2],), ([1, 2, 3, 4],), ([0],), ({"k": 1, "j": 2},), ({"k": 0},), (3,), (None,)],
    ),
    "finally": (
        """
def f(n):
    if n == 7:
        return "seven"
    while n < 10:
        n += 1
        try:
            if n == 3:
                continue
            if n == 5:
                return log("five")
            1 // (n - 4)
        except ZeroDivisionError:
            log("caught")
        finally:
            if n == 8:
                return log("eight")
    return n
""",
        [(0,), (3,), (5,), (7,), (8,), (20,)],
    ),
    "finally swallows": (
        """
def f(n):
    if n > 8:
        return "many"
    for k in range(n):
        try:
            1 // (k - 2)
        finally:
            if k == 2:
                return "swallowed"
    return "end"
""",
        [(0,), (2,), (3,), (9,)],
    ),
    "exceptions keep variables": (
        """
def f(n):
    try:
        if n:
            x = 1
        else:
            x = 2
        1 // (n - 1)
        x = 3
    except ZeroDivisionError:
        return "caught", x
    return x
""",
        [(0,), (1,), (2,)],
    ),
    "else of try": (
        """
def f(n):
    if n > 5:
        return 0
    try:
        if n == 1:
            return log("body")
        1 // n
    except ZeroDivisionError:
        return 3
    else:
        return log("else")
""",
        [(0,), (1,), (2,), (6,)],
    ),
    "deleted in a loop": (
        """
def f(n):
    x = 5
    for k in range(n):
        log(x + k)
        if k:
            log(x)
        del x
    while n:
        n -= 1
        log(x)
        del x
    return x
""",
        [(0,), (1,), (2,)],
    ),
    "deleted in a while loop": (
        """
def f(n):
    x = 5
    while n:
        n -= 1
        log(x)
        del x
    return n
""",
        [(0,), (1,), (2,)],
    ),
    "recursion": (
        """
def f(n):
    if n < 2:
        return n
    return f(n - 1) + f(n - 2)
""",
        [(1,), (9,)],
    ),
}


class Manager:
    def __enter__(self):
        return "managed"

    def __exit__(self, *error):
        return None


@pytest.mark.parametrize("case", CASES)
def test_same_as_python(case):
    source, calls = CASES[case]
    program = Program(source, Manager=Manager)
    for args in calls:
        program.agree("f", *args)
    if case == "scopes":
        program.agree("f", 1, 2, 5, scale=3, other=4)


def test_classes():
    program = Program(
        """
class A:
    def __init__(self, n):
        self.__n = n
    def size(self):
        return self.__n
    @classmethod
    def make(cls, n):
        return cls(n if n else 1)
    @staticmethod
    def twice(x):
        return x * 2 if x else x
    def __call__(self, x):
        while x < self.__n:
            x += 1
        return x
class _B(A):
    def __init__(self, n):
        if n:
            super().__init__(n)
        self.__own = n
    def size(self):
        __local = 0
        for _ in range(2):
            __local += super().size() if self.__own else 7
        class Inner:
            def name(this):
                return this.__class__.__qualname__
        return __local, Inner().name(), (lambda: super(_B, self).size())()
"""
    )
    plain = Plain()
    b = program["_B"](3)
    for method in (b.size, program["_B"].make, b):
        converted = convert(method, plain)
        args = () if method == b.size else (2,)
        assert is_converted(converted.__func__)
        assert repr(converted(*args))[:20] == repr(method(*args))[:20]
    assert convert(program["A"].twice, plain)(3) == 6
    fresh = object.__new__(program["_B"])
    convert(program["_B"].__init__, plain)(fresh, 5)
    assert vars(fresh) == {"_A__n": 5, "_B__own": 5}
    recording = Recording()
    convert(b.size, recording)()
    assert recording.states[0][1].names == ("_", "_B__local")


def test_the_function_is_otherwise_the_same():
    program = Program(
        """
def outer(n):
    def f(a: int, b=2, /, *c, d=4, **e) -> "x":
        "doc"
        nonlocal n
        if a:
            n += 1
        def g():
            return [h for h in (1,) if h]
        return n, g
    f.mark = 1
    return f, lambda: n
"""
    )
    f, look = program["outer"](10)
    g = convert(f, Plain())
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__defaults__", "__kwdefaults__", "__annotations__",
                 "__dict__", "__globals__"):  # fmt: skip
        assert getattr(g, name) == getattr(f, name)
    assert inspect.signature(g) == inspect.signature(f)
    assert inspect.getsource(g) == inspect.getsource(f)
    assert g.__code__.co_firstlineno == f.__code__.co_firstlineno and g.__code__.co_filename == f.__code__.co_filename
    cells = dict(zip(g.__code__.co_freevars, g.__closure__))
    assert cells["n"] is f.__closure__[0]
    value, inner = g(1)
    assert value == look() == 11
    assert inner.__qualname__ == f(0)[1].__qualname__ == "outer.<locals>.f.<locals>.g"
    assert "__hybrid__" not in program.names
    names = {code.co_name for code in codes(g.__code__)}
    assert not any(name.startswith("__hy_") for name in names)


def test_states():
    program = Program(
        """
def f(xs, unused):
    best = first = None
    for x in xs:
        square = x * x
        if best is None or square > best:
            best = square
            where = x
        scratch = square
    if best:
        scratch = 0
        shown = lambda: kept
        kept = 1
    return best, where, scratch
"""
    )
    recording = Recording()
    convert(program["f"], recording)([1, -3, 2], 0)
    kind, state, values = recording.states[0]
    assert (kind, state.names) == ("for", ("best", "scratch", "square", "where", "x"))
    assert dict(zip(state.names, values)) == dict.fromkeys(state.names, UNDEFINED) | {"best": None}
    assert state.live == {"best", "scratch", "where"} and state.carried == {"best", "where"} and not state.invented
    kind, state, _ = recording.states[1]
    assert (kind, state.names, state.live) == ("if", ("best", "where"), {"best", "where"})
    kind, state, _ = recording.states[-1]
    assert (state.names, state.live) == (("kept", "scratch", "shown"), {"kept", "scratch"})
    assert state.get() != (UNDEFINED,) * 3
    state.set((UNDEFINED, 5, UNDEFINED))
    assert state.get() == (UNDEFINED, 5, UNDEFINED)


def test_invented_names_are_marked():
    program = Program(
        """
def f(xs):
    for x in xs:
        if x > 2:
            break
        if x < 0:
            return x
    return 0
"""
    )
    recording = Recording()
    assert convert(program["f"], recording)([1, 5]) == 0
    state = recording.states[0][1]
    assert state.invented == {name for name in state.names if name.startswith("__hy_")}
    assert len(state.invented) == 3 and state.invented <= state.carried | state.live


def test_calls_go_through_the_handler():
    program = Program("def f(a, b):\n    return b(a) + max(a, key=abs) + (lambda q: q(a))(len)\n")
    called = []

    class Calls(Plain):
        def call(self, function):
            called.append(function)
            return function

    f = convert(program["f"], Calls())
    assert f([1, 2], sum) == 3 + 2 + 2
    assert called[:2] == [sum, max] and called[-1] is len and is_converted(called[2])


def test_lambdas():
    program = Program(
        "pair = (lambda x: x if x else 1), (lambda x: not x)\n"
        "nest = lambda x: lambda y: x and y\n"
        "once = (lambda z: (lambda a: z))(4)\n"
    )
    first, second = program["pair"]
    plain = Plain()
    assert convert(first, plain)(0) == 1 and convert(second, plain)(0) is True
    assert convert(program["nest"], plain)(2)(3) == 3 and convert(program["nest"](2), plain)(0) == 0
    assert convert(program["once"], plain) is program["once"] and reason(program["once"]) is None


def test_partial_and_builtin():
    program = Program("def f(a, b):\n    return a if b else -a\n")
    partial = functools.partial(program["f"], 3)
    assert convert(partial, Plain())(0) == -3
    assert convert(len, Plain()) is len and reason(len) == "it is not written in Python"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): yield 1", "generator"),
        ("async def f(): pass", "coroutine"),
        ("def f():\n    if f: return locals()", "locals()"),
        ("def f(x):\n    if x: return eval('x')", "eval()"),
        ("def f():\n    if f: return dir()", "dir()"),
    ],
)
def test_reasons(source, expected):
    program = Program(source + "\n")
    assert convert(program["f"], Plain()) is program["f"]
    assert expected in reason(program["f"])


def test_source_that_is_missing_or_edited():
    names: dict = {}
    exec("def f(x):\n    return x if x else 1\n", names)
    assert convert(names["f"], Plain()) is names["f"] and "not available" in reason(names["f"])
    program = Program("def f(x):\n    return 'a' if x else 1\n")
    text = "def f(x):\n    return 'b' if x else 1\n"
    linecache.cache[program.file] = len(text), None, text.splitlines(keepends=True), program.file
    assert convert(program["f"], Plain()) is program["f"] and "edited" in reason(program["f"])


def test_what_binds_a_global_binds_it():
    program = Program(
        """
def f(n):
    global seen
    for k in range(n):
        seen = k
        if k:
            n += k
    return n
"""
    )
    recording = Recording()
    assert convert(program["f"], recording)(3) == 6 and program["seen"] == 2
    assert {kind for kind, *_ in recording.states} == {"if", "for"}


def test_code_is_converted_once_and_let_go(monkeypatch):
    program = Program("def make():\n    return lambda x: x and 1\n")
    f = program["make"]()
    count = []
    original = module._converted
    monkeypatch.setattr(module, "_converted", lambda function, kind: count.append(function) or original(function, kind))
    assert convert(f, Plain())(2) == convert(program["make"](), Plain())(2) == 1
    assert len(count) == 1
    count.clear()
    gone, key = weakref.ref(f.__code__), (id(f.__code__), "")
    assert key in module._forms
    linecache.cache.pop(program.file)
    module._codes_of.cache_clear()
    del f, program
    gc.collect()
    assert gone() is None and (key not in module._forms or module._forms[key][0]() is not None)


def test_decorated_and_recursive_by_another_name():
    program = Program(
        """
def twice(g):
    def h(*args):
        return g(*args) * 2 if args else g()
    return h
@twice
def f(n=1):
    if n > 3:
        return n
    return f(n + 1)
"""
    )
    program.agree("f", 1)
    program.agree("f")


def test_deep_nesting():
    """Many early returns, one after another."""
    lines = "".join(f"    if n == {k}:\n        return {k} * n\n" for k in range(60))
    program = Program(f"def f(n):\n{lines}    return -1\n")
    assert program.agree("f", 59)[0] == str(59 * 59) and program.agree("f", 99)[0] == "-1"


def test_of_a_file_the_statement_around_a_function_is_read_and_all_of_it_where_that_does_not_do(monkeypatch):
    program = Program(
        '''
import math
from math import (ceil,  # of several lines
                  floor)
TEXT = """
def chosen(x):
    return 0
"""
def same(f):
    return f
@same
@(same)
def decorated(x):
    return x and math.sqrt(floor.__call__(x))
@same
@(lambda f:
f)
def oddly(x):
    return [y for y in range(x)
if y]
class A:
    def method(self, x=0):
        return (lambda: x or self.__own)()
    __own = 4
if TEXT:
    def chosen(x):
        return x or 1
else:
    def chosen(x):
        return x and 2
'''
    )
    texts, imports = [], "\nimport math\nfrom math import (ceil,  # of several lines\n                  floor)\n"
    monkeypatch.setattr(module, "_parsed", lambda text, parsed=module._parsed: texts.append(text) or parsed(text))
    cases = (
        ("decorated", 2, "@same\n@(same)\ndef decorated(x):\n    return x and math.sqrt(floor.__call__(x))"),
        ("oddly", 3, "".join(linecache.cache[program.file][2])),
        ("chosen", 0, "if TEXT:\n    def chosen(x):\n        return x or 1"),
    )
    for name, argument, text in cases:
        texts.clear()
        program.agree(name, argument)
        assert {read.removeprefix(imports).strip("\n") for read in texts} == {text.removeprefix(imports).strip("\n")}
    texts.clear()
    assert convert(program["A"]().method, Plain())() == 4
    read = texts[0].removeprefix(imports).strip("\n")
    assert len(texts) == 1 and read.startswith("class A:") and read.endswith("__own = 4")


def _half():
    return 0.5, (1, 0.25), -0.0


def _also_half(x):
    if x.sum() > 0:
        return 0.5, [(1, 0.25)], -0.0, 0.0
    return 0.5, [(1, 0.25)], -0.0, 0.0


def test_constants_are_the_objects_that_other_code_of_the_file_has():
    converted = convert(_also_half, Plain())
    consts, known = [], [_half.__code__, _also_half.__code__]
    for code in known:
        consts += [const for const in code.co_consts if isinstance(const, float)]
    assert converted is not _also_half
    for value in (0.5, -0.0, 0.0):
        own = [const for const in consts if repr(const) == repr(value)]
        made = [c for code in _codes(converted.__code__) for c in code.co_consts if repr(c) == repr(value)]
        assert made and all(const is own[-1] for const in made)


def _codes(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, type(code)):
            yield from _codes(const)
