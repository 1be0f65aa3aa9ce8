"""Random programs of nested control flow, and code of the standard library, run as they are and converted."""

from __future__ import annotations

import ast
import calendar
import colorsys
import copy
import difflib
import fnmatch
import fractions
import importlib
import random
import re
import shlex
import statistics
import string
import sys
import textwrap
import types

import pytest

from hybrid.staging.convert import convert, is_converted, reason
from tests.staging.converting import Forgetful, Program

NAMES = ("a", "b", "c", "d", "e")


class Writer:
    """Writes a random function; `tick` ends loops that would go on for long."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.labels = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def label(self) -> int:
        self.labels += 1
        return self.labels

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def function(self) -> str:
        self.line(0, "def f(a, b, tick):")
        if self.chance(0.7):
            self.line(1, "c = d = e = 2")
        self.block(1, 0, 5)
        if self.chance(0.8):
            self.line(1, f"return {self.pick('a', 'b', self.value(1))}")
        return "\n".join(self.lines) + "\n"

    def value(self, deep: int = 2) -> str:
        kind = self.random.randrange(12) if deep > 0 else self.random.randrange(4)
        x = lambda: self.value(deep - 1)
        if kind < 2:
            return str(self.random.randrange(-3, 5))
        if kind < 4:
            return self.pick(*NAMES[: self.pick(2, 2, 3, 5)])
        if kind == 4:
            return f"log({self.label()}, {x()})"
        if kind == 5:
            return f"({x()} {self.pick('+', '-', '*')} {x()}) % 7"
        if kind == 6:
            return f"({x()} {self.pick('and', 'or')} {x()} {self.pick('and', 'or')} {x()})"
        if kind == 7:
            return f"({x()} if {x()} else {x()})"
        if kind == 8:
            return f"({x()} {self.pick('<', '<=', '==', '!=', '>')} {x()} < {x()} <= {x()})"
        if kind == 9:
            return f"(not {x()})"
        if kind == 10:
            return f"sum([i + {x()} for i in range({self.random.randrange(4)}) if i or {x()}])"
        return f"(lambda {self.pick('a', 'z')}: {x()})({x()})"

    def block(self, depth: int, loops: int, size: int) -> None:
        for _ in range(self.random.randint(1, size)):
            self.statement(depth, loops)

    def statement(self, depth: int, loops: int) -> None:
        kind = self.random.randrange(27)
        inner = lambda more=0: self.block(depth + 1, loops + more, 3)
        name = self.pick(*NAMES)
        if kind < 6 or (depth > 5 and kind < 19):
            self.line(depth, f"{name} {self.pick('=', '=', '+=')} {self.value()}")
        elif kind < 11:
            self.line(depth, f"if {self.value()}:")
            inner()
            if self.chance(0.2):
                self.line(depth, f"elif {self.value()}:")
                inner()
            if self.chance(0.4):
                self.line(depth, "else:")
                inner()
        elif kind < 14:
            target = self.pick(name, "a, *c", "(b, d), e") if self.chance(0.3) else name
            items = {name: f"range({self.random.randrange(4)})", "a, *c": "[(1, 2), (3,), (4, 5, 6)]"}
            self.line(depth, f"for {target} in {items.get(target, '[((1, 2), 3), ((4, 5), 6)]')}:")
            inner(1)
            self.orelse(depth, inner)
        elif kind < 16:
            self.line(depth, f"while {self.pick('tick()', 'tick() and ' + self.value(), '(' + name + ' := tick())')}:")
            inner(1)
            self.orelse(depth, inner)
        elif kind < 19:
            self.leave(depth, loops)
        elif kind == 19:
            self.line(depth, "try:")
            inner()
            form = self.random.randrange(3)
            if form < 2:
                self.line(depth, f"except {self.pick('NameError', 'ZeroDivisionError', 'Exception')}{self.pick('', ' as e')}:")
                inner()
                if self.chance(0.3):
                    self.line(depth, "else:")
                    inner()
            if form > 0:
                self.line(depth, "finally:")
                self.line(depth + 1, f"log({self.label()}, {self.value(1)})")
        elif kind == 20:
            self.line(depth, f"with manager({self.label()}) as {name}:")
            inner()
        elif kind == 21:
            check = f"assert {self.value()}, {self.value(1)}"
            self.line(depth, self.pick(f"del {name}", check, f"{name} = 1 // {self.value()}"))
        elif kind == 22:
            self.line(depth, f"def g{self.label()}(x=1):")
            self.line(depth + 1, f"nonlocal {self.pick('c', 'd')}")
            mark = len(self.lines)
            self.block(depth + 1, 0, 2)
            names = re.findall(r"nonlocal (\w)", self.lines[mark - 1])
            self.line(depth + 1, f"{names[0]} = x")
            self.line(depth, f"log({self.label()}, g{self.last('g')}({self.value(1)}))")
        elif kind == 23:
            self.line(depth, f"match {self.value()}:")
            self.line(depth + 1, f"case {self.pick('0', '1 | 2', '-1')}:")
            self.block(depth + 2, loops, 2)
            self.line(depth + 1, f"case {self.pick('3', 'int(' + name + ')', name)}:")
            self.block(depth + 2, loops, 2)
        else:
            self.line(depth, f"log({self.label()}, {self.value()})")

    def last(self, prefix: str) -> int:
        return next(int(m[1]) for line in reversed(self.lines) if (m := re.search(rf"def {prefix}(\d+)", line)))

    def orelse(self, depth: int, inner) -> None:
        if self.chance(0.3):
            self.line(depth, "else:")
            inner()

    def leave(self, depth: int, loops: int) -> None:
        how = self.pick("return", "break", "continue") if loops else "return"
        text = f"return {self.value()}" if how == "return" else how
        if self.chance(0.7):
            self.line(depth, f"if {self.value()}:")
            self.line(depth + 1, text)
        else:
            self.line(depth, text)


class Manager:
    def __init__(self, log, label):
        self.log, self.label = log, label

    def __enter__(self):
        return self.log("enter", self.label)

    def __exit__(self, kind, error, trace):
        self.log("exit", self.label, kind)
        return self.label % 3 == 0


class Tick:
    """True thirty times in all, for each run of a program."""

    def __init__(self):
        self.start()

    def start(self):
        self.left = 30

    def __call__(self):
        self.left -= 1
        return max(self.left, 0)


def random_program(seed: int) -> Program:
    program = Program(Writer(seed).function())
    program.names["manager"] = lambda label: Manager(program.names["log"], label)
    return program


@pytest.mark.parametrize("seed", range(300))
def test_random_programs(seed):
    try:
        program = random_program(seed)
    except SyntaxError:  # such as a target of `match` after one that always matches
        return
    for a, b in ((0, 1), (3, -2), (2, 2)):
        program.agree("f", a, b, Tick(), must=False)
    assert reason(program["f"]) is None


def pure(name: str, *accelerators: str):
    """A module of the standard library without its C parts."""
    saved = {key: sys.modules.get(key) for key in (name, *accelerators)}
    try:
        sys.modules.pop(name, None)
        sys.modules.update(dict.fromkeys(accelerators))  # importing None fails
        return importlib.import_module(name)
    finally:
        for key, value in saved.items():
            if value is None:
                sys.modules.pop(key, None)
            else:
                sys.modules[key] = value


class Everything(Forgetful):
    """Converts the functions of the standard library that are called."""

    def __init__(self):
        self.count = 0

    def call(self, function):
        inner = getattr(function, "__func__", function)
        if not isinstance(inner, types.FunctionType) or is_converted(inner):
            return function
        converted = convert(function, self)
        self.count += converted is not function
        return converted


TEXT = "In the beginning was the loop, and the loop was with flags,\n\n  and the flag was the loop. " * 4
JSON = '{"a": [1, 2.5e3, -7, true, null], "b\\u00e9\\n": {"c": "x\\ty", "d": []}, "e": ""}'


def library_calls():
    heapq, bisect = pure("heapq", "_heapq"), pure("bisect", "_bisect")
    scanner, decoder = pure("json.scanner", "_json"), pure("json.decoder", "_json")
    encoder, decimal = pure("json.encoder", "_json"), pure("_pydecimal")
    numbers = [5, 3, 8, 1, 9, 2, 7, 7, 0]

    def decode(text):
        made = decoder.JSONDecoder()
        made.parse_string, made.scan_once = decoder.py_scanstring, scanner.py_make_scanner(made)
        return made.raw_decode

    yield "heapq", heapq.nsmallest, (3, numbers), {"key": lambda x: -x}
    yield "heapq", heapq.nlargest, (4, numbers), {}
    yield "heapq", heapq.heapify, (list(numbers),), {}
    yield "heapq", heapq.heappushpop, ([1, 5, 3], 4), {}
    yield "bisect", bisect.bisect_left, (sorted(numbers), 7), {}
    yield "bisect", bisect.bisect_right, (sorted(numbers), 7), {"key": lambda x: x}
    yield "bisect", bisect.insort, (sorted(numbers), 4), {}
    yield "textwrap", textwrap.wrap, (TEXT, 30), {}
    yield "textwrap", textwrap.dedent, (textwrap.indent(TEXT, "   "),), {}
    yield "textwrap", textwrap.shorten, (TEXT, 40), {}
    yield "statistics", statistics.mean, (numbers,), {}
    yield "statistics", statistics.quantiles, (numbers,), {"n": 5}
    yield "statistics", statistics.mode, (numbers,), {}
    yield "statistics", statistics.stdev, (numbers,), {}
    yield "statistics", statistics.linear_regression, (numbers, numbers[::-1]), {}
    yield "fractions", fractions.Fraction.limit_denominator, (fractions.Fraction("3.1415926"), 100), {}
    yield "fractions", fractions.Fraction.__add__, (fractions.Fraction(1, 3), 2.5), {}
    yield "fractions", fractions.Fraction.__round__, (fractions.Fraction(17, 3), 1), {}
    yield "difflib", difflib.SequenceMatcher(None, TEXT, TEXT[7:] + "x").get_matching_blocks, (), {}
    yield "difflib", difflib.get_close_matches, ("appel", ["ape", "apple", "peach"]), {}
    yield "string", string.capwords, (TEXT,), {}
    yield "string", string.Formatter().vformat, ("{a} {0!r:>5} {1[k]}", (1, {"k": 2}), {"a": 3}), {}
    yield "string", string.Template("$a ${b} $$ $c").safe_substitute, (), {"a": 1, "b": 2}
    yield "colorsys", colorsys.rgb_to_hls, (0.2, 0.5, 0.3), {}
    yield "colorsys", colorsys.hsv_to_rgb, (0.7, 0.5, 0.3), {}
    yield "calendar", calendar.TextCalendar().formatmonth, (2024, 2), {}
    yield "calendar", calendar.monthcalendar, (2023, 10), {}
    yield "json", decode(JSON), (JSON,), {}
    yield "json", decode(JSON[:-9]), (JSON[:-9],), {}
    yield "json", encoder.py_encode_basestring_ascii, ("é\n\U0001f600 x",), {}
    yield "decimal", decimal.Decimal("7.25").__mul__, (decimal.Decimal("-1e3"),), {}
    yield "decimal", decimal.Decimal("2").sqrt, (), {}
    yield "decimal", decimal.Decimal("1.10").__str__, (), {}
    yield "shlex", shlex.split, ('a \'b c\' "d\\"e" f#g',), {}
    yield "fnmatch", fnmatch.translate, ("*.p[yx]?[!a]",), {}
    yield "ast", ast.literal_eval, ("{'a': [1, -2.5, (3, None)], 'b': {1, 2}}",), {}
    yield "re", pure("re._parser").parse, (r"(a|b)*?[c-f]{2,3}(?P<n>x)(?=y)\1",), {}


def outcome(function, args, kwargs):
    """Arguments that are changed in place count as well."""
    args = copy.deepcopy(args)
    try:
        return repr((function(*args, **kwargs), args))
    except Exception as error:
        return type(error), str(error), repr(args)


@pytest.mark.parametrize(
    ("name", "function", "args", "kwargs"), [pytest.param(*c, id=f"{c[0]}.{c[1].__name__}") for c in library_calls()]
)
def test_standard_library(name, function, args, kwargs):
    handlers = Everything()
    converted = handlers.call(function)
    assert handlers.count == 1, reason(function)
    assert outcome(converted, args, kwargs) == outcome(function, args, kwargs)
