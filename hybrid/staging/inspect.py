"""Looking inside a decorated function: every stage as text, what happened and why, and what it cost."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from hybrid.core import tree
from hybrid.core.errors import CompileError
from hybrid.core.spec import Spec
from hybrid.ir.graph import Graph
from hybrid.staging.fallback import Refusal
from hybrid.staging.parameters import Parameters

if TYPE_CHECKING:
    from hybrid.staging.compare import Verdict
    from hybrid.staging.compiled import Compiled


class Inspection:
    """The methods of a decorated function that show its stages.

    Each takes the arguments of a call, traces it if that has not happened, and runs nothing. `hybrid.Spec(shape, dtype)`
    may stand for an array.
    """

    _find: Callable[[tuple, dict], Any]
    traces: list[Compiled]
    _fallbacks: Mapping[Any, str]
    parameters: Parameters
    function: Callable

    # stages -----------------------------------------------------------------------------------------------------------
    def trace(self, *args: Any, **kwargs: Any) -> Graph:
        """The graph of this call before any pass. `hybrid.export.save(graph, path)` keeps it in a file.

        CompileError, as of all these: this call runs as plain Python; the message says why.

        >>> f = hy.function(lambda x: 2 * x)
        >>> len(f.trace(np.ones(3)).outputs)
        1
        """
        return self._compiled(args, kwargs)[0].traced.graph

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """The graph of this call after simplification.

        >>> f = hy.function(lambda x: 2 * x)
        >>> print(f.graph(np.ones(3)))  # doctest: +ELLIPSIS
        graph <lambda>(x: f64[3]) {
          t0: f64[3] = mul(f64(2.0), x)  # ...
          return t0
        }
        """
        return self._compiled(args, kwargs)[0].graph

    def loops(self, *args: Any, **kwargs: Any) -> str:
        """The fused kernels of this call as loops.

        >>> f = hy.function(lambda x: 2 * x)
        >>> print(f.loops(np.ones(3)))  # doctest: +ELLIPSIS
        kernel k0(x: in f64[3], t0: out f64[3])   # ...
          flat i0 < 3:
            t0[i0] = 2.0 * x[i0]
        """
        return str(self._compiled(args, kwargs)[0].lowered)

    def numba(self, *args: Any, **kwargs: Any) -> str:
        """This call as Numba source that runs as it stands: the kernels, and a function that calls them in order.

        >>> f = hy.function(lambda x: 2 * x)
        >>> "import numba" in f.numba(np.ones(3))
        True
        """
        return _listing().numba(self._compiled(args, kwargs)[0].lowered)

    def llvm(self, *args: Any, **kwargs: Any) -> str:
        """The kernels of this call as LLVM IR, before LLVM's own passes.

        >>> f = hy.function(lambda x: 2 * x)
        >>> "define" in f.llvm(np.ones(3))
        True
        """
        return _listing().llvm(self._compiled(args, kwargs)[0].lowered)

    def asm(self, *args: Any, **kwargs: Any) -> str:
        """The machine code of this call's kernels, as assembly for this machine.

        >>> f = hy.function(lambda x: 2 * x)
        >>> "ret" in f.asm(np.ones(3))
        True
        """
        return _listing().asm(self._compiled(args, kwargs)[0].lowered)

    def dot(self, *args: Any, **kwargs: Any) -> str:
        """The graph of this call in Graphviz's language, one cluster for each kernel.

        >>> f = hy.function(lambda x: 2 * x)
        >>> f.dot(np.ones(3)).startswith("digraph")
        True
        """
        from hybrid.staging.pictures import dot

        return dot(self._compiled(args, kwargs)[0].lowered)

    def html(self, *args: Any, **kwargs: Any) -> str:
        """A page with the source, graph, kernels and explanation of this call side by side, to be written to a file.

        >>> f = hy.function(lambda x: 2 * x)
        >>> "<html" in f.html(np.ones(3))
        True
        """
        from hybrid.staging.pictures import html

        compiled = self._compiled(args, kwargs)[0]
        return html(self, compiled, self.explain())

    # running ----------------------------------------------------------------------------------------------------------
    def bind(self, *args: Any, **kwargs: Any) -> Callable[[], Any]:
        """A function of no arguments that makes this call: compiled now, with what it returns and writes as usual.

        Array contents are read at every call, and arguments are checked as in any call.

        Raises:
            CompileError: this call runs as plain Python; the message says why.

        >>> f = hy.function(lambda x: 2 * x)
        >>> x = np.ones(2)
        >>> call = f.bind(x)
        >>> x += 1
        >>> call()
        array([4., 4.])
        """
        self._compiled(args, kwargs)
        return functools.partial(cast(Callable, self), *args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> Verdict:
        """Make this call undecorated and compiled, and compare what it returns and writes.

        Works on copies, so that nothing the caller holds is written.

        Returns:
            A report, true where they agree. Where they do not, it lists what differs, and names the first operation at
            which the compiled program parts from the graph evaluated op by op, with the user's line and the values.

        Raises:
            CompileError: this call runs as plain Python; the message says why.

        >>> f = hy.function(lambda x: 2 * x)
        >>> bool(f.verify(np.ones(3)))
        True
        """
        from hybrid.staging.compare import verify

        args, kwargs = tree.map_leaves(_concrete, (args, kwargs))
        return verify(self, self._compiled(args, kwargs)[0], args, kwargs)

    def debug(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the graph of this call operation by operation under pdb, on copies of the arguments.

        Each stop shows the user's line and the operation that is about to be computed. `p t3` and the names of the user's
        variables show values; `step`, `next`, `return`, `until`, `continue`, `break` and what only looks work as in pdb;
        `graph` shows the graph.

        Returns:
            What the call returns; None after `quit`.

        Raises:
            CompileError: this call runs as plain Python; the message says why.

        >>> f = hy.function(lambda x: 2 * x)
        >>> f.debug(np.ones(3))  # doctest: +SKIP
        > model.py(7)<lambda>()
        -> f = hy.function(lambda x: 2 * x)
           t0: f64[3] = mul(f64(2.0), x)
        (Pdb) continue
        array([2., 2., 2.])
        """
        from hybrid.staging.debugger import debug

        args, kwargs = tree.map_leaves(_concrete, (args, kwargs))
        return debug(self, self._compiled(args, kwargs)[0], args, kwargs)

    # what happened ----------------------------------------------------------------------------------------------------
    def stats(self) -> dict[str, Any]:
        """Counts over the traces it holds: traces, calls, kernels, BLAS and host calls, seconds spent compiling, fallbacks.

        >>> f = hy.function(lambda x: 2 * x)
        >>> y = f(np.ones(3)), f(np.ones(3))
        >>> f.stats()["traces"], f.stats()["calls"]
        (1, 2)
        """
        from hybrid.staging.report import host_calls

        traces = self.traces
        return {
            "traces": len(traces),
            "calls": sum(c.calls + c.native_calls for c in traces),
            "native_calls": sum(c.native_calls for c in traces),
            "kernels": sum(len(c.lowered.work) - len(c.lowered.products) for c in traces),
            "blas_calls": sum(len(c.lowered.products) for c in traces),
            "host_calls": sum(len(host_calls(c.lowered)) + len(c.lowered.python_calls) for c in traces),
            "compile_seconds": sum(sum(c.seconds.values()) for c in traces),
            "fallbacks": list(dict.fromkeys(self._fallbacks.values())),
        }

    def explain(self) -> str:
        """What was traced and why, what became which kernel, what runs on the host, and what runs as plain Python.

        >>> @hy.function
        ... def norm(x):
        ...     return np.sqrt((x * x).sum())
        >>> norm(np.ones(4)), norm(np.ones(9))
        (np.float64(2.0), np.float64(3.0))
        >>> print(norm.explain())  # doctest: +ELLIPSIS
        norm: traced 2 times, called 2 times
        trace 1: norm(x: f64[4])
          reason    first call
          3 equations, 3 after simplification: 1 kernel
          k0  ... mul, sum, sqrt over [4]
          calls     ...
          times     passes ... ms, lower ... ms, compile ... ms
        trace 2: norm(x: f64[n1])
          reason    `x` changed f64[4] -> f64[n1]
          ...
        """
        from hybrid.staging.report import explanation

        return explanation(self)

    def _compiled(self, args: tuple, kwargs: dict) -> tuple[Compiled, list]:
        found = self._find(args, kwargs)
        if isinstance(found, Refusal):
            raise CompileError(
                "this call is not compiled", got=found.reason, fix="f.eager(...) runs it as plain Python"
            ) from found.error
        return found


def _concrete(value: Any) -> Any:
    return value.zeros() if isinstance(value, Spec) else value


def _listing() -> Any:
    # The back ends come in when they are asked for, not with `import hybrid`.
    from hybrid.staging import listing

    return listing
