"""Looking inside: every stage shows what it promises, explains itself, and changes nothing."""

import html.parser
import pickle
import re
import sys
import time
import warnings

import ml_dtypes
import numpy as np
import pytest

from hybrid.core.config import config
from hybrid.core.errors import ArgumentError, CompileError
from hybrid.core.spec import Spec
from hybrid.frontend.tensor import Tensor
from hybrid.frontend.values import wrap
from hybrid.ir import text
from hybrid.ir.graph import evaluate
from hybrid.staging.function import FallbackWarning, eager, function
from tests.tools import in_subprocess


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def train(x, w, v, rate):
    h = np.maximum(x @ w, 0)
    y = h @ v
    ordered = np.partition(y, 18, axis=-1)
    v -= rate * (h.T @ y)
    return {"loss": (ordered * ordered).mean(), "y": y}


def dense(x, w, v, rate):
    h = np.maximum(x @ w, 0)
    y = h @ v
    v -= rate * (h.T @ y)
    return (y * y).mean(), y


def data(rows=64):
    rng = np.random.default_rng(0)
    return (rng.standard_normal((rows, 48)).astype("f"), rng.standard_normal((48, 40)).astype("f") / 8,
            rng.standard_normal((40, 36)).astype("f") / 8, 0.01)  # fmt: skip


# specs ----------------------------------------------------------------------------------------------------------------
def test_a_spec_stands_for_an_array():
    f = function(softmax)
    graph = f.trace(Spec((4, 8), "float64"))
    x = np.random.default_rng(0).standard_normal((4, 8))
    np.testing.assert_allclose(evaluate(graph, x)[0], softmax(x))
    assert f.trace(x) is graph
    assert f.stats()["traces"] == 1 and f.stats()["calls"] == 0
    nested = function(lambda p, x: p["w"] * x + p["b"][0])
    assert str(nested.graph({"w": Spec(3), "b": [Spec(())]}, x=Spec(3)).inputs[0].type) == "f32[3]"


def test_specs_are_values():
    assert Spec(5) == Spec((5,), np.float32) == Spec([np.int64(5)]) and Spec(5) != Spec(5, "int32")
    assert {Spec((2, 3)): 1}[Spec((2, 3))] == 1 and pickle.loads(pickle.dumps(Spec(3, "bf16"))) == Spec(3, ml_dtypes.bfloat16)
    with pytest.raises(AttributeError, match="immutable"):
        Spec(3).shape = (4,)


@pytest.mark.parametrize(
    ("shape", "message"),
    [(("not a name", 784), "a name, or None"), ((-1,), "whole number"), (2.5, "whole number"), ((True,), "whole number")],
)
def test_bad_specs_say_what_is_wrong(shape, message):
    with pytest.raises(ArgumentError, match=message):
        Spec(shape)


# stages ---------------------------------------------------------------------------------------------------------------
def test_traced_and_simplified_graphs_mean_the_same():
    f, x = function(softmax), np.random.default_rng(1).standard_normal((3, 7)).astype("f")
    want = softmax(x)
    for graph in (f.trace(x), f.graph(x), text.parse(str(f.graph(x)))):
        np.testing.assert_allclose(evaluate(graph, x)[0], want, rtol=1e-6)
    assert f"test_inspect.py:{softmax.__code__.co_firstlineno + 1}" in str(f.trace(x))
    assert "kernel k0(" in f.loops(x) and "define internal i32 @k0(" in f.llvm(x)


def test_assembly_shows_vector_instructions():
    registers = re.compile(r"\b[xyz]mm\d+|\bv\d+\.[248]")
    lines = function(softmax).asm(Spec((64, 512))).splitlines()
    assert len([line for line in lines if registers.search(line)]) > 20
    assert not [line for line in lines if ".cfi_" in line]


def run_pasted(source, name):
    """The source in a process that cannot see the package."""
    module = {"__name__": "pasted"}
    assert "hybrid" not in source
    exec(compile(source, "pasted.py", "exec"), module)
    return module[name]


def test_numba_source_runs_when_pasted():
    x = np.random.default_rng(0).standard_normal((3, 8))  # so few rows that Numba's slow parallel compiler is not needed
    np.testing.assert_allclose(run_pasted(function(softmax).numba(x), "softmax")(x), softmax(x), rtol=1e-12)


