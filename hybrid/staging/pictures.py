"""Pictures of one compiled call: Graphviz text, and one HTML page that needs nothing from anywhere."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.ir.text import literal, names_of, param
from hybrid.runtime.program import title
from hybrid.staging import listing
from hybrid.staging.report import parts

if TYPE_CHECKING:
    from hybrid.runtime.program import Lowered
    from hybrid.staging.compiled import Compiled


@dataclass(frozen=True, slots=True)
class Node:
    """A box of the picture: an input, a captured array, an equation or a result."""

    id: str
    label: str
    detail: str  # type, parameters and the user's line, shown on hover
    step: str  # the kernel or call it runs in; empty for inputs and results


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes in order of computation; edges carry the type of the value that flows."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str, str], ...]


def picture(lowered: Lowered) -> Picture:
    """The graph of a lowered program as boxes and arrows; an equation that several kernels repeat stands in the first."""
    graph, names = lowered.graph, names_of(lowered.graph)
    home: dict[Eqn, str] = {}
    for k, (name, _, eqns) in enumerate(parts(lowered)):
        for eqn in eqns:
            home.setdefault(eqn, name if name != "host" else f"host {k}")
    nodes = [Node(names[v], names[v], str(v.type), "") for v in (*graph.inputs, *(v for v, _ in graph.constants))]
    edges: list[tuple[str, str, str]] = []
    owner: dict[Var, str] = {v: names[v] for v in (*graph.inputs, *(v for v, _ in graph.constants))}
    for eqn in graph.eqns:
        box = names[eqn.output]
        nodes.append(Node(box, f"{eqn.primitive.name}{_scalars(eqn)}", _detail(eqn), home.get(eqn, "")))
        edges += [(owner[a], box, str(a.type)) for a in dict.fromkeys(eqn.inputs) if isinstance(a, Var)]
        owner.update((v, box) for v in eqn.outputs)
    for k, atom in enumerate(graph.outputs):
        box = f"return{k}"
        nodes.append(Node(box, f"result {k}" if isinstance(atom, Var) else _text(atom), str(atom.type), ""))
        if isinstance(atom, Var):
            edges.append((owner[atom], box, str(atom.type)))
    return Picture(tuple(nodes), tuple(edges))


def _text(atom: Atom) -> str:
    return literal(atom) if isinstance(atom, Literal) else str(atom.type)


def _scalars(eqn: Eqn) -> str:
    """Literal operands, which have no box of their own."""
    found = [str(a.value) for a in eqn.inputs if isinstance(a, Literal)]
    return f" {', '.join(found)}" if found else ""


def _detail(eqn: Eqn) -> str:
    params = ", ".join(f"{k}={param(v)}" for k, v in eqn.params.items())
    where = f"{eqn.source}  {eqn.source.text}" if eqn.source else ""
    return "\n".join(part for part in (", ".join(str(v.type) for v in eqn.outputs), params, where) if part)


# Graphviz -------------------------------------------------------------------------------------------------------------
def dot(lowered: Lowered) -> str:
    """The graph in Graphviz's language: one cluster for each kernel, BLAS call and host call."""
    made = picture(lowered)
    lines = [f"digraph {_quoted(lowered.graph.name)} {{", '  node [shape=box, style=rounded, fontname="monospace"]']
    for step in dict.fromkeys(node.step for node in made.nodes):
        inside = [_dot_node(node) for node in made.nodes if node.step == step]
        if step:
            lines += [
                f"  subgraph {_quoted('cluster ' + step)} {{",
                f"    label={_quoted(step)}",
                *(f"    {line}" for line in inside),
                "  }",
            ]
        else:
            lines += [f"  {line}" for line in inside]
    lines += [f"  {_quoted(a)} -> {_quoted(b)} [label={_quoted(label)}]" for a, b, label in made.edges]
    return "\n".join([*lines, "}"])


def _dot_node(node: Node) -> str:
    shape = "" if node.step else ", shape=ellipse"
    return f"{_quoted(node.id)} [label={_quoted(node.label)}, tooltip={_quoted(node.detail)}{shape}]"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# a layered drawing ----------------------------------------------------------------------------------------------------
CHARACTER, HEIGHT, GAP, LAYER = 7.5, 26, 18, 62  # pixels


