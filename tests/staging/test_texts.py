"""Texts made of values that only a run knows: returned, joined, chosen, in lists and printed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.core.errors import HybridError
from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(6).random(9)


class Report:
    def __init__(self, value, text):
        self.value, self.text = value, text


def described(x):
    return f"n={len(x)} mean={x.mean():.3f} most={x.max():>8.2f} {int(x.sum())!r:>4}"


def in_other_notations(x):
    percent = "mean is %.2f (%d of %s), 100%%" % (x.mean(), len(x), "a")  # noqa: UP031
    return {"text": percent, "more": "{:.1e} and {}".format(x.sum(), 3)}  # noqa: UP032


def or_another(x):
    rank = int((x > 0.5).sum())
    return rank, f"rank {rank} of {len(x)}" if rank else "none"


def of_a_loop(x):
    message, product = "did not converge", 1.0
    for k in range(len(x)):
        product = product * x[k]
        if product < 1e-3:
            message = f"converged in {k} steps, {product:.2e}"
            break
    return product, message


def of_several_ways(x):
    if x[0] > 0.9:
        level = f"high {x[0]:.2f}"
    elif x[0] > 0.5:
        level = f"middling {x[0]:.2f}"
    else:
        level = "low"
    return "it is " + level + "!"


def in_an_object(x):
    report = Report(x.sum(), f"sum {x.sum():.1f}")
    return report.value, report.text


def kept_and_asked(x):
    words = f"{x.sum():.2f}"
    more = "<%s>" % words  # noqa: UP031
    return more if isinstance(words, str) and type(words) is str else 0, (words, [more + words])


def parts(x):
    k, word = int((x > 0.5).sum()), "abracadabra"
    best = ""
    for i in range(len(x)):
        if x[i] > 0.5:
            best = word[i : i + k]
    return word[k:], word[-k:] + "!", word[k - 3 : k], best, [word[: int(9 * v)] for v in x]


def lines(x):
    out = ["begin"]
    for i, v in enumerate(x):
        if v > 0.5:
            out.append(f"{i:3d} {{{v:8.4f}}}")
        else:
            out.append("small")
    out.append(f"total {x.sum():.3f}")
    return out


def joined(x):
    found = []
    for i, v in enumerate(x):
        if v > 0.5:
            found.append(f"{i}: {v:.2f}")
    return "\n".join(found), ", ".join(f"{v:.2f}" for v in x), "".join("1" if v > 0.5 else "0" for v in x)


def joined_iterators(x):
    letters, seen = [], {}
    for v in x:
        letters.append("b" if v > 0.5 else "ac")
        seen["low" if v < 0.3 else "high"] = 1
    turned = "".join(reversed(letters)), ".".join(map(str, range(len(letters)))), "-".join(str(int(9 * v)) for v in x)
    return *turned, "+".join(seen), "".join(seen.keys())


def joined_generators(x):
    big, between = [], ";"
    for v in x:
        if v > 0.25:
            big.append(int(97 * v))
    hexadecimal = "".join(f"{k:02x}" for k in big), between.join("%03d" % k for k in big if k % 2)  # noqa: UP031
    return *hexadecimal, ",".join(f"{k}" for _ in range(2) for k in big), ".".join(t for t in ("a", f"{x[0]:.1f}"))


def numbered(x):
    n = int(x.sum())
    return str(n) + " items", "k" + str(n), " ".join(["a", f"{x[0]:.2f}", "c"])


def values_of_a_dict(x):
    out = {}
    for i in range(len(x)):
        out[i] = f"{x[i]:.2f}"
    return out


def keys_of_counters(x):
    out = {}
    for i in range(6):
        out[f"k{i}"] = x[i]
    return out


@pytest.mark.parametrize("x", [X, np.array([0.95, 0.1, 0.2, 0.3, 0.9, 0.8]), np.array([0.6, 0.2, 0, 0, 1, 0.4]), np.zeros(7)])
@pytest.mark.parametrize(
    "f",
    [
        described, in_other_notations, or_another, of_a_loop, kept_and_asked, of_several_ways, in_an_object, lines, joined,
        joined_iterators, joined_generators, numbered, parts, values_of_a_dict, keys_of_counters,
    ],
)  # fmt: skip
def test_texts_are_as_python_writes_them(f, x):
    strict = function(f, strict=True)
    for _ in range(2):
        assert alike(strict(x), f(x))


def test_printed_texts_may_have_names(capsys):
    def f(x):
        message = f"sum {x.sum():.2f}"
        print(message, x[0] > 0.5)
        print(f"<{message}>")
        return x[0]

    f(X)
    want = capsys.readouterr().out
    function(f, strict=True)(X)
    assert capsys.readouterr().out == want


def all_digits(x):
    return f"{x.sum()}"


def many_digits(x):
    return f"{x.sum():.9f}"


def few_digits_of_float32(x):
    return f"{x.astype(np.float32).sum():.3f}"


def asked(x):
    return len(f"{x.sum():.3f}"), f"{x.sum():.3f}" == "1.000"


def read_by_python(x):
    try:
        return float(f"{x.sum():.3f}")
    except Exception:
        return -1.0


@pytest.mark.parametrize("f", [all_digits, many_digits, few_digits_of_float32, asked, read_by_python])
def test_what_hangs_on_the_last_digits_is_pythons(f):
    with pytest.raises(HybridError, match="text"):
        function(f, strict=True)(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert function(f)(X) == f(X)


def test_errors_have_their_words():
    def f(x):
        if x.sum() > 3:
            raise ValueError(f"the sum is {x.sum():.2f}")
        return x

    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert alike(decorated(X / 9), f(X / 9))
        with pytest.raises(ValueError, match=f"^the sum is {X.sum():.2f}$"):
            decorated(X)
