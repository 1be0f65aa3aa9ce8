"""The graph's text form, which prints and parses back.

    graph scale(x: f32[4,n]) {
      const c0: f32[4,1]
      t0: f32[4,n] = broadcast(c0, shape=(4, n))
      t1: f32[4,n] = mul(x, t0)  # scale.py:7
      return t1
    }

A line's right-hand side is a Python call: operands are names or typed literals (`f32(0.5)`), params are keywords.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from hybrid.core.dtype import BY_SHORT, SHORT
from hybrid.core.errors import GraphError
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, bodies
from hybrid.ir.primitive import TABLE
from hybrid.ir.verify import check_types, verify


# printing -------------------------------------------------------------------------------------------------------------
def names_of(graph: Graph) -> dict[Var, str]:
    """A unique name for every variable: the user's for inputs, c0… for captured arrays, t0… for the rest."""
    names: dict[Var, str] = {}
    taken: set[str] = set()
    for k, var in enumerate(graph.inputs):
        wanted = re.sub(r"\W", "_", graph.names.get(var, "")) or f"x{k}"
        name = wanted
        while name in taken or re.fullmatch(r"[tc]\d+", name) or not name.isidentifier() or keyword.iskeyword(name):
            name += "_"
            name = name if name.isidentifier() else "x" + name
        names[var] = name
        taken.add(name)
    names.update((var, f"c{k}") for k, (var, _) in enumerate(graph.constants))
    made = [var for eqn in graph.eqns for var in eqn.outputs]
    names.update((var, f"t{k}") for k, var in enumerate(made))
    return names


def render(graph: Graph) -> str:
    return "\n".join(_lines(graph, graph.name))


def _lines(graph: Graph, title: str) -> list[str]:
    names = names_of(graph)
    titles: dict[Graph, str] = {}

    def atom(a: Atom) -> str:
        return literal(a) if isinstance(a, Literal) else names[a]

    lines = [f"graph {title}({', '.join(f'{names[v]}: {v.type}' for v in graph.inputs)}) {{"]
    lines += [f"  const {names[var]}: {var.type}" for var, _ in graph.constants]
    for eqn in graph.eqns:
        for word, body in bodies(eqn).items():
            if body not in titles:
                titles[body] = f"{word}{len(titles)}"
                lines += [f"  {line}" for line in _lines(body, titles[body])]
        left = ", ".join(f"{names[v]}: {v.type}" for v in eqn.outputs) or "_"
        given = (f"{k}={titles[v] if isinstance(v, Graph) else param(v)}" for k, v in eqn.params.items())
        source = f"  # {eqn.source}" if eqn.source else ""
        lines.append(f"  {left} = {eqn.primitive.name}({', '.join([*map(atom, eqn.inputs), *given])}){source}")
    return [*lines, f"  return {', '.join(map(atom, graph.outputs)) or '()'}", "}"]


def literal(a: Literal) -> str:
    value = np.asarray(a.value)
    text = repr(value.item()) if a.type.dtype.kind in "biufc" else repr(float(value))
    return f"{SHORT[a.type.dtype]}({text}{', weak=True' if a.type.weak else ''})"


def param(value: Any) -> str:
    if isinstance(value, np.dtype):
        return SHORT[value]
    if isinstance(value, tuple):
        return f"({', '.join(map(param, value))}{',' if len(value) == 1 else ''})"
    return str(value) if isinstance(value, Dim) else repr(value)


# parsing --------------------------------------------------------------------------------------------------------------
_DEF = re.compile(r"(\w+): (\w+)\[([^\]]*)\](~?)")


def parse(text: str, constants: Mapping[str, np.ndarray] | None = None) -> Graph:
    """The graph a text stands for, verified.

    Args:
        text: what `str(graph)` gave.
        constants: the captured arrays by name (c0, c1, …), if there are any.

    Raises:
        GraphError: naming the line that cannot be read.
    """
    lines = [line.split("  #")[0].strip() for line in text.strip().splitlines()]
    graph, end = _block(list(enumerate(lines, start=1)), 0, constants or {})
    if end != len(lines):
        raise GraphError(f"line {end + 1} of the graph text comes after its end", got=lines[end])
    return verify(graph)


_LARGEST = 2**63 - 1  # a size is an int64 in kernels
# What types and params that make no sense can end in.
_UNREADABLE = (GraphError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, MemoryError,
               RecursionError)  # fmt: skip
_HEAD = re.compile(r"graph (\S+)\((.*)\) \{")


