"""In what compiled code is known to differ from NumPy, and why that stays; each with a call that shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.names.against import Operands


@dataclass(frozen=True)
class Known:
    """Expressions in which `pattern` is found, of operands of some dtypes and contents."""

    pattern: str
    dtypes: tuple[str, ...]
    reason: str
    text: str
    how: Operands

    def covers(self, text: str, how: Operands) -> bool:
        """Whether a difference of this expression is this one."""
        return bool(re.search(self.pattern, text)) and (how.dtype, how.contents) in [
            (d, self.how.contents) for d in self.dtypes
        ]


KNOWN = (
    Known(
        r"^np\.(around|round)\(a, -\d", ("uint32", "uint64", "int64"),
        "Rounded to tens, the greatest integers become floats beyond their dtype, which C casts to anything: NumPy's loop for "
        "neighbouring elements and that for others give different numbers. Ours gives the same for both.",
        "np.around(a, -1)", Operands("uint32", (2, 3, 4), "strided", "special"),
    ),
    Known(
        r"^np\.(minimum|maximum)\b", ("float16",),
        "Of a zero and a negative zero NumPy's loop for float16 keeps the first, those for float32 and float64 do not. Ours "
        "computes float16 as float32.",
        "np.maximum.outer(a, b)", Operands("float16", (2, 3, 4), "strided", "special"),
    ),
    Known(
        r"^np\.(quantile|percentile)\(a, w", ("float16", "float32"),
        "Where an element is NaN and q a number, NumPy gives that element, and otherwise a float64 as q is. Ours has one dtype "
        "whatever the values are.",
        "np.quantile(a, w.ravel()[0] / 8)", Operands("float32", (2, 3, 4), "strided", "special"),
    ),
    Known(
        r"^np\.inner\(a, b\)", ("float32", "float64"),
        "A product beyond the greatest number meets an infinity of the other sign: NumPy's BLAS multiplies and adds at once, "
        "and keeps the infinity; ours rounds the product to an infinity first, and gives NaN.",
        "np.inner(a, b)", Operands("float64", (2, 3, 4), "C", "special"),
    ),
    Known(
        r"^np\.(nan)?prod\(a, axis=\(", ("float16", "float32", "float64", "complex64", "complex128"),
        "A product of the greatest numbers is infinite, and NaN with a zero after it; with the zero first it is 0. NumPy "
        "multiplies in the order of the memory, ours in that of the axes.",
        "np.nanprod(a, axis=(0, -1))", Operands("float32", (2, 3, 4), "F", "special"),
    ),
)  # fmt: skip
