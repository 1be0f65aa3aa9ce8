"""Random programs of nested control flow, and code of the standard library, run as they are and converted."""

from __future__ import annotations

import random
import re

import pytest

from hybrid.staging.convert import reason
from tests.staging.converting import Program

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
