"""Writes random functions with control flow: branches and loops over numbers, elements, slices and rows.

A function's text is drawn from the tables below. `I` stands for an integer, `F` a float, `C` a condition, `E` an element, `P`
an index, `B` the bounds of a slice, `S` an array of one axis, `N` a new one of `n` elements, `M` one of n × n; `x` and `a` are
names of arrays with one and two axes, `i` and `v` names of numbers, `j` an index of a loop around. Every loop ends: nothing
that its body computes bounds it. Programs may raise.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tests.fuzz.programs import array

DTYPES = ("float64",) * 5 + ("float32",) * 2 + ("int64",) * 2 + ("int32", "uint8", "int8", "bool", "uint64", "float16")
LAYOUTS = ("plain",) * 3 + ("strided", "reversed", "window")
NESTED, STATEMENTS, DEEP = 3, 24, 3  # blocks in blocks, statements of a function, expressions in expressions
ARGUMENTS = ("x", "y", "A", "s", "t", "p", "n", "flag")
_HOLE = re.compile(r"‹(\w)›")


def _rules(text: str) -> list[str]:
    """Alternatives, one a line or several with ` ~ ` between; `3× ` before one: that often. ‹holes› are written as ‹I›."""
    out: list[str] = []
    for rule in (part.strip() for line in text.strip().splitlines() for part in line.split(" ~ ")):
        times = re.match(r"(\d+)× (.*)", rule)
        out += [times[2]] * int(times[1]) if times else [rule]
    return out


LEAVES = {
    "I": _rules("0 ~ 1 ~ 2 ~ 3 ~ -1 ~ 7 ~ 4× ‹i› ~ 3× ‹j› ~ n ~ p"),
    "F": _rules("0.5 ~ 2.0 ~ -1.5 ~ 0.0 ~ 1e3 ~ s ~ t ~ 4× ‹v› ~ 4× ‹E›"),
    "C": _rules("2× ‹v› > 0 ~ ‹E› > s ~ ‹i› > 1 ~ ‹j› % 2 == 0 ~ flag ~ ‹b›"),
    "P": _rules("5× ‹j› ~ 0 ~ -1 ~ n - 1 ~ n // 2"),
    "B": _rules("‹P›: ~ :‹P› ~ ‹P› + 1: ~ ::-1 ~ : ~ 1:"),
    "S": _rules("3× ‹x› ~ ‹x›[‹B›] ~ ‹a›[‹P›]"),
}
TABLES = {
    "I": _rules("""
        4× (‹I› + ‹I›) ~ 3× (‹I› - ‹I›) ~ ‹I› + ‹I› ~ (‹I›) * 3 ~ (‹I›) * -2 ~ (‹I›) // 2 ~ (‹I›) // -3
        (‹I›) // (‹I›) ~ (‹I›) % 3
        (‹I›) % n ~ (‹I›) % -4 ~ (‹I›) % (‹I›) ~ abs(‹I›) ~ min(‹I›, ‹I›) ~ max(‹I›, ‹I›) ~ -(‹I›)
        (‹I› if ‹C› else ‹I›) ~ int(‹F›) ~ len(‹x›)
        ((‹I›) & ‹I›) ~ ((‹I›) >> 1) ~ round(‹F›) ~ ‹a›.shape[0] ~ math.floor(‹F›) ~ int(‹C›) ~ (‹I›) * (‹I›)
        ((‹I›) ^ (‹I›)) ~ ((‹I›) | ‹I›)
        int(‹E›) ~ len(‹S›) ~ (‹I›) ** 2 ~ ((‹I›) << 2) ~ ~(‹I›) ~ (‹C›) + ‹I› ~ int(‹x›.argmax())
        int(‹C› and ‹C›) ~ 10 * (‹I›)
        2 ** ((‹I›) % 5) ~ (‹I› or 3) ~ divmod(‹I›, 3)[0] ~ min(‹I›, ‹I›, n) ~ math.ceil(‹F›) ~ (‹I›) // n
    """),
    "E": _rules("""
        8× ‹x›[‹P›] ~ 5× ‹a›[‹P›, ‹P›] ~ ‹a›[‹P›][‹P›] ~ ‹a›.T[‹P›, ‹P›] ~ ‹a›[‹P›, ::-1][‹P›] ~ ‹x›[::-1][‹P›]
    """),
    "F": _rules("""
        3× (‹F› + ‹F›) ~ 2× (‹F› - ‹F›) ~ 2× ‹F› * ‹F› ~ (‹F›) / 2 ~ (‹F›) / 3.0 ~ (‹F›) / (1 + abs(‹F›))
        (‹F›) / (‹F›) ~ abs(‹F›) ~ min(‹F›, ‹F›)
        max(‹F›, ‹F›) ~ -(‹F›) ~ (‹F› if ‹C› else ‹F›) ~ math.sqrt(abs(‹F›)) ~ float(‹I›) ~ np.sin(‹F›)
        (‹F›) * ‹I› ~ 2× ‹S›.sum() ~ np.sum(‹S›)
        ‹S›.max() ~ ‹S› @ ‹S› ~ math.tanh(‹F›) ~ np.sqrt(abs(‹F›)) ~ (‹F›) ** 2 ~ float(‹F›) ~ (‹F›) % 3
        (‹F›) // 2 ~ np.abs(‹F›) ~ ‹I›
        np.minimum(‹F›, ‹F›) ~ (‹C› and ‹F›) ~ (‹F› or ‹F›) ~ np.float32(‹F›) ~ x.dtype.type(‹F›) ~ ‹x›.mean()
        sum(‹x›) ~ min(‹x›) ~ ‹a›[‹P›] @ ‹x›
        np.dot(‹a›[‹P›, :‹P›], ‹x›[:‹P›]) ~ (‹I›) / (‹I›) ~ math.exp(min(‹F›, 3.0)) ~ math.hypot(‹F›, ‹F›)
        np.int32(‹I›) ~ ‹x›.min() ~ round(‹F›, 2)
        np.linalg.norm(‹x›) ~ ‹a›.trace() ~ ‹a›.sum() ~ ‹a›.max() ~ np.abs(‹x›).max() ~ ‹x›[‹x› > 0].sum()
    """),
    "C": _rules("""
        2× ‹F› < ‹F› ~ ‹F› >= ‹F› ~ ‹F› == ‹F› ~ ‹F› != ‹F› ~ ‹E› > 0 ~ ‹E› <= s ~ ‹I› < ‹I› ~ ‹I› > ‹I›
        ‹I› == ‹I› ~ ‹I› != ‹I› ~ 2× (‹I›) % 2 == 0
        2× (‹C› and ‹C›) ~ 2× (‹C› or ‹C›) ~ not ‹C› ~ (‹C› if ‹C› else ‹C›) ~ ‹I› < ‹I› <= ‹I› ~ 0 <= ‹P› < n
        ‹E› ~ (‹S› > 0).any() ~ flag ~ 2× ‹b›
        math.isnan(‹F›) ~ bool(‹F›) ~ 0 < ‹F› < 2 ~ ‹v› is None ~ np.isnan(‹E›) ~ (‹x› == ‹x›).all()
        ‹I› in (0, 1, 2) ~ ‹F›
    """),
    "P": _rules("""
        12× ‹j› ~ 2× ‹j› - 1 ~ -‹j› - 1 ~ n - 1 - ‹j› ~ (‹j› + 1) % n ~ ‹j› // 2 ~ ‹j› + 1 ~ ‹j› * 2 % n
        min(‹j› + 1, n - 1) ~ max(‹j› - 1, 0)
        0 ~ -1 ~ 1 ~ n - 1 ~ (‹I›) % n ~ int(‹F›) % n ~ n // 2 ~ -n ~ p % n ~ min(max(‹I›, 0), n - 1) ~ ‹I›
    """),
    "B": _rules("""
        2× ‹P›: ~ 2× :‹P› ~ 2× ‹P› + 1: ~ :‹P›:-1 ~ ::-1 ~ 2× ‹P›:‹P› ~ : ~ 1: ~ :-1 ~ ‹I›: ~ :‹I› ~ ::2
        ‹P›::2 ~ ‹P›::-1 ~ ‹I›:‹P›:3 ~ -‹P› - 1: ~ 1:-1
        ‹P›:‹P› + 3 ~ ‹P› - 1:‹P› + 2
    """),
    "S": _rules("""
        2× ‹x› ~ 2× ‹x›[‹B›] ~ ‹a›[‹P›] ~ ‹a›[:, ‹P›] ~ ‹a›[‹P›, ‹B›] ~ ‹a›[‹B›, ‹P›] ~ ‹a›.T[‹P›]
        ‹x›[::-1][‹B›] ~ ‹a›[‹B›][:, ‹P›]
    """),
    "N": _rules("""
        ‹x› + ‹x› ~ ‹x› * ‹F› ~ ‹x›.copy() ~ 2× np.zeros(n) ~ np.zeros(n, dtype=np.float32)
        np.zeros(n, np.int64) ~ np.zeros(len(‹x›), ‹x›.dtype)
        np.zeros_like(‹x›) ~ np.where(‹x› > ‹F›, ‹x›, ‹x›) ~ ‹x›[::-1] ~ ‹a›[‹P›].copy() ~ ‹a›[‹P›] ~ ‹a› @ ‹x›
        np.abs(‹x›) ~ np.ones(n) ~ ‹x› - ‹a›[:, ‹P›]
        np.maximum(‹x›, ‹F›) ~ ‹x› ~ -‹x› ~ ‹a›.sum(axis=0) ~ ‹x›[:] ~ np.array(‹x›) ~ ‹x› / 2 ~ np.sin(‹x›)
        ‹a›[:, ‹P›] ~ np.cumsum(‹x›) ~ np.full(n, ‹F›)
        ‹x›.astype(np.float32) ~ np.arange(n) ~ np.linspace(0, 1, n) ~ np.roll(‹x›, 1)
        np.concatenate([‹x›[‹P›:], ‹x›[:‹P›]])
    """),
    "M": _rules("""
        ‹a›.copy() ~ np.zeros((n, n)) ~ ‹a› + ‹a› ~ ‹a›.T ~ np.zeros_like(‹a›) ~ ‹a› * ‹x› ~ ‹a›
        np.outer(‹x›, ‹x›) ~ ‹a›[::-1] ~ ‹a› @ ‹a› ~ np.eye(n)
        np.ones((n, n), dtype=np.float32) ~ ‹a› * ‹F›
    """),
    "Q": _rules("""
        3× assert ‹C› or True ~ assert ‹C›, 'no' ~ out.append(‹F›) ~ out.append(‹I›) ~ out.append(‹S›)
        ‹x›.fill(‹F›) ~ ‹x›[:] = ‹N› ~ ‹x› += ‹x›
        if ‹C›: raise ValueError('bad') ~ ‹a› *= 2 ~ ‹a› -= ‹F› ~ ‹a›[‹P›] = ‹N› ~ ‹a›[‹P›] += ‹N›
        ‹a›[:, ‹P›] -= ‹N› ~ ‹a›[‹B›] = ‹F› ~ ‹a›[‹B›, ‹B›] += ‹F›
        ‹a›[‹B›, ‹B›] = ‹F› ~ ‹x›[‹x› > ‹F›] = ‹F› ~ k0, v0 = ‹I›, ‹F› ~ ‹x›.sort()
        ‹a›[‹P›], ‹a›[‹P›] = ‹a›[‹P›].copy(), ‹a›[‹P›].copy() ~ pass
        ‹a›[‹P›:, ‹P›:] -= np.outer(‹a›[‹P›:, ‹P›], ‹a›[‹P›, ‹P›:]) ~ ‹a›[[0, -1]] = ‹a›[[-1, 0]]
        np.add(‹x›, ‹x›, out=‹x›) ~ del k0
        ‹a›.flat[‹P›] = ‹F› ~ ‹a›.T[‹P›] = ‹x› ~ ‹a›[::-1][‹P›, ‹B›] *= 2 ~ ‹x›.reshape(-1)[‹P›] = ‹F›
        ‹a›.ravel()[‹P›] += 1
    """),
    "R": _rules("""
        4× n ~ len(‹x›) ~ 1, n ~ n - 1, -1, -1 ~ 0, n, 2 ~ ‹j›, n ~ 2× ‹j› + 1, n ~ ‹a›.shape[0]
        min(n, p + 2) ~ n - 1 ~ ‹j› ~ ‹j›, -1, -1 ~ p % 6 ~ 4 ~ 2, n, 3 ~ min(‹I›, n)
        max(‹j› - 2, 0), min(‹j› + 3, n)
    """),
    "Z": _rules("None ~ ‹I› ~ ‹F› ~ ‹I›, ‹F› ~ ‹x› ~ ‹S› ~ ‹F›, ‹x› ~ out ~ ‹C›"),
    "H": _rules("‹x› ~ ‹x›[::-1] ~ ‹x›[1:] ~ ‹S›"),
}  # fmt: skip


@dataclass(frozen=True)
class Structured:
    """A function's text, and for each of some calls the arguments as pasteable expressions, in the order they are made."""

    seed: int
    source: str
    calls: tuple[tuple[tuple[str, str], ...], ...]