@pytest.fixture
def interpreted(monkeypatch):
    """Numba's decorators leave functions as they are: the source runs, without seconds of compiling."""
    import numba

    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)


def test_numba_source_calls_matmul_and_writes(interpreted):
    f, (x, w, v, rate) = function(dense), data()
    source = f.numba(x, w, v, rate)
    assert source.count("import numpy as np") == 1 and source.count("def compensated_add(") <= 1
    mine, eagerly = v.copy(), v.copy()
    loss, y = run_pasted(source, "dense")(x, w, mine, rate)
    want_loss, want_y = dense(x, w, eagerly, rate)
    np.testing.assert_allclose(mine, eagerly, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(y, want_y, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss, want_loss, rtol=1e-5)


def test_numba_source_of_batches_of_matrices(interpreted):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 40, 36)), rng.standard_normal((3, 48, 36))
    f = function(lambda a, b: np.matmul(a, np.swapaxes(b, 1, 2)) + 1)
    np.testing.assert_allclose(run_pasted(f.numba(a, b), "program")(a, b), a @ b.swapaxes(1, 2) + 1)


def test_numba_source_of_strided_half_and_captured_arrays():
    base = np.arange(12, dtype=np.float16).reshape(2, 6)
    table = np.full((2, 3), 2, np.float16)
    narrow = np.arange(6).astype(ml_dtypes.bfloat16).reshape(2, 3)
    f = function(lambda x, y: ((x * table).max(), (y + y).max()))
    half, brain = run_pasted(f.numba(base[:, ::2], narrow), "program")(base[:, ::2], narrow, table)
    assert (half.dtype, half, brain.dtype, brain) == (np.float16, 20, ml_dtypes.bfloat16, 10)


def test_numba_source_names_what_numpy_computes():
    source = function(train).numba(*data())
    assert "Between the kernels NumPy computes: library (test_inspect.py:" in source and "def train(" not in source


# explain --------------------------------------------------------------------------------------------------------------
def test_explain_tells_what_happened():
    f, (x, w, v, rate) = function(train), data()
    for rows in (64, 64, 32):
        f(x[:rows], w, v, rate)
    said = f.explain()
    first = train.__code__.co_firstlineno
    assert "traced 2 times, called 3 times" in said
    assert "trace 1: train(x: f32[64,48], w: f32[48,40], v: f32[40,36], rate: float)\n  reason    first call" in said
    assert "trace 2: train(x: f32[n1,48]" in said and "reason    `x` changed f32[64,48] -> f32[n1,48]" in said
    assert re.search(rf"host +test_inspect.py:{first + 3} +numpy.partition runs as NumPy \(2 times, [\d.]+ µs each\): ", said)
    assert re.search(r"numpy.partition runs as NumPy \(once, [\d.]+ µs\): ", said)
    assert re.search(rf"g0\+k0 +test_inspect.py:{first + 1} +BLAS f32\[64,48\] @ f32\[48,40\], then max on its panels", said)
    assert "writes    `v`" in said and re.search(r"calls +1 by machine code alone, 1 through Python", said)
    assert re.search(r"times     passes [\d.]+ ms, lower [\d.]+ ms, compile [\d.]+ ms", said)
    counts = f.stats()
    assert (counts["traces"], counts["calls"], counts["host_calls"], counts["blas_calls"]) == (2, 3, 2, 6)


def test_explain_names_the_lines_a_kernel_covers():
    f = function(softmax)
    f(np.ones((4, 8)))
    first = softmax.__code__.co_firstlineno
    assert f"k0  test_inspect.py:{first + 1}-{first + 2}  reduce_max, sub, exp, sum, div over [4, 8]" in f.explain()
    assert "by machine code alone" in f.explain() and f.stats()["native_calls"] == 0
    f(np.ones((4, 8)))
    assert f.stats()["native_calls"] == 1


@pytest.mark.parametrize(("f", "shape", "why"), [
    (lambda x: x - x.mean(), (512, 512), "rows of 262144 elements leave the cache before they are read again"),
    (lambda x: x - x.mean(), (40000,), "1 row cannot keep the processors busy"),
    (lambda x: x - x.mean(axis=0), (64, 32), "a reduction over leading axes, or a write, has loops of its own"),
])  # fmt: skip
def test_explain_tells_why_kernels_are_apart(f, shape, why):
    g = function(f)
    g.loops(Spec(shape))
    assert f"apart from k0: {why}" in g.explain()
    with config.override(disable_passes="fuse"):
        assert "apart from k0: fusion is switched off" in g.explain()


