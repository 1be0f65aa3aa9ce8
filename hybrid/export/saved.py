"""`save` and `load`: a traced call as one file, and that file as a function of arrays."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.core.config import config
from hybrid.core.errors import ArgumentError, DTypeError, GraphError, ShapeError
from hybrid.core.lazily import cached_property
from hybrid.core.shape import Dim, TensorType, evaluate
from hybrid.export import archive
from hybrid.export.pure import Node, pure_call
from hybrid.frontend.values import unwrap, wrap
from hybrid.ir.graph import Graph
from hybrid.ir.sizes import COMPARISONS, Condition, all_sizes, hold
from hybrid.ir.text import names_of, read_size
from hybrid.ir.verify import verify
from hybrid.passes import pipeline
from hybrid.passes.fuse import quotients
from hybrid.runtime.program import Lowered, build
from hybrid.staging.decorated import Decorated

_KINDS = ("tensor", "ndarray", "scalar", "python")


class Saved:
    """A saved graph as a function: call it with the arguments of the call that was saved, of the same types and sizes.

    It is pure. Where the traced function wrote into an argument, the call returns `(result, {name: new value})` and leaves the
    argument as it was. Python ints, strings and other static arguments are part of the graph: they may be given again, with
    the same value. Safe to call from several threads.

    Args:
        graph: what to run.
        meta: "arguments", "parameters", "results" and "written" as `save` writes them; absent ones describe a plain
            function of the graph's inputs that returns its outputs.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hy.export.save(hy.function(np.exp), f"{folder}/exp.hy", np.ones(3))
    ...     type(hy.export.load(f"{folder}/exp.hy")).__name__
    'Saved'
    """

    def __init__(self, graph: Graph, meta: dict[str, Any]):
        self.graph = graph
        self._names = names_of(graph)
        inputs, outputs = range(len(graph.inputs)), range(len(graph.outputs))
        self._parameters: list[str] = meta.get("parameters", [self._names[v] for v in graph.inputs])
        self._arguments: list[Node] = meta.get("arguments", [{"input": k} for k in inputs])
        plain = [{"output": k, "kind": "ndarray"} for k in outputs]
        self._results: Node = meta.get("results", plain[0] if len(plain) == 1 else {"tuple": plain})
        self._written: dict[str, int] = meta.get("written", {})
        self._conditions = [_condition(parts) for parts in meta.get("conditions", [])]
        self._lock = threading.Lock()
        _check_tree({"tuple": self._arguments}, "input", len(graph.inputs))
        _check_tree(self._results, "output", len(graph.outputs))
        if len(self._parameters) != len(self._arguments):
            raise GraphError("meta.json does not name every parameter")

    @property
    def inputs(self) -> dict[str, TensorType]:
        """The type of each array the graph takes, by name."""
        return {self._names[v]: v.type for v in self.graph.inputs}

    @property
    def outputs(self) -> tuple[TensorType, ...]:
        """The types of the graph's results, those of written arguments last."""
        return tuple(atom.type for atom in self.graph.outputs)

    @cached_property
    def lowered(self) -> Lowered:
        """The fused kernels this graph runs as."""
        graph = pipeline.optimise(self.graph)[0]
        return build(pipeline.group(graph), {})

    @cached_property
    def _plan(self) -> Any:
        from hybrid.runtime.plan import Plan  # llvmlite is imported when something compiles

        return Plan(self.lowered, config.backend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays: list[Any] = [None] * len(self.graph.inputs)
        for name, node, value in zip(self._parameters, self._arguments, self._bound(args, kwargs)):
            self._collect(node, value, name, arrays)
        return self.run(arrays)

    def run(self, arrays: Sequence[np.ndarray]) -> Any:
        """The results for the graph's inputs as a flat sequence, in the order of `inputs`."""
        if len(arrays) != len(self.graph.inputs):
            raise ArgumentError(
                f"{self.graph.name} takes {len(self.graph.inputs)} arrays", got=len(arrays), expected=", ".join(self.inputs)
            )
        sizes: dict[str, int] = {}
        given = [_checked(array, v.type, self._names[v], sizes) for array, v in zip(arrays, self.graph.inputs)]
        if self._conditions:
            known = all_sizes(sizes, quotients(self.graph))
            if not hold(self._conditions, known):
                raise ShapeError(f"{self.graph.name} was saved for other sizes", got=str(sizes),
                                 expected=", ".join(f"{a} {how} {b}" for how, a, b in self._conditions))  # fmt: skip
        with self._lock:
            plan = self._plan
        outputs = plan.run(given) if self.graph.outputs else []
        result = _assemble(self._results, outputs)
        return (result, {name: outputs[k] for name, k in self._written.items()}) if self._written else result

    def save(self, path: str | Path) -> None:
        """Write it again."""
        meta = {
            "parameters": self._parameters,
            "arguments": self._arguments,
            "results": self._results,
            "written": self._written,
            "conditions": [[how, str(left), str(right)] for how, left, right in self._conditions],
        }
        archive.write(Path(path), self.graph, meta)

    def __repr__(self) -> str:
        takes = ", ".join(f"{name}: {type}" for name, type in self.inputs.items())
        return f"<saved graph {self.graph.name}({takes}) -> {', '.join(map(str, self.outputs)) or 'nothing'}>"

    def __str__(self) -> str:
        return str(self.graph)

    def _bound(self, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
        names = self._parameters
        if len(args) > len(names):
            raise ArgumentError(f"{self.graph.name} takes {len(names)} arguments", got=len(args), expected=", ".join(names))
        out = list(args)
        given = dict(kwargs)
        for name in names[len(args) :]:
            if name not in given:
                raise ArgumentError(f"{self.graph.name} needs the argument {name!r}", expected=", ".join(names))
            out.append(given.pop(name))
        if given:
            raise ArgumentError(
                f"{self.graph.name} has no argument {next(iter(given))!r} left to give", expected=", ".join(names)
            )
        return out

    def _collect(self, node: Node, value: Any, name: str, arrays: list[Any]) -> None:
        """Put the arrays inside one argument where the graph takes them."""
        if "input" in node:
            arrays[node["input"]] = value
        elif "value" in node:
            if type(value) is not type(node["value"]) or value != node["value"]:
                raise ArgumentError(f"the argument {name!r} is part of the saved graph", got=repr(value),
                                    expected=repr(node["value"]), fix="save the function again with this value")  # fmt: skip
        elif "dict" in node:
            keys = [key for key, _ in node["dict"]]
            if not isinstance(value, dict) or set(value) != set(keys):
                raise ArgumentError(
                    f"the argument {name!r} has another structure", got=_outline(value), expected=f"a dict with {keys}"
                )
            for key, child in node["dict"]:
                self._collect(child, value[key], f"{name}[{key!r}]", arrays)
        else:
            children = _items(node)
            if not isinstance(value, (tuple, list)) or len(value) != len(children):
                raise ArgumentError(
                    f"the argument {name!r} has another structure", got=_outline(value), expected=f"{len(children)} values"
                )
            for k, child in enumerate(children):
                self._collect(child, value[k], f"{name}[{k}]", arrays)


def _outline(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with {list(value)}"
    return f"{len(value)} values" if isinstance(value, (tuple, list)) else type(value).__name__


def _condition(parts: Sequence[str]) -> Condition:
    how, left, right = parts
    if how not in COMPARISONS:
        raise GraphError(f"meta.json compares sizes by {how!r}", expected=", ".join(COMPARISONS))
    return how, read_size(left), read_size(right)


def _checked(value: Any, wanted: TensorType, name: str, sizes: dict[str, int]) -> np.ndarray:
    """The value as a contiguous array of exactly this type; only Python numbers and lists are converted. Notes its `sizes`."""
    data = unwrap(value)
    array = data if isinstance(data, (np.ndarray, np.generic)) and not wanted.weak else np.asarray(data, wanted.dtype)
    got = f"{array.dtype}{list(array.shape)}"
    if array.dtype != wanted.dtype:
        raise DTypeError(f"{name} is of another dtype than the saved graph takes", got=got, expected=wanted,
                         fix=f"{name}.astype({wanted.dtype.name!r})")  # fmt: skip
    shape = array.shape
    if len(shape) == len(wanted.shape):
        alone = {k: str(size) for k, size in enumerate(wanted.shape) if isinstance(size, Dim)}
        shape = tuple(sizes.setdefault(alone[k], size) if k in alone else size for k, size in enumerate(shape))
    if array.shape != tuple(evaluate(size, sizes) for size in wanted.shape) or shape != array.shape:
        raise ShapeError(f"{name} has another shape than the saved graph takes", got=got, expected=wanted,
                         fix="pad or split it, or save the function again with arguments of this size")  # fmt: skip
    return np.require(array, requirements=["C", "A"]).reshape(array.shape)  # require makes scalars rank 1


def _assemble(node: Node, outputs: Sequence[np.ndarray]) -> Any:
    if "output" in node:
        out, kind = outputs[node["output"]], node["kind"]
        return wrap(out) if kind == "tensor" else out if kind == "ndarray" else out[()] if kind == "scalar" else out.item()
    if "value" in node:
        return node["value"]
    if "dict" in node:
        return {key: _assemble(child, outputs) for key, child in node["dict"]}
    children = [_assemble(child, outputs) for child in _items(node)]
    return children if "list" in node else tuple(children)


def _items(node: Node) -> list[Node]:
    return node["list"] if "list" in node else node["tuple"]


def _check_tree(node: Any, leaf: str, size: int) -> None:
    """GraphError where meta.json describes arguments or results that the graph does not have."""
    if not isinstance(node, dict) or len(node.keys() & {leaf, "value", "dict", "tuple", "list"}) != 1:
        raise GraphError("meta.json describes a value that no graph has", got=repr(node)[:80])
    if leaf in node and not (isinstance(node[leaf], int) and 0 <= node[leaf] < size):
        raise GraphError(f"meta.json names {leaf} {node[leaf]!r}", expected=f"0 to {size - 1}")
    if leaf == "output" and leaf in node and node.get("kind") not in _KINDS:
        raise GraphError(f"meta.json gives a result the kind {node.get('kind')!r}", expected=", ".join(_KINDS))
    for child in [c for _, c in node.get("dict", [])] + node.get("tuple", []) + node.get("list", []):
        _check_tree(child, leaf, size)


# saving ---------------------------------------------------------------------------------------------------------------
def save(what: Decorated | Graph | Saved, path: str | Path, *args: Any, **kwargs: Any) -> None:
    """Write a traced call to one file, which `load` turns into a function where the code does not exist.

    Args:
        what: a decorated function, a graph such as `f.trace(...)` gives, or what `load` gave.
        path: where to; the file appears whole or not at all.
        args, kwargs: with a decorated function, the call to trace: arrays, or `Spec(shape, dtype)` for their types. Captured
            arrays (weights) are stored with the contents they have now; static arguments become part of the graph.

    A function is saved with the structure of its arguments and results (namedtuples come back as tuples). A graph is saved as a
    function of its inputs that returns its outputs: the results, then the new values of written arguments.

    Raises:
        ArgumentError: an argument or a result is of a class that exists only in the program that saves it.
        CompileError: the call cannot be compiled; the message says why.

    >>> import tempfile
    >>> @hy.function
    ... def scale(x, by):
    ...     return {"scaled": x * by}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hy.export.save(scale, f"{folder}/scale.hy", np.ones(3), 2.0)
    ...     hy.export.load(f"{folder}/scale.hy")(np.arange(3.0), 10.0)
    {'scaled': array([ 0., 10., 20.])}
    """
    if isinstance(what, Decorated):
        archive.write(Path(path), *pure_call(what.__hybrid__, args, kwargs))
        return
    if args or kwargs:
        raise ArgumentError(
            "a graph is saved as it is; only a decorated function takes arguments", got=f"{len(args) + len(kwargs)} arguments"
        )
    if isinstance(what, Graph):
        Saved(verify(what), {}).save(path)
    elif isinstance(what, Saved):
        what.save(path)
    else:
        raise ArgumentError("this cannot be saved", got=type(what).__name__, expected="a decorated function, or a graph",
                            fix="hybrid.function(f), then save(f, path, *args)")  # fmt: skip


def load(path: str | Path) -> Saved:
    """The function that a file holds. Nothing in the file is executed as Python.

    Raises:
        GraphError: the file is damaged, or of a format this version does not read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hy.export.save(hy.function(np.exp), f"{folder}/exp.hy", np.ones(3))
    ...     hy.export.load(f"{folder}/exp.hy")(np.zeros(3))
    array([1., 1., 1.])
    """
    graph, meta = archive.read(Path(path))
    try:
        return Saved(graph, meta)
    except (TypeError, AttributeError, ValueError) as error:
        raise GraphError(f"{path} is damaged: its meta.json does not fit its graph", got=str(error)) from error