@dataclass
class Scope:
    """The names a statement may read, by hole, and how deep it stands in blocks and loops."""

    names: dict[str, list[str]]
    depth: int = 0
    loops: int = 0

    def inner(self, loop: bool = False) -> Scope:
        return Scope({kind: list(names) for kind, names in self.names.items()}, self.depth + 1, self.loops + loop)


class Writer:
    """One function being written."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.fresh = 0
        self.helps = self.chance(0.25)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def name(self, stem: str) -> str:
        self.fresh += 1
        return f"{stem}{self.fresh}"

    def fill(self, text: str, scope: Scope, depth: int = 1) -> str:
        """A text with its holes filled."""

        def filled(hole: re.Match) -> str:
            kind = hole[1]
            if kind in scope.names:
                return self.random.choice(scope.names[kind])
            leaf = kind in LEAVES and (depth > DEEP or self.chance(0.35))
            return self.fill(self.random.choice((LEAVES if leaf else TABLES)[kind]), scope, depth + 1)

        return _HOLE.sub(filled, text)

    def pair(self, scope: Scope) -> tuple[str, str]:
        """Two arrays of one axis and one length."""
        bounds = self.fill("‹B›", scope, 2)
        forms = ("‹x›[B]", "‹x›[B]", "‹x›[::-1][B]", "‹a›[‹P›, B]", "‹a›[B, ‹P›]", "‹a›.T[‹P›][B]", "‹a›[‹P›][B]")
        return tuple(
            self.fill(self.random.choice(forms).replace("B]", f"{bounds}]").replace("[B,", f"[{bounds},"), scope, 2)
            for _ in "ab"
        )

    # statements -----------------------------------------------------------------------------------------------------------
    def put(self, scope: Scope, text: str) -> None:
        self.lines.append("    " * (scope.depth + 1) + text)

    def block(self, scope: Scope, most: int = 4) -> None:
        before = len(self.lines)
        for _ in range(self.random.randint(1, most)):
            if len(self.lines) < STATEMENTS:
                self.statement(scope)
        if len(self.lines) == before:
            self.put(scope, "pass")

    def statement(self, scope: Scope) -> None:
        kinds = (
            ["number"] * 4
            + ["augment"] * 4
            + ["element"] * 5
            + ["slice"] * 4
            + ["array"] * 2
            + ["view", "swap", "alias", "matrix", "rare"]
        )
        kinds += ["if_"] * 5 + ["for_"] * 5 + ["while_"] * 2 if scope.depth < NESTED else []
        kinds += ["leave"] * 2 if scope.loops else []
        kinds += ["return_"] if scope.depth else []
        getattr(self, self.random.choice(kinds))(scope)

    def bound(self, scope: Scope, kind: str, stem: str, text: str) -> None:
        """An assignment to a name of a kind: an old one or a new one."""
        old = [name for name in scope.names[kind] if name.startswith(stem)]
        name = self.random.choice(old) if old and not self.chance(0.4) else self.name(stem)
        self.put(scope, f"{name} = {text}")
        if name not in scope.names[kind]:
            scope.names[kind].append(name)

    def number(self, scope: Scope) -> None:
        kind, stem, text = self.random.choice([("i", "k", "‹I›"), ("v", "v", "‹F›"), ("v", "v", "‹F›"), ("b", "q", "‹C›")])
        if kind == "v" and self.chance(0.3):
            text = self.random.choice(["0", "0.0", "1", "s", "np.float32(0)", "None"])
        self.bound(scope, kind, stem, self.fill(text, scope))

    def augment(self, scope: Scope) -> None:
        kind, text = self.random.choice([("i", "‹i› o= ‹I›"), ("v", "‹v› o= ‹F›"), ("v", "‹v› o= ‹F›")])
        if self.random.choice(scope.names[kind]) in ("s", "t", "p"):
            self.number(scope)
            return
        operators = ("+", "-", "*", "+", "+", "//", "%", "/") if kind == "v" else ("+", "-", "+", "*", "//", "%", "^", "&")
        self.put(scope, self.fill(text.replace("o=", self.random.choice(operators) + "="), scope))

    def element(self, scope: Scope) -> None:
        operator = self.random.choice(("", "", "+", "-", "*", "+", "/", "//"))
        self.put(scope, self.fill(f"‹E› {operator}= {'‹F›' if self.chance(0.8) else '‹I›'}", scope))

    def slice(self, scope: Scope) -> None:
        left, right = self.pair(scope)
        values = (right, right, f"{right} * ‹F›", "‹F›", f"{right} + {left}", f"-{left}", f"{right} - ‹F›", f"{right}[::-1]",
                  f"{right}.copy()", f"np.where({right} > 0, {left}, ‹F›)", "‹S›")  # fmt: skip
        operator = self.random.choice(("", "", "+", "-", "*", "+", "-", "/"))
        self.put(scope, f"{left} {operator}= {self.fill(self.random.choice(values), scope, 2)}")

    def array(self, scope: Scope) -> None:
        self.bound(scope, "x", self.random.choice("wwxy"), self.fill("‹N›", scope))

    def matrix(self, scope: Scope) -> None:
        self.bound(scope, "a", self.random.choice("MMA"), self.fill("‹M›", scope))

    def view(self, scope: Scope) -> None:
        """A row, column or slice kept in a name, and written through it."""
        name = self.name("r")
        form = self.random.choice(("‹a›[‹P›]", "‹a›[:, ‹P›]", "‹x›[::-1]", "‹x›[:]", "‹a›.T[‹P›]"))
        self.put(scope, f"{name} = {self.fill(form, scope)}")
        scope.names["x"].append(name)
        self.put(
            scope,
            self.fill(
                self.random.choice((f"{name}[‹P›] = ‹F›", f"{name} += ‹F›", f"{name} *= ‹F›", f"{name}[‹B›] -= ‹F›")), scope, 2
            ),
        )

    def swap(self, scope: Scope) -> None:
        hole = self.random.choice("xxviEE")
        a, b = (self.fill(f"‹{hole}›", scope, 2) for _ in "ab")
        self.put(scope, f"{a}, {b} = {b}, {a}")

    def alias(self, scope: Scope) -> None:
        kind, stem = self.random.choice([("x", "w"), ("x", "y"), ("a", "M")])
        self.bound(scope, kind, stem, self.random.choice(scope.names[kind]))

    def rare(self, scope: Scope) -> None:
        if not self.helps or self.chance(0.5):
            self.put(scope, self.fill("‹Q›", scope, 2))
        elif self.chance(0.5):
            self.bound(scope, "v", "v", self.fill("helper(‹S›, ‹F›, ‹I›)", scope, 2))
        else:
            self.put(scope, self.fill("update(‹S›, ‹P›, ‹F›)", scope, 2))

    def if_(self, scope: Scope) -> None:
        sides = []
        for k, line in enumerate(("if ‹C›:", "elif ‹C›:", "else:")):
            if k == 0 or self.chance((0.25, 0.5)[k - 1]):
                self.put(scope, self.fill(line, scope))
                sides.append(scope.inner())
                self.block(sides[-1], 3)
        for kind, names in scope.names.items():
            new = dict.fromkeys(name for side in sides for name in side.names[kind] if name not in names)
            everywhere = self.lines and len(sides) > 1
            names += [n for n in new if (everywhere and all(n in side.names[kind] for side in sides)) or self.chance(0.05)]

    def for_(self, scope: Scope) -> None:
        i, v, w = self.name("i"), self.name("v"), self.name("v")
        header, known = self.random.choice(
            [(f"{i} in range(‹R›)", {"j": [i]})] * 8
            + [
                (f"{i}, {v} in enumerate(‹H›)", {"j": [i], "v": [v]}),
                (f"{v} in ‹H›", {"v": [v]}),
                (f"{v}, {w} in zip(‹x›, ‹x›)", {"v": [v, w]}),
                (f"{i} in reversed(range(n))", {"j": [i]}),
                (f"{i} in ‹a›", {"x": [i]}),
                (f"{v} in reversed(‹x›)", {"v": [v]}),
                (f"{i}, ({v}, {w}) in enumerate(zip(‹x›, ‹H›))", {"j": [i], "v": [v, w]}),
            ]
        )
        self.put(scope, self.fill(f"for {header}:", scope, 2))
        inner = scope.inner(loop=True)
        for kind, names in known.items():
            inner.names[kind] = [*names * 2, *inner.names[kind]]
        self.body(scope, inner)

    def while_(self, scope: Scope) -> None:
        c = self.name("c")
        self.put(scope, f"{c} = {self.random.choice(('n', '5', 'p % 7', '0', 'n - 1'))}")
        self.put(scope, self.fill(f"while {c} > 0{self.random.choice(('', ' and ‹C›'))}:", scope))
        inner = scope.inner(loop=True)
        self.put(inner, f"{c} -= {self.random.choice('112')}")
        inner.names["j"].append(c)
        self.body(scope, inner)

    def body(self, scope: Scope, inner: Scope) -> None:
        self.block(inner)
        if self.chance(0.15):
            self.put(scope, "else:")
            self.block(scope.inner(), 2)
        for kind, names in scope.names.items():
            names += [name for name in dict.fromkeys(inner.names[kind]) if name not in names and self.chance(0.12)]

    def leave(self, scope: Scope) -> None:
        self.put(scope, self.fill("if ‹C›:", scope))
        self.put(scope, f"    {self.random.choice(('break', 'continue', 'break'))}")

    def return_(self, scope: Scope) -> None:
        if self.chance(0.5):
            self.put(scope, self.fill("if ‹C›:", scope))
            self.put(scope, self.fill("    return ‹Z›", scope))

    def write(self) -> str:
        scope = Scope({"i": ["p"], "v": ["s", "t"], "b": ["flag"], "x": ["x", "x", "y"], "a": ["A"], "j": ["0"]})
        self.put(scope, "out = []")
        for _ in range(self.random.randint(2, 6)):
            if len(self.lines) < STATEMENTS:
                self.statement(scope)
        names = dict.fromkeys(name for names in scope.names.values() for name in names)
        kept = [name for name in names if name not in (*ARGUMENTS, "0") and self.chance(0.6)]
        self.put(scope, f"return {', '.join([*kept, 'out'])},")
        return (HELPERS if self.helps else "") + f"def program({', '.join(ARGUMENTS)}):\n" + "\n".join(self.lines) + "\n"


HELPERS = """\
def helper(u, c, m):
    best = c
    for j in range(len(u)):
        if u[j] > best:
            best = u[j]
        elif m > 3:
            return best
    return best