def test_fallbacks_are_explained():
    @function
    def f(x, words):
        return x + len(words) if x.tobytes()[6] >= 0 else x

    with pytest.warns(FallbackWarning, match="runs as plain Python"):
        assert f(np.ones(3), "ab").tolist() == [3, 3, 3]
    assert "runs as plain Python: " in f.explain() and "test_inspect.py" in f.explain()
    assert len(f.stats()["fallbacks"]) == 1
    with pytest.raises(CompileError, match="needs a value"):
        f.loops(np.ones(3), "ab")
    with pytest.raises(CompileError, match="dtype <U1"):
        f.loops(np.array(["a"]), "ab")


# bind -----------------------------------------------------------------------------------------------------------------
def test_bind_makes_the_call_again_and_again():
    f, (x, w, v, rate) = function(dense), data()
    call = f.bind(x, w, v, rate)
    assert f.stats()["calls"] == 0
    copy = v.copy()
    for _ in range(2):
        got, want = call(), dense(x, w, copy, rate)
        np.testing.assert_allclose(got[1], want[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(v, copy, rtol=1e-4, atol=1e-5)
    x[:] = 0
    assert call()[0] == 0
    assert f.stats()["calls"] == 3
    assert type(function(softmax).bind(wrap(np.ones((2, 2))))()) is Tensor
    with pytest.raises(CompileError, match="not compiled"):
        function(lambda x: x.tobytes()).bind(np.ones(2))


# pictures -------------------------------------------------------------------------------------------------------------
VOID = {"meta", "rect", "path"}  # rect and path hold a title, or close themselves


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and gathers text by tag."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.attributes = [], {}, []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(text)


def test_html_is_one_whole_page():
    f, arguments = function(train), data()
    f(*arguments)
    text_ = f.html(*arguments)
    page = Page(text_)
    assert not [value for name, value in page.attributes if name in ("src", "href")] and "url(" not in text_
    everything = "".join(part for parts in page.texts.values() for part in parts)
    for expected in (
        "train(f32[64,48]",
        "ordered = np.partition(y, 18, axis=-1)",
        "kernel k",
        "dot_general",
        "called once",
        "define internal",
    ):
        assert expected in everything
    titles = page.texts["title"]
    assert any("f32[64,36]" in title and "test_inspect.py:" in title for title in titles)
    assert "prefers-color-scheme: dark" in text_


def test_html_without_source():
    module = {}
    exec("def double(x): return x + x", module)
    f = function(module["double"])
    assert "not in a file" in f.html(np.ones(3)) and Page(f.html(np.ones(3)))


def test_dot_is_graphviz():
    said = function(train).dot(*data())
    assert said.startswith('digraph "train" {') and said.endswith("}")
    assert said.count("{") - said.count("[{") == said.count("}") and said.count('subgraph "cluster ') == 5
    inside = [line for line in said.splitlines()[1:] if line.strip() not in ("}", "") and "subgraph" not in line]
    statement = re.compile(r'  +(node \[.*\]|label="[^"]*"|"[^"]+"( -> "[^"]+")? \[(\w+=("(\\.|[^"\\])*"|\w+)(, )?)+\])')
    assert [line for line in inside if not statement.fullmatch(line)] == []


# eager mode -----------------------------------------------------------------------------------------------------------
def traced_lines(call, code):
    """The lines of `code` that the interpreter itself runs during the call."""
    lines = []

    def tracer(frame, event, argument):
        if frame.f_code is code:
            lines.append(frame.f_lineno - code.co_firstlineno)
            return tracer
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        call()
    finally:
        sys.settrace(before)
    return [line for line in lines if line]


def test_eager_and_jit_make_plain_python_and_go_back():
    f, x = function(softmax), np.ones((4, 8))
    f(x)
    code = softmax.__code__

    def run():
        np.testing.assert_allclose(f(x), np.full((4, 8), 0.125))

    assert traced_lines(run, code) == []
    with eager():
        assert sorted(set(traced_lines(run, code))) == [1, 2]
        with eager():
            assert traced_lines(run, code)
        assert traced_lines(run, code)
    assert traced_lines(run, code) == []
    with config.override(jit=False):
        assert sorted(set(traced_lines(run, code))) == [1, 2]
        with eager():
            pass
        assert traced_lines(run, code)
    assert traced_lines(run, code) == []
    assert f.stats()["traces"] == 1


def test_breakpoints_stop_with_real_values(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: seen.append(sys._getframe(1).f_locals["y"].copy()))

    @function
    def f(x):
        y = x * 2
        breakpoint()
        return y + 1

    with eager():
        assert f(np.arange(3.0)).tolist() == [1, 3, 5]
    assert [type(y) for y in seen] == [np.ndarray] and seen[0].tolist() == [0, 2, 4]


def test_jit_off_from_the_environment():
    source = """
        import numpy as np
        from hybrid.staging.function import function
        @function
        def f(x):
            print(type(x).__name__)
            return x + 1
        f(np.ones(2)), f(np.ones(2))
    """
    assert in_subprocess(source, HYBRID_JIT="0").stdout.split() == ["ndarray", "ndarray"]


# the ladder -----------------------------------------------------------------------------------------------------------
LADDER = (
    "hybrid: traced scale(x: f32[8]): first call",
    "hybrid:   k0  ",
    "hybrid: graph\ngraph scale",
    "hybrid: loops\nkernel k0",
    "hybrid: LLVM\n",
    "hybrid: simplify: ",
)


@pytest.mark.parametrize("level", range(7))
def test_debug_ladder(level, capfd):
    def scale(x):
        return x * 2

    with config.override(debug=level):
        f, x = function(scale), np.ones(8, "f")
        f(x), f(x)
    out, said = capfd.readouterr()
    # Level 6 shows the graph after every pass, in the place of the last one.
    assert [mark in said for mark in LADDER] == (
        [True, True, False, True, True, True] if level == 6 else [k < level for k in range(6)]
    )
    assert said.count("hybrid: traced") == (level > 0) and out == ""


def test_debug_from_the_environment():
    source = "import numpy as np; from hybrid.staging.function import function; function(lambda x: x + 1)(np.ones(3))"
    said = in_subprocess(source, HYBRID_DEBUG="1").stderr
    assert re.fullmatch(r"hybrid: traced <lambda>\(x: f64\[3\]\): first call\nhybrid: called <lambda>: trace 1, \d+ µs\n", said)


def test_looking_warns_of_nothing_and_prints_nothing(capsys):
    f, arguments = function(train), data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for look in (f.trace, f.graph, f.loops, f.numba, f.llvm, f.asm, f.dot, f.html, f.verify):
            look(*arguments)
        f.explain(), f.stats()
    assert capsys.readouterr() == ("", "")


def test_traces_are_explained_in_the_order_they_were_made():
    f = function(lambda x, mode: x * 2 if mode == "twice" else x + 1)
    x = np.ones(3)
    for mode in ("twice", "more", "twice"):
        f(x, mode)
    reasons = re.findall(r"trace (\d): .*\n  reason    (.*)", f.explain())
    assert reasons == [("1", "first call"), ("2", "`mode` changed 'twice' -> 'more'")]


def test_code_without_source_says_so():
    space = {}
    exec("def f(x):\n    return x * 2 if x.sum() > 1 else x", space)
    f = function(space["f"])
    with pytest.warns(FallbackWarning, match=r"\(<string>:2, of which there is no source\)"):
        assert f(np.ones(2)).sum() == 4


def test_debug_says_every_call(capsys):
    f, x = function(softmax), np.ones((4, 8))
    with config.override(debug=1):
        for _ in range(3):
            f(x)
        with pytest.warns(FallbackWarning):
            function(lambda x: time.time() and x)(x)
    said = capsys.readouterr().err
    assert len(re.findall(r"hybrid: called softmax: trace 1, \d+ µs\n", said)) == 3
    assert "hybrid: called <lambda>: as plain Python, since it calls " in said
    f(x), f(x)
    assert f.traces[0].native_calls > 0 and not capsys.readouterr().err
    with config.override(debug=2):
        f(x)
    said = capsys.readouterr().err
    assert re.search(r"called softmax: trace 1, \d+ µs\nkernel +line +calls", said) and "calls     0" not in said
