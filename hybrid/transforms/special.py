"""Partial derivatives of NumPy's and SciPy's elementwise functions that are host calls, in those functions themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core.scipyspecial import SIGNATURES
from hybrid.ir.primitive import ZERO_GRADIENT, Partials
from hybrid.ops.library import DERIVATIVES
from hybrid.ops.special import DERIVATIVES as NATIVE
from hybrid.transforms.composing import elementwise, hosted

ROOT_PI, ROOT_TWO_PI = math.sqrt(math.pi), math.sqrt(2 * math.pi)


def _special(name: str, *args: Any) -> Any:
    """A function of scipy.special, imported when first used."""
    import scipy.special

    return hosted(getattr(scipy.special, name), *args)


def _s(name: str) -> Callable:
    return lambda *args: _special(name, *args)


psi, gamma, log = _s("psi"), _s("gamma"), np.log
i0, i1, j0, j1, y0, y1, k0, k1 = map(_s, ("i0", "i1", "j0", "j1", "y0", "y1", "k0", "k1"))
i0e, i1e, k0e, k1e = map(_s, ("i0e", "i1e", "k0e", "k1e"))


def _away(x: Any) -> Any:
    """x, and 1 for 0."""
    return np.where(x == 0, 1.0, x)


def _normal(x: Any) -> Any:
    """The density of the normal distribution."""
    return np.exp(-0.5 * x * x) / ROOT_TWO_PI


def _exprel(y: Any, x: Any) -> Any:
    """(eˣ - y)/x, which for small x is cancelled and so taken from its series."""
    small = np.abs(x) < 0.03
    away = np.where(small, 1.0, x)
    series = 0.5 + x * (1 / 3 + x * (1 / 8 + x * (1 / 30 + x * (1 / 144 + x / 840))))
    return np.where(small, series, (np.exp(away) - y) / away)


def _boxcox(y: Any, x: Any, power: Any) -> Any:
    """d/dλ (x^λ - 1)/λ = (x^λ·log x - y)/λ, at zero log²x/2."""
    flat = power == 0
    away = np.where(flat, 1.0, power)
    return np.where(flat, 0.5 * log(x) ** 2, (x**power * log(x) - y) / away)


def _inv_boxcox(y: Any, x: Any, power: Any) -> Any:
    """d/dλ (λx + 1)^(1/λ), at zero -x²·eˣ/2."""
    flat = power == 0
    away = np.where(flat, 1.0, power)
    inside = away * x + 1
    return y * np.where(flat, -0.5 * x * x, x / (away * inside) - log(inside) / away**2)


# By name: a function of the result and the arguments for each argument; None where nobody wrote it down.
SPECIAL: dict[str, tuple[Callable | None, ...]] = {
    "gamma": (lambda y, x: y * psi(x),),
    "gammaln": (lambda y, x: psi(x),),
    "loggamma": (lambda y, x: psi(x),),
    "rgamma": (lambda y, x: -psi(x) * y,),
    "psi": (lambda y, x: _special("polygamma", 1, x),),
    "polygamma": (None, lambda y, n, x: _special("polygamma", n + 1, x)),
    "zeta": (None, lambda y, s, q: -s * _special("zeta", s + 1, q)),
    "beta": (lambda y, a, b: y * (psi(a) - psi(a + b)), lambda y, a, b: y * (psi(b) - psi(a + b))),
    "betaln": (lambda y, a, b: psi(a) - psi(a + b), lambda y, a, b: psi(b) - psi(a + b)),
    "betainc": (None, None, lambda y, a, b, x: np.exp((a - 1) * log(x) + (b - 1) * np.log1p(-x) - _special("betaln", a, b))),
    "gammainc": (None, lambda y, a, x: np.exp((a - 1) * log(x) - x - _special("gammaln", a))),
    "gammaincc": (None, lambda y, a, x: -np.exp((a - 1) * log(x) - x - _special("gammaln", a))),
    "poch": (lambda y, z, m: y * (psi(z + m) - psi(z)), lambda y, z, m: y * psi(z + m)),
    "binom": (
        lambda y, n, k: y * (psi(n + 1) - psi(n - k + 1)),
        lambda y, n, k: y * (psi(n - k + 1) - psi(k + 1)),
    ),
    "multigammaln": (lambda y, a, d: sum(psi(a - 0.5 * k) for k in range(d)), None),
    "factorial": (lambda y, n: y * psi(n + 1),),
    "erfinv": (lambda y, x: 0.5 * ROOT_PI * np.exp(y * y),),
    "erfcinv": (lambda y, x: -0.5 * ROOT_PI * np.exp(y * y),),
    "erfcx": (lambda y, x: 2 * x * y - 2 / ROOT_PI,),
    "erfi": (lambda y, x: 2 / ROOT_PI * np.exp(x * x),),
    "dawsn": (lambda y, x: 1 - 2 * x * y,),
    "wofz": (lambda y, z: -2 * z * y + 2j / ROOT_PI,),
    "ndtr": (lambda y, x: _normal(x),),
    "ndtri": (lambda y, p: ROOT_TWO_PI * np.exp(0.5 * y * y),),
    "log_ndtr": (lambda y, x: np.exp(-0.5 * x * x - y) / ROOT_TWO_PI,),
    "expit": (lambda y, x: y * (1 - y),),
    "logit": (lambda y, p: 1 / (p * (1 - p)),),
    "log_expit": (lambda y, x: _special("expit", -x),),
    "i0": (lambda y, x: i1(x),),
    "i1": (lambda y, x: i0(x) - np.where(x == 0, 0.5, y / _away(x)),),
    "i0e": (lambda y, x: i1e(x) - np.sign(x) * y,),
    "i1e": (lambda y, x: i0e(x) - np.where(x == 0, 0.5, y / _away(x)) - np.sign(x) * y,),
    "j0": (lambda y, x: -j1(x),),
    "j1": (lambda y, x: j0(x) - np.where(x == 0, 0.5, y / _away(x)),),
    "y0": (lambda y, x: -y1(x),),
    "y1": (lambda y, x: y0(x) - y / x,),
    "k0": (lambda y, x: -k1(x),),
    "k1": (lambda y, x: -k0(x) - y / x,),
    "k0e": (lambda y, x: y - k1e(x),),
    "k1e": (lambda y, x: y - k0e(x) - y / x,),
    "jv": (None, lambda y, n, x: 0.5 * (_special("jv", n - 1, x) - _special("jv", n + 1, x))),
    "yv": (None, lambda y, n, x: 0.5 * (_special("yv", n - 1, x) - _special("yv", n + 1, x))),
    "iv": (None, lambda y, n, x: 0.5 * (_special("iv", n - 1, x) + _special("iv", n + 1, x))),
    "kv": (None, lambda y, n, x: -0.5 * (_special("kv", n - 1, x) + _special("kv", n + 1, x))),
    "kn": (None, lambda y, n, x: -0.5 * (_special("kv", n - 1.0, x) + _special("kv", n + 1.0, x))),
    "yn": (None, lambda y, n, x: 0.5 * (_special("yv", n - 1.0, x) - _special("yv", n + 1.0, x))),
    "jve": (None, lambda y, n, x: 0.5 * (_special("jve", n - 1, x) - _special("jve", n + 1, x))),
    "kve": (None, lambda y, n, x: y - 0.5 * (_special("kve", n - 1, x) + _special("kve", n + 1, x))),
    "ive": (None, lambda y, n, x: 0.5 * (_special("ive", n - 1, x) + _special("ive", n + 1, x)) - np.sign(x) * y),
    "expn": (None, lambda y, n, x: -_special("expn", n - 1.0, x)),
    "hyp0f1": (None, lambda y, b, x: _special("hyp0f1", b + 1, x) / b),
    "ellipk": (lambda y, m: (_special("ellipe", m) / (1 - m) - y) / (2 * m),),
    "ellipe": (lambda y, m: (y - _special("ellipk", m)) / (2 * m),),
    "spence": (lambda y, x: np.where(x == 1, -1.0, log(x) / np.where(x == 1, 1.0, 1 - x)),),
    "expi": (lambda y, x: np.exp(x) / x,),
    "exp1": (lambda y, x: -np.exp(-x) / x,),
    "exprel": (lambda y, x: _exprel(y, x),),
    "log1p": (lambda y, x: 1 / (1 + x),),
    "expm1": (lambda y, x: np.exp(x),),
    "exp2": (lambda y, x: y * math.log(2),),
    "exp10": (lambda y, x: y * math.log(10),),
    "cosm1": (lambda y, x: -np.sin(x),),
    "cbrt": (lambda y, x: 1 / (3 * y * y),),
    "entr": (lambda y, x: -log(x) - 1,),
    "rel_entr": (lambda y, p, q: log(p / q) + 1, lambda y, p, q: -p / q),
    "kl_div": (lambda y, p, q: log(p / q), lambda y, p, q: 1 - p / q),
    "xlogy": (lambda y, x, z: np.where(z == 0, 0.0, log(_away(z))), lambda y, x, z: x / z),
    "xlog1py": (lambda y, x, z: np.log1p(z), lambda y, x, z: x / (1 + z)),
    "huber": (
        lambda y, d, r: np.where(np.abs(r) > d, np.abs(r) - d, 0.0),
        lambda y, d, r: np.clip(r, -d, d),
    ),
    "pseudo_huber": (
        lambda y, d, r: 2 * y / d - r * r / (d * np.hypot(1, r / d)),
        lambda y, d, r: r / np.hypot(1, r / d),
    ),
    "boxcox": (lambda y, x, power: x ** (power - 1), _boxcox),
    "inv_boxcox": (lambda y, x, power: y ** (1 - power), _inv_boxcox),
    "chdtr": (None, lambda y, v, x: 0.5 * np.exp((0.5 * v - 1) * log(0.5 * x) - 0.5 * x - _special("gammaln", 0.5 * v))),
    "lambertw": (lambda y, z, *rest: 1 / (np.exp(y) * (1 + y)),),
}  # fmt: skip
DERIVATIVES.update({f"scipy.special.{name}": elementwise(*partials) for name, partials in SPECIAL.items()})


def _native(partials: tuple[Callable | None, ...]) -> Partials:
    """The same derivative where machine code calls the function."""
    rule = elementwise(*partials).rule

    def called(y: Any, *xs: Any, function: str, signature: str) -> tuple:
        places = (("operand", k, "ndarray") for k in range(len(xs)))
        return rule(y, *xs, function=function, args=("list", *places), kwargs=("dict",))

    return Partials(called, singular=True)


NATIVE.update({name: _native(partials) for name, partials in SPECIAL.items() if name in SIGNATURES})
NATIVE["round"] = ZERO_GRADIENT

_FLAT = ("numpy.round", "numpy.spacing", "numpy.heaviside", "scipy.special.round")
DERIVATIVES.update(dict.fromkeys(_FLAT, ZERO_GRADIENT))
DERIVATIVES.update({
    "numpy.i0": elementwise(lambda y, x: i1(x)),
    "numpy.reciprocal": elementwise(lambda y, x: -y * y),
    "numpy.power": elementwise(lambda y, a, b: b * a ** (b - 1), lambda y, a, b: y * log(a)),
    "numpy.ldexp": elementwise(lambda y, x, n: np.ldexp(1.0, n), None),
    "math.ldexp": elementwise(lambda y, x, n: 2.0**n, None),
    "math.gamma": elementwise(lambda y, x: y * psi(x)),
    "math.remainder": elementwise(lambda y, a, b: np.ones_like(a), lambda y, a, b: (y - a) / b),
    "numpy.lib.scimath.sqrt": elementwise(lambda y, x: 0.5 / y),
    "numpy.lib.scimath.log": elementwise(lambda y, x: 1 / x),
    "numpy.lib.scimath.log2": elementwise(lambda y, x: 1 / (x * math.log(2))),
    "numpy.lib.scimath.log10": elementwise(lambda y, x: 1 / (x * math.log(10))),
    "numpy.lib.scimath.arcsin": elementwise(lambda y, x: 1 / np.cos(y)),
    "numpy.lib.scimath.arccos": elementwise(lambda y, x: -1 / np.sin(y)),
    "numpy.lib.scimath.arctanh": elementwise(lambda y, x: 1 / (1 - x * x)),
})  # fmt: skip