def layers(made: Picture) -> list[list[Node]]:
    """Nodes by their longest distance from an input; within a layer each stands near the mean place of what it reads."""
    depth = {node.id: 0 for node in made.nodes}
    reads: dict[str, list[str]] = {node.id: [] for node in made.nodes}
    for a, b, _ in made.edges:  # in order of computation, so that `a` is final
        depth[b] = max(depth[b], depth[a] + 1)
        reads[b].append(a)
    # Inputs come down to just above their first reader: shorter arrows, fewer crossings.
    for node in made.nodes:
        if not reads[node.id] and not node.step:
            below = [depth[b] for a, b, _ in made.edges if a == node.id]
            depth[node.id] = min(below) - 1 if below else 0
    rows: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in made.nodes:
        rows[depth[node.id]].append(node)
    place: dict[str, float] = {}
    for row in rows:
        row.sort(key=lambda node: sum(place[a] for a in reads[node.id]) / len(reads[node.id]) if reads[node.id] else 0.0)
        place.update((node.id, k - (len(row) - 1) / 2) for k, node in enumerate(row))
    return rows


def svg(made: Picture, hues: dict[str, int]) -> str:
    """The picture as inline SVG: boxes coloured by kernel, arrows downwards, details on hover."""
    rows = layers(made)
    size = {node.id: max(len(node.label), 3) * CHARACTER + 18 for node in made.nodes}
    total = max((sum(size[n.id] + GAP for n in row) for row in rows), default=0) + GAP
    at: dict[str, tuple[float, float]] = {}
    for k, row in enumerate(rows):
        x = (total - sum(size[n.id] + GAP for n in row) + GAP) / 2
        for node in row:
            at[node.id] = (x + size[node.id] / 2, 16 + k * LAYER)
            x += size[node.id] + GAP
    height = len(rows) * LAYER + 8
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:.0f}" height="{height}" viewBox="0 0 {total:.0f} {height}">']
    for a, b, label in made.edges:
        (x0, y0), (x1, y1) = at[a], at[b]
        start, end, bend = y0 + HEIGHT, y1 - 5, LAYER / 3
        path = f"M{x0:.0f} {start:.0f}C{x0:.0f} {start + bend:.0f} {x1:.0f} {end - bend:.0f} {x1:.0f} {end:.0f}l-3 -5m3 5l3 -5"
        out.append(f'<path class="edge" d="{path}"><title>{escape(label)}</title></path>')
    for node in made.nodes:
        x, y = at[node.id]
        colour = f' style="--hue:{hues[node.step]}"' if node.step in hues else ""
        kind = "node kernel" if node.step in hues else "node"
        tip = f"{node.id}: {node.detail}" + (f"\n{node.step}" if node.step else "")
        out.append(f'<g class="{kind}"{colour}><title>{escape(tip)}</title>'
                   f'<rect x="{x - size[node.id] / 2:.0f}" y="{y:.0f}" width="{size[node.id]:.0f}" height="{HEIGHT}" rx="6"/>'
                   f'<text x="{x:.0f}" y="{y + 17:.0f}">{escape(node.label)}</text></g>')  # fmt: skip
    return "\n".join([*out, "</svg>"])