def _block(lines: list[tuple[int, str]], at: int, constants: Mapping[str, np.ndarray]) -> tuple[Graph, int]:
    """The graph that begins at a line, and the line after it."""
    # Operand and parameter tables are filled line by line, so that a name used before its definition is an error here.
    head = _HEAD.fullmatch(lines[at][1]) if at < len(lines) else None
    if head is None:
        raise GraphError("not a graph text", got=lines[at][1] if at < len(lines) else "nothing",
                         expected="graph name(x: f32[3]) { … }")  # fmt: skip
    env: dict[str, Atom] = {}
    graphs: dict[str, Graph] = {}
    inputs: list[Var] = []
    kept: list[tuple[Var, np.ndarray]] = []
    eqns: list[Eqn] = []
    outputs: tuple[Atom, ...] | None = None
    names: dict[Var, str] = {}
    start = at
    while True:
        number, body = lines[at] if at < len(lines) else (at + 1, "")
        try:
            if at == start:
                inputs = _definitions(head[2], env) if head[2] else []
                names = {var: name for name, var in env.items() if isinstance(var, Var)}
            elif at == len(lines):
                raise GraphError("the graph has no end")
            elif body == "}":
                break
            elif inner := _HEAD.fullmatch(body):
                graphs[inner[1]], at = _block(lines, at, {})
                continue
            elif body.startswith("const "):
                match = _match(_DEF, body[6:])
                array = constants.get(match[1])
                if array is None:
                    raise GraphError(f"the captured array {match[1]} is missing")
                kept.append((_define(match, env), array))
            elif body.startswith("return "):
                items = ast.parse(body[7:], mode="eval").body
                parts = items.elts if isinstance(items, ast.Tuple) else [items]
                outputs = tuple(_atom(part, env) for part in parts)
            else:
                eqns.append(check_types(head[1], _equation(body, env, graphs)))
        except _UNREADABLE as error:
            if isinstance(error, GraphError) and error.what.startswith("line "):
                raise
            reason = f"no such name: {error}" if isinstance(error, KeyError) else getattr(error, "what", str(error))
            raise GraphError(f"line {number} of the graph text cannot be read: {reason}", got=body) from error
        at += 1
    if outputs is None:
        raise GraphError("the graph text has no return line")
    return Graph(head[1], tuple(inputs), tuple(eqns), outputs, tuple(kept), names), at + 1


def _match(pattern: re.Pattern, text: str) -> re.Match:
    found = pattern.fullmatch(text)
    if found is None:
        raise GraphError(f"expected `name: dtype[sizes]`, not {text!r}")
    return found


def _definitions(text: str, env: dict[str, Atom]) -> list[Var]:
    """`name: dtype[sizes], name: dtype[sizes], …`."""
    found, at = [], 0
    while True:
        match = _DEF.match(text, at)
        if match is None:
            raise GraphError(f"expected `name: dtype[sizes]`, not {text[at:]!r}")
        found.append(_define(match, env))
        if match.end() == len(text):
            return found
        if not text.startswith(", ", match.end()):
            raise GraphError(f"expected a comma, not {text[match.end() :]!r}")
        at = match.end() + 2


def _define(match: re.Match, env: dict[str, Atom]) -> Var:
    name, dtype, sizes, weak = match.groups()
    if name in env:
        raise GraphError(f"{name} is defined twice")
    if dtype not in BY_SHORT:
        raise GraphError(f"{dtype} is not a dtype", expected=", ".join(BY_SHORT))
    var = Var(TensorType(BY_SHORT[dtype], tuple(_size(s) for s in sizes.split(",") if s), bool(weak)))
    env[name] = var
    return var


def read_size(text: str) -> Size:
    """A size from its text, such as `2*n + 1`."""
    return _value(ast.parse(text.strip(), mode="eval").body)


def _size(text: str) -> Size:
    """A size of an array."""
    size = read_size(text)
    if not isinstance(size, Dim) and (type(size) is not int or not 0 <= size <= _LARGEST):
        raise GraphError(f"{text.strip()} is not a size", expected=f"a whole number from 0 to {_LARGEST}, or a name")
    return size


def _equation(body: str, env: dict[str, Atom], graphs: Mapping[str, Graph]) -> Eqn:
    left, separator, right = body.partition(" = ")
    # Some primitives are named by Python keywords (and, or, not): those don't parse as calls.
    keyword = re.match(r"(and|or|not)\((.*)\)$", right)
    if foreign := re.search(r"=(<.*>)", right):
        raise GraphError(f"{foreign[1]} belongs to the program that was traced, and has no text")
    call = ast.parse(f"{keyword[1]}_({keyword[2]})" if keyword else right, mode="eval").body if separator else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise GraphError("expected `name: type = primitive(operands, param=value)`")
    name = call.func.id.removesuffix("_") if keyword else call.func.id
    if name not in TABLE:
        raise GraphError(f"{name} is not a primitive")
    inputs = tuple(_atom(arg, env) for arg in call.args)
    params = {str(k.arg): _param(k.value, graphs) for k in call.keywords}
    return Eqn(TABLE[name], inputs, params, tuple(_definitions(left, env)) if left != "_" else ())


def _param(node: ast.expr, graphs: Mapping[str, Graph]) -> Any:
    return graphs[node.id] if isinstance(node, ast.Name) and node.id in graphs else _value(node)


def _atom(node: ast.expr, env: dict[str, Atom]) -> Atom:
    if isinstance(node, ast.Name):
        if node.id not in env:
            raise GraphError(f"{node.id} is used before it is defined")
        return env[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BY_SHORT:
        dtype = BY_SHORT[node.func.id]
        if len(node.args) != 1 or any(k.arg != "weak" for k in node.keywords):
            raise GraphError(f"expected a literal such as {node.func.id}(1), not {ast.unparse(node)!r}")
        with np.errstate(all="ignore"):
            value = np.asarray(_value(node.args[0]), dtype)[()]
        return Literal(value, TensorType(dtype, (), bool(node.keywords)))
    raise GraphError(f"expected an operand, not {ast.unparse(node)!r}")


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        if node.id in BY_SHORT:
            return BY_SHORT[node.id]
        return {"nan": np.nan, "inf": np.inf}.get(node.id) or Dim.symbol(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if not isinstance(left, (int, float, complex, Dim)) or not isinstance(right, (int, float, complex, Dim)):
            raise GraphError(f"expected a number, not {ast.unparse(node)!r}")
        if isinstance(node.op, ast.Add):
            return left + right
        return left - right if isinstance(node.op, ast.Sub) else left * right
    raise GraphError(f"expected a value, not {ast.unparse(node)!r}")
