"""The machine that code is generated for: triple, processor, features, and the width of a vector register."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hybrid.core import forks
from hybrid.core.config import config
from hybrid.core.errors import CompileError

# Who calls LLVM holds this: a child of fork must not inherit it in the middle of another thread's work. Reentrant: a garbage
# collection inside may drop machine code.
LLVM = threading.RLock()
forks.free_in_child(LLVM)

# Feature that proves each width, by architecture. A narrower width than the processor has is always allowed.
_WIDTHS = {
    "x86_64": ((512, "avx512f"), (256, "avx"), (128, "sse2")),
    "aarch64": ((128, "neon"),),
}
# Attribute of functions that spend their time in loops of scalars, for LLVM to unroll, vectorise and schedule.
SCALAR_LOOPS = '"hybrid-scalar-loops"'


@dataclass(frozen=True)
class Target:
    """What the code generator and the engine must agree on. `features` is LLVM's list, `+avx2,-avx512f,…`."""

    triple: str
    cpu: str
    features: str
    vector_bits: int

    def lanes(self, dtype: np.dtype) -> int:
        """How many elements of `dtype` one vector register holds (a bool takes its byte of memory).

        >>> Target("x86_64-unknown-linux-gnu", "", "+avx2", 256).lanes(np.dtype("float32"))
        8
        """
        return max(1, self.vector_bits // (8 * dtype.itemsize))

    @property
    def key(self) -> str:
        """The identity of this target in cache keys."""
        return f"{self.triple}|{self.cpu}|{self.features}|{self.vector_bits}"

    def has(self, feature: str) -> bool:
        """Whether the processor has an LLVM feature, e.g. `"fma"` or `"avx512vl"`."""
        return f"+{feature}" in _listed(self.features)


@lru_cache
def _listed(features: str) -> frozenset[str]:
    return frozenset(features.split(","))


def host() -> Target:
    """This machine, with vectors of `config.vector_bits` or the widest it has. CompileError where it lacks that width."""
    return _host(config.vector_bits)


@lru_cache
def _host(vector_bits: int) -> Target:
    import llvmlite.binding as llvm

    with LLVM:
        triple, cpu, found = llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features()
    # The loader reads ELF on Windows too; COFF there has no support for freeing code.
    triple += "-elf" if os.name == "nt" else ""
    present = {name for name, on in found.items() if on}
    widest = widest_vector(triple, present)
    if vector_bits > widest:
        raise CompileError(f"this processor ({cpu}) has no {vector_bits}-bit vectors",
                           got=f"config.vector_bits = {vector_bits}", expected=f"at most {widest}",
                           fix="set config.vector_bits = 0 to use what the machine has")  # fmt: skip
    features = found.flatten()
    if (vector_bits or widest) == 512:
        # Some Intel models default to half their width; explicit 512-bit vectors must not be split.
        features += ",-prefer-256-bit"
    return Target(triple, cpu, features, vector_bits or widest)


def widest_vector(triple: str, features: set[str]) -> int:
    """The widest vector register in bits that these LLVM features prove; 128 where the architecture says nothing.

    >>> widest_vector("x86_64-unknown-linux-gnu", {"sse2", "avx", "avx2"})
    256
    """
    widths = _WIDTHS.get(triple.partition("-")[0].replace("arm64", "aarch64"), ())
    return next((bits for bits, feature in widths if feature in features), 128)
