"""Every float32 through every unary elementary function, as machine code, against float64.

    python tests/sweeps/sweep_float32.py [--stride N] [--threads N] [op ...]

Prints the worst error of each function in ULP and exits with 1 where one is above its bound. A full sweep takes some minutes
per function and thread.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import special

from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.loops.nest import Buffer, For, Kernel, Load, Store, op
from hybrid.runtime import engine

BOUND = 4.0  # what the project promises
CHUNK = 1 << 18
REFERENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh,
    "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "erf": special.erf,
    "erfc": special.erfc, "sigmoid": special.expit, "cbrt": np.cbrt,
}  # fmt: skip
# 1/ulp of float32 by the exponent field of a float64; subnormal results share the smallest ulp.
PER_ULP = 2.0 ** (23.0 - np.clip(np.arange(2048) - 1023, -126, 127))


def compile_unary(name: str) -> tuple[engine.Module, Callable[..., int]]:
    n, i = Dim.symbol("n"), Affine.var("i")
    body = (For("i", n, (Store("y", i, op(name, Load("x", i, dt.float32))),), "vector"),)
    kernel = Kernel("apply", (Buffer("x", dt.float32, n, "in"), Buffer("y", dt.float32, n, "out")), body)
    text = emit_kernel(kernel, host()).replace("define internal i32 @apply", "define i32 @apply")
    module = engine.load(engine.compile_object(emit_module([text]), host()), ("apply",), {})
    return module, ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(module.address("apply"))


def errors(result: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """ULP; infinite where a zero, infinity or NaN, or its sign, differs from the rounded float64 result."""
    rounded = exact.astype(np.float32)
    ulps = np.abs(result - exact) * PER_ULP[(exact.view(np.uint64) >> 52) & 2047]
    same = (result.view(np.uint32) == rounded.view(np.uint32)) | (np.isnan(result) & np.isnan(rounded))
    # One rounding away from the largest number or from zero is an ordinary error.
    largest = np.finfo(np.float32).max
    at_edge = np.isinf(rounded) & np.isfinite(exact) & (np.abs(result) == largest)
    at_edge |= np.isinf(result) & (np.abs(rounded) == largest)
    special_value = ~np.isfinite(rounded) | ~np.isfinite(result) | ((rounded == 0) & (exact == 0))
    return np.where(same & special_value, 0.0, np.where(at_edge, 1.0, np.where(special_value, np.inf, ulps)))


def sweep(name: str, stride: int, threads: int) -> tuple[float, float]:
    """(the worst error, its argument) over every `stride`-th float32."""
    module, function = compile_unary(name)
    reference = REFERENCES[name]

    def chunk(start: int) -> tuple[float, float]:
        stop = min(start + CHUNK * stride, 1 << 32)
        x = np.arange(start, stop, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)
        result = np.empty_like(x)
        function(x.ctypes.data, result.ctypes.data, x.size)
        with np.errstate(all="ignore"):
            found = errors(result, reference(x.astype(np.float64)))
        at = int(np.argmax(found))
        return float(found[at]), float(x[at])

    with ThreadPoolExecutor(threads) as pool:
        worst = max(pool.map(chunk, range(0, 1 << 32, CHUNK * stride)), key=lambda pair: pair[0])
    del module
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ops", nargs="*", choices=[[], *REFERENCES], metavar="op", help=", ".join(REFERENCES))
    parser.add_argument("--stride", type=int, default=1, help="test every N-th bit pattern")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    print(f"{'function':10}{'max ULP':>9}  at{'':22}{'seconds':>8}")
    failed = []
    for name in options.ops or REFERENCES:
        start = time.perf_counter()
        error, at = sweep(name, options.stride, options.threads)
        print(f"{name:10}{error:9.3f}  {at!r:24}{time.perf_counter() - start:8.0f}", flush=True)
        if not error <= BOUND:
            failed.append(name)
    if failed:
        print(f"above {BOUND} ULP: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
