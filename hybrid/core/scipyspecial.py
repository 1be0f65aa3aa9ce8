"""The C functions behind SciPy's special functions, which `scipy.special.cython_special` offers to compiled code.

They give what the ufuncs of the same names give, to the last bit, and take no GIL. Each has a signature
as its ufunc's loops have: d for float64, l for int64. To the loop language they are operations `scipy.NAME.SIGNATURE`, of
operands that are all float64, or all float32 where the signature has nothing but d.
"""

from __future__ import annotations

import ctypes
import importlib
import re
from functools import cache
from typing import Any

import numpy as np

from hybrid.core import dtype as dt

PREFIX = "scipy."

# By signature. Those that have operations of their own (erf, gammaln, …) are elsewhere. A thread in a kernel may not wait for
# the GIL: functions that take it to report an error where `scipy.special.seterr` asks for that are not here (betainc, stdtr,
# hyp1f1, …; erfinv does so outside of (-1, 1)), those that take it to warn of a fraction for integers only (bdtr, expn, kn).
_NAMES = {
    "d": """bei beip ber berp cosdg cotdg dawsn ellipe ellipk ellipkm1 erfcinv erfcx erfi erfinv exp1 expi gamma gammasgn i0
        i1 i1e it2struve0 itmodstruve0 itstruve0 j0 j1 k0 k0e k1 k1e kei keip ker kerp kolmogi kolmogorov log_ndtr
        loggamma ndtri ndtri_exp psi rgamma round sindg spence tandg wrightomega y0 y1 zetac""",
    "dd": """agm beta betaln binom boxcox1p chdtr chdtrc chdtri ellipeinc ellipkinc eval_chebyc eval_chebys eval_chebyt
        eval_chebyu eval_laguerre eval_legendre eval_sh_chebyt eval_sh_chebyu eval_sh_legendre gammainc gammaincc
        gammainccinv gammaincinv hyp0f1 inv_boxcox1p iv ive jv jve kv kve mathieu_a mathieu_b modstruve owens_t pdtr
        pdtrc poch stdtridf struve tklmbda yv yve""",
    "ddd": """bdtrik bdtrin besselpoly eval_gegenbauer eval_genlaguerre fdtridfd gdtr gdtrc gdtria gdtrib gdtrix hyperu
        log_wright_bessel lpmv nbdtrik nbdtrin nctdtridf nctdtrinc nrdtrimn nrdtrisd radian voigt_profile wright_bessel""",
    "dddd": "eval_jacobi eval_sh_jacobi hyp2f1 ncfdtridfd ncfdtridfn ncfdtrinc",
    "dld": "bdtr bdtrc bdtri",
    "ld": """eval_chebyc eval_chebys eval_chebyt eval_chebyu eval_hermite eval_hermitenorm eval_laguerre eval_legendre
        eval_sh_chebyt eval_sh_chebyu eval_sh_legendre expn kn pdtri smirnov smirnovi yn""",
    "ldd": "eval_gegenbauer eval_genlaguerre",
    "lddd": "eval_jacobi eval_sh_jacobi",
    "lld": "nbdtr nbdtrc nbdtri",
}
SIGNATURES: dict[str, tuple[str, ...]] = {}  # by function
for _signature, _words in _NAMES.items():
    for _name in _words.split():
        SIGNATURES[_name] = (*SIGNATURES.get(_name, ()), _signature)
# Their ufuncs compute in float32 what cython_special has in float64 alone.
WIDE_ONLY = frozenset(("bei", "beip", "ber", "berp", "it2struve0", "kei", "keip", "ker", "kerp"))
# These have a function of float32 of their own; for the others, float32 is computed in float64 and rounded, as their ufuncs do.
_OWN = frozenset(("erfinv",))
_TYPES = {"double": "d", "float": "f", "Py_ssize_t": "l", "long": "l" if ctypes.sizeof(ctypes.c_long) == 8 else "?"}
MODULE = "scipy.special.cython_special"

_name_of, _pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
_name_of.restype, _name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


def operation(function: str, signature: str) -> str:
    """The operation of the loop language that computes a function."""
    return f"{PREFIX}{function}.{signature}"


def parts(operation: str) -> tuple[str, str]:
    """The function and the signature of an operation."""
    function, signature = operation.removeprefix(PREFIX).split(".")
    return function, signature


def is_narrow(function: str) -> bool:
    """Whether there is a function of float32, too."""
    return function in _OWN


OPERATIONS = {operation(name, signature): len(signature) for name, known in SIGNATURES.items() for signature in known}


@cache
def capsule(function: str, signature: str) -> str | None:
    """The name in `cython_special.__pyx_capi__`; None where this SciPy has no such function. f in a signature: float32."""
    try:
        offered = importlib.import_module(MODULE).__pyx_capi__
    except (ImportError, AttributeError):
        return None
    fused = re.compile(rf"(?:__pyx_fuse_(?:\d+_)*\d+)?{function}")  # __pyx_fuse_0_1eval_legendre
    whole = ("float" if "f" in signature else "double", signature)
    for name, found in offered.items():
        if fused.fullmatch(name):
            result, _, taken = _name_of(found).decode().partition(" (")
            *kinds, last = taken.split(", ")
            if last == "int __pyx_skip_dispatch)" and (result, "".join(_TYPES.get(kind, "?") for kind in kinds)) == whole:
                return name
    return None


def available(function: str, signature: str, dtype: np.dtype) -> bool:
    """Whether machine code can call a function for operands of this dtype."""
    if dtype == dt.float64:
        return capsule(function, signature) is not None
    if function in WIDE_ONLY or "l" in signature:
        return False
    return capsule(function, "f" * len(signature) if is_narrow(function) else signature) is not None


def address(function: str, signature: str) -> int:
    """Where machine code finds a function, which takes an int (0) after its operands."""
    name = capsule(function, signature)
    found: Any = importlib.import_module(MODULE).__pyx_capi__[name]
    return _pointer_of(found, _name_of(found))


def call(function: str, signature: str, *arrays: Any) -> Any:
    """What the ufunc gives, by the loop of this signature."""
    given = (a.astype(np.int64) if kind == "l" else a for kind, a in zip(signature, arrays))
    return getattr(importlib.import_module("scipy.special"), function)(*given)