def update(u, j, c):
    if c > 0:
        u[j % max(len(u), 1)] = c
        return
    u[:] = u * 2

"""


def structured(seed: int) -> Structured:
    """The program of a seed, with arguments for three calls, mostly of one type."""
    writer = Writer(seed)
    source, r = writer.write(), writer.random
    dtypes = [r.choice(("float64", "float64", "float32"))] * 3 if r.random() < 0.5 else [r.choice(DTYPES) for _ in range(3)]
    layouts = [r.choice(LAYOUTS), r.choice(LAYOUTS), r.choice((*LAYOUTS, "fortran", "transposed"))]
    hard, overlap = r.random() < 0.1, r.choice((None,) * 8 + ("same", "shifted", "row"))
    numbers = [r.choice(NUMBERS) for _ in range(2)]
    n = r.choice((1, 2, 3, 5, 6, 7, 8, 9, 17))
    calls = []
    for _ in range(3):
        n = n if r.random() < 0.7 else r.choice((0, 1, 2, 3, 5, 6, 9))
        x, y, a = (f"array({r.randint(0, 999999)}, {dtype!r}, {shape}, {layout!r}, {hard})"
                   for dtype, shape, layout in zip(dtypes, ((n,), (n,), (n, n)), layouts))  # fmt: skip
        made = {"x": x, "y": y, "A": a}
        if overlap == "same":
            made["y"] = "x"
        elif overlap == "shifted":
            made = {
                "_base": f"array({r.randint(0, 999999)}, {dtypes[0]!r}, ({n + 2},))",
                "x": f"_base[:{n}]",
                "y": "_base[2:]",
                "A": a,
            }
        elif overlap == "row" and n:
            made = {"A": a, "x": "A[0]", "y": y}
        s, t = (number.format(r.choice((round(r.uniform(-3, 3), 2), r.randint(-3, 5)))) for number in numbers)
        made |= {"s": s, "t": t, "p": str(r.randint(-3, 12)), "n": str(n), "flag": str(r.random() < 0.5)}
        calls.append(tuple(made.items()))
    return Structured(seed, source, tuple(calls))


def values(program: Structured, call: int) -> list:
    """Fresh arguments of one call; some may be views of others."""
    import numpy as np

    made: dict = {}
    for name, expression in program.calls[call]:
        made[name] = eval(expression, {"array": array, "np": np}, made)
    return [made[name] for name in ARGUMENTS]


NUMBERS = ("float({})", "float({})", "int({})", "np.float64({})", "np.float32({})", "np.int64({})")
