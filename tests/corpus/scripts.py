"""Short scripts about what scalars, dtypes, views, strings, messages and printed lines do on their way through a function."""

import functools
import math
import operator

import numpy as np


def overflow_ladder(x, steps):
    acc = x
    seen = [acc]
    for _ in range(steps):
        acc = acc * acc + x
        seen.append(acc)
    total = functools.reduce(operator.add, seen)
    return seen[-1], total, x.dtype.type(3) * x


def mixed_promotion(a, b, k):
    s = a + b
    t = a * k
    u = (a > b.mean()) * b
    v = np.where(a > k, a, b)
    w = a / k if k else a
    return s, t, u, v, w, (a // 2, b % 2), -a, abs(b), a**2, np.sum(a), np.mean(b), np.prod(a[:3])


def python_numbers_out(x):
    n = len(x)
    first = x[0] if n else None
    return (
        n,
        first,
        float(x.sum()),
        int(x.max()) if n else -1,
        bool(x.any()),
        x.tolist(),
        x.shape,
        x.ndim,
        x.size,
        x.argmin().item() if n else 0,
        round(float(x.mean()), 3) if n else 0,
        max(x) if n else None,
        sum(x),
    )


def statistics_table(data, labels):
    lines = [f"{'name':<8}{'mean':>10}{'sd':>10}"]
    for name, col in zip(labels, data.T):
        lines.append(f"{name:<8}{col.mean():>10.3f}{col.std():>10.3e}")
        if np.isnan(col).any():
            lines.append(f"  !! {int(np.isnan(col).sum())} missing in {name!r}")
    text = "\n".join(lines)
    print(text)
    return len(text)


def print_progress(x, every):
    total = 0.0
    for k, v in enumerate(x):
        total += v
        if k % every == 0:
            print("step", k, "value", v, "total", total, sep=" | ", end=".\n")
    print(f"{total=:.4f}", x.dtype, x[:2])
    return total


def checked_input(x, weights=None, *, ddof=0, axis=None):
    x = np.asanyarray(x)
    if x.size == 0:
        raise ValueError("need at least one value")
    if weights is not None:
        weights = np.asarray(weights)
        if weights.shape != x.shape:
            raise ValueError(f"shapes {x.shape} and {weights.shape} differ")
        assert (weights >= 0).all(), f"negative weight {weights.min()}"
    mean = np.average(x, weights=weights, axis=axis)
    var = np.average((x - (mean if axis is None else np.expand_dims(mean, axis))) ** 2, weights=weights, axis=axis)
    n = x.size if axis is None else x.shape[axis]
    if n - ddof <= 0:
        raise ZeroDivisionError("degrees of freedom")
    return mean, var * n / (n - ddof)


def checked_with(x, weights, options):
    return checked_input(x, weights, **options)


def write_through_everything(a, b):
    rows = a[::2]
    flat = a.reshape(-1)
    rows += 1
    flat[::3] = -1
    a.T[0] *= 2
    view = a[1:, ::-1]
    view[view > b.mean()] = 0
    np.add(a[0], b, out=a[0])
    a[-1], b[:] = b.copy(), a[-1]
    np.copyto(b, 7, where=b > 3)
    return view, rows, flat.base is a, a.T


def swap_buffers(u, v, steps):
    cur, nxt = u, v
    for _ in range(steps):
        nxt[1:-1] = 0.5 * (cur[:-2] + cur[2:])
        nxt[0], nxt[-1] = cur[0], cur[-1]
        cur, nxt = nxt, cur
    return cur


def accumulate_into(acc, items, scale=1):
    for k, item in enumerate(items):
        if item is None:
            continue
        if isinstance(item, (int, float)):
            acc += item * scale
        elif isinstance(item, tuple):
            i, v = item
            acc[i] = v
        else:
            acc -= item
    return acc


def float_formats(x):
    return [f"{v:.3f}" for v in x], [str(v) for v in x], [repr(float(v)) for v in x], "%.2e" % x.sum(), f"{x.max():+g}"  # noqa: UP031


def nan_bookkeeping(x):
    finite = np.isfinite(x)
    with np.errstate(all="ignore"):
        logs = np.log(x)
        ratio = x / x[::-1]
        roots = np.sqrt(x)
    order = np.argsort(x)
    return (
        finite.sum(),
        np.nanmax(x),
        np.nan_to_num(logs),
        np.fmax(ratio, 0),
        np.sign(roots),
        order,
        np.minimum.reduce(x),
        np.nanmedian(x),
        x.max(),
        np.argmax(x),
        np.unique(x),
        np.sort(x)[::-1],
    )


def warned_division(x, y):
    q = x / y
    r = np.floor_divide(x, y)
    s = np.log(x)
    return q, r, s, x % y


def integer_division_signs(a, b):
    q, m = np.divmod(a, b)
    py = [(int(x) // int(y), int(x) % int(y), math.fmod(x, y)) for x, y in zip(a, b)]
    return q, m, py, a >> 1, np.left_shift(a, 2), ~a, a & b, a ^ 5, np.gcd(a, b)


def bytes_checksum(data, modulus=65521):
    buf = np.frombuffer(data, dtype=np.uint8)
    s1, s2 = 1, 0
    for byte in buf:
        s1 = (s1 + int(byte)) % modulus
        s2 = (s2 + s1) % modulus
    words = buf[: len(buf) // 2 * 2].view("<u2")
    return (s2 << 16) | s1, int(words.sum()) & 0xFFFF, data[:4].hex()


def parse_numbers(text, sep=","):
    rows = []
    for n, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        try:
            rows.append([float(t) for t in line.split(sep)])
        except ValueError as e:
            raise ValueError(f"line {n}: {e}") from e
    table = np.array(rows)
    return table.mean(axis=0), table.shape


def caesar_vector(text, key):
    codes = np.array([ord(c) for c in text])
    upper = (codes >= 65) & (codes <= 90)
    lower = (codes >= 97) & (codes <= 122)
    codes[upper] = (codes[upper] - 65 + key) % 26 + 65
    codes[lower] = (codes[lower] - 97 + key) % 26 + 97
    return "".join(chr(c) for c in codes)


def counter_closure(x, start=0):
    count = start

    def tick(v):
        nonlocal count
        count += 1
        return v * count

    out = [tick(v) for v in x]
    again = list(map(tick, x[:2]))
    return np.array(out), again, count


def default_argument_traps(x, seen=None, scale=np.float32(2)):
    if seen is None:
        seen = []
    seen.append(len(x))
    y = x * scale
    x += 1
    return y, seen, x.dtype == y.dtype


def nested_results(x):
    d = {"min": x.min(), "max": x.max(), "pair": (x[0], x[-1]), "all": x, "nested": {"mean": x.mean(), "rows": list(x[:2])}}
    d["range"] = d["max"] - d["min"]
    d.update(count=len(x), empty=None, text=f"{len(x)} values")
    return d


def find_first(x, target):
    try:
        k = x.tolist().index(target)
    except ValueError:
        return None
    else:
        if k == 0:
            return "first", x[k]
    finally:
        x[:1] = 0
    return k, x[k]


def dtype_chain(x, names):
    out = []
    for name in names:
        y = x.astype(name)
        z = y + y[:1]
        out.append((z, z.dtype.name, z.sum(), z.mean(), y.itemsize))
    return out


def scalar_kinds(a, n, flag):
    z = np.zeros(n)
    s = z.sum() + a
    if flag:
        s = int(s)
    k = np.int64(n)
    return (
        s,
        k / 2,
        k // 2,
        a * k,
        np.float32(a) * 2,
        np.float32(a) * np.float64(2),
        n**-1,
        flag + n,
        type(s).__name__,
        -flag,
        not flag,
        n << 2,
    )


def complex_plane(z, n):
    w = z.copy()
    for _ in range(n):
        w = w * w + z
        w[np.abs(w) > 2] = 2
    return w, w.real, w.imag.max(), np.angle(w), np.conj(w) * w, w == w.conj(), abs(w[0]), z.real is z.real, w.sum()


def broadcasting_errors(a, b):
    try:
        return a + b
    except ValueError as e:
        return str(e)


def outer_exceptions(x, mode):
    if mode == "index":
        return x[len(x)]
    if mode == "key":
        return {"a": x}["b"]
    if mode == "type":
        return x + "text"
    if mode == "attribute":
        return x.nothing
    if mode == "linalg":
        return np.linalg.inv(np.outer(x, x) * 0)
    if mode == "reshape":
        return x.reshape(7, -1)
    if mode == "concat":
        return np.concatenate([x, x[None]])
    if mode == "truth":
        return 1 if x > 0 else 0
    if mode == "cast":
        x += 0.5
        return x
    if mode == "axis":
        return x.sum(axis=2)
    if mode == "unpack":
        a, b = x
        return a, b
    if mode == "readonly":
        x.flags.writeable = False
        x[0] = 1
    return x.item()


def _modes(make):
    return [
        (make(), m)
        for m in (
            "index",
            "key",
            "type",
            "attribute",
            "linalg",
            "reshape",
            "concat",
            "truth",
            "cast",
            "axis",
            "unpack",
            "none",
            "readonly",
        )
    ]


CASES = {
    overflow_ladder: lambda r: [
        (np.array([3, 5], np.int8), 4),
        (np.array([7], np.uint16), 5),
        (np.array([2, -3]), 7),
        (np.array([1.5], np.float32), 9),
        (np.array([100, 3], np.int32), 0),
    ],
    mixed_promotion: lambda r: [
        (r.integers(-9, 9, 5), r.normal(size=5), 2),
        (r.integers(0, 9, 5).astype(np.int8), r.random(5, np.float32), 3),
        (r.integers(0, 9, 4).astype(np.uint8), r.integers(0, 9, 4).astype(np.int16), 2.5),
        (np.array([True, False]), np.array([1, 2], np.uint32), 1),
        (r.random(3, np.float32), r.integers(1, 9, 3), 0.1),
        (np.arange(3, dtype=np.uint8), np.arange(3), -1),
        (np.ones(2), np.ones(3), 1),
    ],
    python_numbers_out: lambda r: [
        (r.normal(size=6),),
        (r.integers(0, 9, 4),),
        (np.array([True, False]),),
        (np.array([]),),
        (r.random(3, np.float32),),
        (np.array([200, 100], np.uint8),),
    ],
    statistics_table: lambda r: [
        (r.normal(size=(6, 3)), ["a", "bb", "ccc"]),
        (np.array([[1.0, np.nan], [2.0, 3.0]]), "xy"),
        (np.zeros((2, 0)), []),
    ],
    print_progress: lambda r: [
        (r.normal(size=7), 3),
        (np.arange(4), 1),
        (r.random(3, np.float32), 2),
        (np.array([]), 1),
        (np.arange(3), 0),
    ],
    checked_with: lambda r: [
        (r.normal(size=6), None, {}),
        (r.normal(size=(3, 4)), r.uniform(size=(3, 4)), {"ddof": 1}),
        ([1, 2, 3], [1, 1, 2], {"ddof": 1}),
        ([], None, {}),
        (np.ones(3), np.ones(2), {}),
        (np.ones(2), np.array([1, -1.0]), {}),
        (np.ones(1), None, {"ddof": 1}),
        (r.normal(size=(3, 4)), None, {"axis": 1}),
        (np.ones(2), np.zeros(2), {}),
        (np.ones(2), None, {"axes": 1}),
    ],
    write_through_everything: lambda r: [
        (r.normal(size=(4, 3)), r.normal(size=3)),
        (np.arange(15).reshape(5, 3), np.array([4, 2, 9])),
        (np.asfortranarray(r.normal(size=(3, 3))), np.ones(3)),
        (r.random((2, 2), np.float32), np.ones(2, np.float32)),
    ],
    swap_buffers: lambda r: [
        (r.normal(size=8), np.zeros(8), 5),
        (r.normal(size=8), np.zeros(8), 4),
        (np.arange(5), np.zeros(5, int), 3),
        (np.ones(2), np.zeros(2), 1),
        (np.ones(3), np.zeros(3), 0),
    ],
    accumulate_into: lambda r: [
        (np.zeros(4), [1, 2.5, (2, 7), None, np.ones(4)]),
        (np.zeros(3), [(0, 1)], 2),
        (np.zeros(2, int), [1, (1, 5)]),
        (np.zeros(2, int), [0.5]),
        (np.zeros(2), []),
    ],
    float_formats: lambda r: [
        (r.normal(size=4) * 1e3,),
        (np.array([1, 20]),),
        (np.array([0.1, np.nan, -np.inf], np.float32),),
        (np.array([]),),
    ],
    nan_bookkeeping: lambda r: [
        (r.normal(size=7),),
        (np.array([1.0, np.nan, -np.inf, 0.0, -0.0, 2.0]),),
        (np.array([3, 1, 2, 1]),),
        (np.array([np.nan, 1], np.float32),),
        (np.array([]),),
    ],
    warned_division: lambda r: [
        (np.array([1.0, 0.0, -1.0]), np.array([0.0, 0.0, 2.0])),
        (np.array([1, 0, 7]), np.array([0, 0, -2])),
        (np.array([1.0]), np.array([2.0])),
        (np.array([0, 5], np.uint8), np.array([0, 2], np.uint8)),
    ],
    integer_division_signs: lambda r: [
        (r.integers(-50, 50, 9), r.integers(1, 9, 9)),
        (np.array([-7, 7, -7, 7]), np.array([2, -2, -2, 2])),
        (np.array([-128, 127], np.int8), np.array([-1, 3], np.int8)),
        (np.array([250, 7], np.uint8), np.array([7, 9], np.uint8)),
        (np.array([1]), np.array([0])),
    ],
    bytes_checksum: lambda r: [(b"hello, world",), (bytes(range(256)), 251), (b"",), (b"x",)],
    parse_numbers: lambda r: [("1,2\n# nothing\n3.5, 4e1 # tail\n",), ("1;2", ";"), ("1,2\n3,x\n",), ("",), ("1\n2,3",)],
    caesar_vector: lambda r: [("Hello, World", 3), ("xyz", -1), ("", 5), ("ABC", 29)],
    counter_closure: lambda r: [(r.normal(size=5),), (np.arange(3), 10), ([1.5],), (np.array([]),)],
    default_argument_traps: lambda r: [
        (r.normal(size=3),),
        (r.random(2, np.float32),),
        (np.arange(3), [5]),
        (np.array([], int),),
    ],
    nested_results: lambda r: [
        (r.normal(size=5),),
        (np.array([3]),),
        (np.array([]),),
        (np.array([True, False]),),
        (r.normal(size=(2, 2)),),
    ],
    find_first: lambda r: [(np.array([4, 2, 7]), 7), (np.array([4, 2]), 4), (np.array([1.5, 2.5]), 9), (np.array([]), 1)],
    dtype_chain: lambda r: [
        (r.normal(size=4) * 100, ["float32", "int8", "bool", "complex64"]),
        (r.integers(-300, 300, 5), ["uint8", "int16", "float16"]),
        (np.array([1e10, 3.0]), ["float32", "int64"]),
        (np.array([]), ["int32"]),
    ],
    scalar_kinds: lambda r: [
        (1.5, 3, True),
        (2, 4, False),
        (np.float32(0.1), 2, True),
        (True, 1, False),
        (np.int8(5), 0, False),
        (1j, 2, True),
        (math.nan, 1, True),
    ],
    complex_plane: lambda r: [
        (r.normal(size=4) + 1j * r.normal(size=4), 3),
        (np.array([1 + 1j], np.complex64), 2),
        (np.array([0j]), 0),
    ],
    broadcasting_errors: lambda r: [
        (np.ones(3), np.ones(3)),
        (np.ones(3), np.ones(4)),
        (np.ones((2, 3)), np.ones((3, 2))),
        (np.ones((2, 1)), np.ones(3)),
    ],
    outer_exceptions: lambda r: [
        *_modes(lambda: np.arange(3)),
        (np.array([5]), "none"),
        (np.array([5.0]), "truth"),
        (np.array([1, 2]), "unpack"),
        (np.arange(3.0), "cast"),
    ],
}
