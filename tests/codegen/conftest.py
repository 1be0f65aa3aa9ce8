"""Machine code for a kernel, called with arrays: what the tests of the code generators share."""

import ctypes
from dataclasses import replace

import pytest

from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.target import host
from hybrid.runtime import engine, threads
from hybrid.runtime import host as python


def plain_target():
    """This processor without AVX-512, so that loops end in a scalar tail."""
    target = host()
    features = [f if not f.startswith("+avx512") else "-" + f[1:] for f in target.features.split(",")]
    return replace(target, features=",".join(features), vector_bits=min(256, target.vector_bits))


@pytest.fixture(scope="session", params=["host", "no avx512"])
def target(request):
    return host() if request.param == "host" else plain_target()


@pytest.fixture(scope="session")
def compiled():
    """`compiled(kernel, target=None, parallel=None)`: a function of arrays and sizes that returns the kernel's code.

    `parallel` is LLVM text that defines `@hybrid_parallel`; the engine's own threads if None.
    """

    def build(kernel, target=None, parallel=None):
        target = target or host()
        text = emit_kernel(kernel, target)
        assert f"define internal i32 @{kernel.name}(" in text
        text = text.replace(f"define internal i32 @{kernel.name}(", f"define i32 @{kernel.name}(")
        imports = {}
        parts = [text]
        if "@hybrid_parallel" in text:
            parts.append(parallel or threads.SUPPORT)
            imports = {} if parallel else threads.symbols()
        objects = python.callbacks([kernel])
        if objects:
            imports |= python.symbols(objects)
        module = engine.load(engine.compile_object(emit_module(parts), target), (kernel.name,), imports, objects)
        types = [ctypes.c_void_p] * len(kernel.buffers) + [ctypes.c_int64] * len(kernel.symbols)
        make = ctypes.PYFUNCTYPE if objects else ctypes.CFUNCTYPE
        function = make(ctypes.c_int32, *types)(module.address(kernel.name))

        def call(*args):
            assert all(a.dtype == b.dtype for a, b in zip(args, kernel.buffers))
            return function(*(getattr(a, "ctypes", a) and (a.ctypes.data if hasattr(a, "ctypes") else a) for a in args))

        call.module = module
        return call

    return build
