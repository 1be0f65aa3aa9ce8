"""The traces that a decorated function keeps, the least recently used first, and the native entries in front of it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from hybrid.core.config import config
from hybrid.staging import aside
from hybrid.staging.parameters import Parameters

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled, Form, Made
    from hybrid.staging.entry import Dispatcher


class Keeps:
    """The part of a decorated function that keeps its traces."""

    parameters: Parameters
    lock: threading.RLock
    _traces: OrderedDict[Any, Compiled]
    _dispatcher: Dispatcher | None

    @property
    def traces(self) -> list[Compiled]:
        """All traces it holds, the least recently used first.

        >>> f = hy.function(lambda x: 2 * x)
        >>> y = f(np.ones(3))
        >>> [trace.reason for trace in f.traces]
        ['first call']
        """
        return [c for known in list(self._traces.values()) for c in (*reversed(known.variants), known)]

    def _promote(self, key: Any, fitting: Compiled) -> Compiled:
        """Put the trace that fits what the function reads now before its variants."""
        known = self._traces[key]
        if fitting is not known:
            fitting.variants = tuple(c for c in (known, *known.variants) if c is not fitting)
            known.variants = ()
            self._traces[key] = fitting
        return fitting

    def _touch(self, key: Any, compiled: Compiled) -> None:
        if next(reversed(self._traces.values())) is compiled:
            return
        with self.lock:
            if key in self._traces:
                self._traces.move_to_end(key)

    def _drop(self) -> None:
        """Let go of the least recently used trace beyond the limit; native calls count as use."""
        while len(self._traces) > config.max_traces:
            for _ in range(len(self._traces) - 1):
                key, compiled = next(iter(self._traces.items()))
                if not compiled.used_natively():
                    break
                self._traces.move_to_end(key)
            _, dropped = self._traces.popitem(last=False)
            self._remove(dropped)

    def _remove(self, compiled: Compiled) -> None:
        for variant in (compiled, *compiled.variants):
            for made in variant.entries.values():
                if self._dispatcher and made:
                    self._dispatcher.remove(made[0])

    def _push(self, compiled: Compiled, form: Form) -> None:
        """Put a native entry for calls of this form in front, if they can have one."""
        with self.lock:
            if form in compiled.entries:
                return
            order = self.parameters.order(*form) if self._dispatcher is not None else None
            made = None if order is None else compiled.make_entry(form, order)
            if made is not None:
                aside.put_in_front(self, made)  # type: ignore[arg-type]  # a decorated function

    def entries(self) -> list[Made]:
        """All native entries, in the order in which they come in front of each other."""
        return [made for compiled in self.traces for made in compiled.entries.values() if made]

    def put_in_front(self, made: Made) -> None:
        """Let this entry take the calls that fit it before the others."""
        if self._dispatcher is not None:
            self._dispatcher.push(made[1], made[0])

    def withdraw(self) -> None:
        """Take all native entries out of the way."""
        if self._dispatcher is not None:
            self._dispatcher.clear()
