"""Complaints about memory that compiled functions keep."""

import gc
import warnings
import weakref

import numpy as np

import hybrid as hy
from tests.tools import in_subprocess

X = np.arange(4.0)


# tensorflow/tensorflow#62854, #50765, #45016: memory grows with every function made and with every call
def test_functions_that_come_and_go_leave_memory_flat():
    done = in_subprocess("""
        import ctypes, gc, os, numpy as np, hybrid as hy
        x = np.arange(8.0)

        def resident():
            getattr(ctypes.CDLL(None), "malloc_trim", int)(0)  # what the allocator keeps for the next is free
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def cycle(count):
            for k in range(count):
                f = hy.function(lambda x: x + 1)
                f(x)
            gc.collect()

        cycle(700)
        before = resident()
        cycle(2000)
        print(resident() - before)
    """)
    assert int(done.stdout) < 2 << 20  # a kilobyte for each: ten thousand would have kept 10 MiB


# tensorflow/tensorflow#50765: memory grows with every call
def test_thousands_of_calls_leave_memory_flat():
    done = in_subprocess("""
        import gc, os, warnings, numpy as np, hybrid as hy
        warnings.simplefilter("ignore")
        x = np.arange(64.0)
        f = hy.function(lambda x, s: (x * s, x.sum(), {"a": x[::2]}))
        g = hy.function(lambda x: x.tolist())

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def calls(count):
            for k in range(count):
                f(x, float(k)), f(x[: k % 64], 1.0), g(x)
                try:
                    f(x, None)
                except TypeError:
                    pass
            gc.collect()

        calls(500)
        before = resident()
        calls(2500)
        print(resident() - before)
    """)
    assert int(done.stdout) < 2 << 20


# tensorflow/tensorflow#31175: what a bound method belongs to was kept for ever
def test_what_functions_were_called_with_is_let_go():
    class Model:
        def __init__(self):
            self.w = np.ones(4)

        @hy.function
        def forward(self, x):
            return x * self.w

    array = np.ones(4)
    f = hy.function(lambda x: x + 1)
    f(array)
    gone = weakref.ref(array)
    del array
    gc.collect()
    assert gone() is None
    with hy.config.override(max_traces=2), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that each model makes a trace of its own
        references = []
        for _ in range(12):
            model = Model()
            model.forward(X)
            references.append(weakref.ref(model))
        del model
        gc.collect()
        assert sum(reference() is not None for reference in references) <= 2 * 4


# pytorch/pytorch#120934: entries of one function
def test_traces_and_refusals_are_bounded():
    f = hy.function(lambda x, k: x + k)
    with hy.config.override(max_traces=8):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for k in range(50):
                f(np.ones((1,) * (k % 12 + 1)) if k % 3 == 0 else np.ones(k + 1), k)
        assert len(f.traces) <= 8 * 4 and len(f.stats()["fallbacks"]) <= 8