# the page -------------------------------------------------------------------------------------------------------------
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2330; --quiet: #6b7385; --rule: #d9dde6; --panel: #f6f7fa;
  --light: 90%; --deep: 38%; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171d; --ink: #e4e7ee; --quiet: #949db0; --rule: #333a47; --panel: #1b1f27; --light: 24%; --deep: 68%; }
}
body { margin: 0; padding: 1.2rem; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .2rem; } h2 { font-size: .95rem; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; color: var(--quiet); }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem; align-items: start; }
section { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: .8rem 1rem; overflow: auto; }
.wide { grid-column: 1 / -1; }
pre { margin: 0; font: 12.5px/1.5 ui-monospace, monospace; }
.steps { display: flex; gap: 1rem; flex-wrap: wrap; }
.step { border-left: 4px solid hsl(var(--hue) 60% var(--deep)); padding-left: .7rem; overflow: auto; }
.number { color: var(--quiet); user-select: none; }
.mark { background: hsl(var(--hue) 70% var(--light)); border-radius: 4px; padding: 0 .35em; margin-left: .4em; }
svg { max-width: none; display: block; } .edge { fill: none; stroke: var(--quiet); stroke-width: 1.2; }
.node rect { fill: var(--paper); stroke: var(--quiet); }
.node text { fill: var(--ink); font: 12.5px ui-monospace, monospace; text-anchor: middle; }
.kernel rect { fill: hsl(var(--hue) 70% var(--light)); stroke: hsl(var(--hue) 60% var(--deep)); }
.node:hover rect, .edge:hover { stroke-width: 2.5; }
summary { cursor: pointer; font-weight: 600; font-size: .95rem; } details[open] summary { margin-bottom: .5rem; }
"""


def html(f: Any, compiled: Compiled, explanation: str) -> str:
    """One page: the user's source with the kernels each line became, the graph, the kernels, and why.

    Args:
        f: the decorated function.
        compiled: the trace to show.
        explanation: the text of `f.explain()`.
    """
    lowered = compiled.lowered
    made = picture(lowered)
    # Neighbouring kernels get distant hues (the golden angle).
    hues = {step: round(137.5 * k) % 360 for k, step in enumerate(dict.fromkeys(n.step for n in made.nodes if n.step))}
    name = getattr(f.function, "__qualname__", "function")
    title = escape(f"{name}({', '.join(map(str, compiled.traced.leaves))})")
    panels = [
        _panel("Source", _source(f.function, lowered, hues)),
        _panel("What happened", f"<pre>{escape(explanation)}</pre>"),
        _panel("Graph", svg(made, hues), wide=True),
        _panel("Kernels", "".join(_step(text, hue) for text, hue in _loops(lowered, hues)), wide=True, inner="steps"),
        _fold("Graph as text", str(compiled.graph)),
        *(_fold(*stage) for stage in _stages(lowered, compiled.backend)),
    ]
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n'
            f"<p>{escape(compiled.reason)}</p>\n<main>\n" + "\n".join(panels) + "\n</main>\n</body>\n</html>\n")  # fmt: skip


def _panel(title: str, body: str, wide: bool = False, inner: str = "") -> str:
    return f'<section{" class=wide" if wide else ""}><h2>{title}</h2><div class="{inner}">{body}</div></section>'


def _fold(title: str, text: str) -> str:
    return f'<section class="wide"><details><summary>{title}</summary><pre>{escape(text)}</pre></details></section>'


def _step(text: str, hue: int) -> str:
    return f'<div class="step" style="--hue:{hue}"><pre>{escape(text)}</pre></div>'


def _loops(lowered: Lowered, hues: dict[str, int]) -> Iterator[tuple[str, int]]:
    work = {title(w): str(w) for w in lowered.work}
    for k, (name, _, eqns) in enumerate(parts(lowered)):
        if name == "host":
            yield f"host {eqns[0].primitive.name}: {eqns[0].primitive.reason}", hues.get(f"host {k}", 0)
        else:
            yield work[name], hues.get(name, 0)


def _stages(lowered: Lowered, backend: str) -> Iterator[tuple[str, str]]:
    yield "Numba source", listing.numba(lowered)
    if backend == "llvm":
        yield "LLVM IR", listing.llvm(lowered)
        yield "Machine code", listing.asm(lowered)


def _source(function: Any, lowered: Lowered, hues: dict[str, int]) -> str:
    """The user's lines, each with the kernels it went into."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return "<pre>the source of this function is not in a file</pre>"
    file = inspect.getsourcefile(function)
    marks: dict[int, dict[str, str]] = {}
    for k, (name, _, eqns) in enumerate(parts(lowered)):
        step = f"host {k}" if name == "host" else name
        for eqn in eqns:
            if eqn.source and eqn.source.file == file:
                marks.setdefault(eqn.source.line, {})[step] = name
    out = []
    for number, line in enumerate(lines, start=max(first, 1)):
        badges = "".join(
            f'<span class="mark" style="--hue:{hues.get(step, 0)}">{escape(name)}</span>'
            for step, name in marks.get(number, {}).items()
        )
        out.append(f'<span class="number">{number:>4}</span>  {escape(line.rstrip())}{badges}')
    return "<pre>" + "\n".join(out) + "</pre>"
