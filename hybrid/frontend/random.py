"""Random numbers, `hy.random`: draws from a counted stream of words, the same in eager and in compiled code.

A generator is two integers: a key, which names a stream, and how many of its words were used. Word i is a keyed hash of i
(`ops/random.py`), so every number of a draw is computed by itself, on any thread, inside whatever kernel needs it; the draw
then moves the counter on, in place. Code that is traced captures the generator's array and writes it as any other array, so
each call of a compiled function draws afresh, in loops and branches too.

What the words become (`words.py`) is made of additions, products, roots and bits alone, which round the same everywhere.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError, DTypeError, TraceError
from hybrid.core.shape import Dim, Shape, Size, broadcast, product
from hybrid.frontend import integers as integers_
from hybrid.frontend import words as w
from hybrid.frontend.calls import bind, traced
from hybrid.frontend.creation import sizes, zeros
from hybrid.frontend.elementwise import cast, where
from hybrid.frontend.gathering import take
from hybrid.frontend.orders import argsort, cumsum
from hybrid.frontend.shaping import broadcast_to
from hybrid.frontend.signals import searchsorted
from hybrid.frontend.tensor import Tensor
from hybrid.frontend.values import concrete, shape_of, unwrap, wrap
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e
from hybrid.ops import random as r
from hybrid.ops import view as v

SEEDS = 0x9E3779B97F4A7C15  # the key of the stream whose words are the keys of seeds: the golden ratio's bits
BESIDE = 0xD1B54A32D192ED03  # what turns a key into that of the stream beside, for draws that take two words
BLOCK = 1 << 13  # words that an eager draw makes at a time: hashing them stays in a core's first cache


@dataclass(slots=True, eq=False, repr=False, weakref_slot=True)
class Generator:
    """A stream of random numbers, made by `default_rng`.

    A draw with a `size`, or with arrays for parameters, gives a tensor; any other a number as NumPy's generators do: a Python
    float, or a NumPy integer. `dtype` is float32 or float64; left out, the default float for tensors and float64 for numbers.

    Threads that draw from one generator at once may draw the same numbers: give each its own, by `spawn`.

    >>> hy.random.default_rng(1)
    <hybrid.random.Generator>
    """

    # Key and counter, uint64. A field, so that an argument that is a generator is known by this array: any will do for a trace.
    _state: Any

    def __repr__(self) -> str:
        return "<hybrid.random.Generator>"

    # the stream ---------------------------------------------------------------------------------------------------------
    @property
    def state(self) -> np.ndarray:
        """Key and number of words used, as a new array: assign it to go on from here once more.

        >>> rng = hy.random.default_rng(1)
        >>> before, first = rng.state, rng.random()
        >>> rng.state = before
        >>> rng.random() == first
        True
        """
        return np.array(concrete(self._held()))

    @state.setter
    def state(self, state: Any) -> None:
        if np.shape(state) != (2,) or np.asarray(state).dtype != np.uint64:
            raise ArgumentError("a generator's state is a key and a counter", got=state, expected="two uint64")
        self._held()[...] = wrap(np.array(state))

    def seed(self, seed: Any = None) -> None:
        """Begin the stream of a seed: a Python or NumPy integer from 0 to 2⁶⁴ - 1, or None for one from the system.

        >>> rng = hy.random.default_rng(1)
        >>> first = rng.random()
        >>> rng.seed(1)
        >>> rng.random() == first
        True
        """
        held = self._held()
        held[0] = _key_of(seed)
        held[1] = 0

    def spawn(self, n: int) -> list[Generator]:
        """n generators with streams of their own, which depend on this one's state.

        >>> [child.random(2).shape for child in hy.random.default_rng(1).spawn(2)]
        [(2,), (2,)]
        """
        (keys,) = self._words(operator.index(n))
        made = []
        for k in range(n):
            state = zeros(2, dt.uint64)
            state[0] = keys[k]
            made.append(Generator(state if tr.current() is not None else concrete(state)))
        return made

    def _held(self) -> Any:
        """The state as a tensor that can be read and written here."""
        state, trace = unwrap(self._state), tr.current()
        return wrap(state if trace is None or type(state) is not np.ndarray else trace.capture(state, "tensor", private=True))

    def _words(self, count: Size, wide: bool = False) -> tuple[Any, ...]:
        """The stream's next words, as a vector; `wide`: and as many of another stream, which no draw has to itself.

        In a trace they are tensors, else arrays.
        """
        held, trace = self._held(), tr.current()
        next(lifted.draws)
        if trace is not None:
            trace.streams.add(unwrap(held).cell)
        state = held if trace is not None else concrete(held)
        key, at = state[0], state[1]
        places = _places(trace, count) if trace is not None else np.arange(_known(count), dtype=np.uint64)
        words = tuple(bind(r.threefry, one, places + at) for one in ((key, key ^ BESIDE) if wide else (key,)))
        if trace is None:
            state[1] = (int(at) + _known(count)) % w.HALF**2
        else:
            state[1] = at + (cast(integers_.integer(trace, count), dt.uint64) if isinstance(count, Dim) else count)
        return words

    def _drawn(self, shape: Shape | None, dtype: np.dtype, make: Callable[..., Any], wide: bool = False) -> Any:
        """`make` of fresh words, as a tensor of the shape; None: as a number."""
        if shape is None:
            return _number(self._drawn((1,), dtype, make, wide).reshape(()))
        if tr.current() is not None:
            made = make(*self._words(product(shape), wide))
            return made if len(shape) == 1 else bind(v.reshape, made, shape=shape)
        count = _known(product(shape))
        if count <= BLOCK:
            return wrap(make(*self._words(count, wide)).reshape(shape))
        out = np.empty(count, dtype)
        for start in range(0, count, BLOCK):
            part = out[start : start + BLOCK]
            part[:] = make(*self._words(len(part), wide))
        return wrap(out.reshape(shape))

    # floats -------------------------------------------------------------------------------------------------------------
    def random(self, size: Any = None, dtype: Any = None) -> Any:
        """Uniform numbers in [0, 1): multiples of 2⁻⁵³, for float32 of 2⁻²⁴.

        >>> hy.random.default_rng(1).random(3, dtype="float64").shape
        (3,)
        """
        shape = _shape(size)
        own = _float(dtype, shape)
        return self._drawn(shape, own, lambda words: w.unit(words, own))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None) -> Any:
        """Uniform numbers in [low, high). `low` and `high` broadcast.

        >>> x = hy.random.default_rng(1).uniform(2.0, 3.0, 100)
        >>> x.shape, bool((x >= 2).all() and (x < 3).all())
        ((100,), True)
        """
        low, high = _given(low), _given(high)
        return low + (high - low) * self.random(_shape(size, low, high), dtype)

    def standard_normal(self, size: Any = None, dtype: Any = None) -> Any:
        """Normal numbers of mean 0 and variance 1: the normal quantile of a word.

        >>> hy.random.default_rng(1).standard_normal((2, 3)).dtype
        dtype('float32')
        """
        shape = _shape(size)
        own = _float(dtype, shape)
        return self._drawn(shape, own, lambda words: w.normal(words, own))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Any:
        """Normal numbers of mean `loc` and standard deviation `scale`. ValueError where `scale` is negative.

        >>> abs(hy.random.default_rng(1).normal(5.0, 0.1, 1000).mean().item() - 5) < 0.02
        True
        """
        loc, scale = _given(loc), _given(scale)
        _require(scale >= 0, "scale < 0")
        return loc + scale * self.standard_normal(_shape(size, loc, scale), dtype)

    def standard_exponential(self, size: Any = None, dtype: Any = None) -> Any:
        """Exponential numbers of mean 1: -log of a uniform number in (0, 1).

        >>> bool((hy.random.default_rng(1).standard_exponential(100) >= 0).all())
        True
        """
        shape = _shape(size)
        own = _float(dtype, shape)
        return self._drawn(shape, own, lambda words: -w.log(w.inner(words, own), own))

    def exponential(self, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Any:
        """Exponential numbers of mean `scale`. ValueError where it is negative.

        >>> hy.random.default_rng(1).exponential([1.0, 2.0]).shape
        (2,)
        """
        scale = _given(scale)
        _require(scale >= 0, "scale < 0")
        return scale * self.standard_exponential(_shape(size, scale), dtype)

    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Any:
        """Numbers of density e^(-|x - loc|/scale)/2·scale: an exponential number with a random sign.

        >>> hy.random.default_rng(1).laplace(size=3).shape
        (3,)
        """
        loc, scale = _given(loc), _given(scale)
        _require(scale >= 0, "scale < 0")
        shape = _shape(size, loc, scale)
        own = _float(dtype, shape)

        def signed(words: Any) -> Any:
            size = -w.log(w.inner(words << 1, own), own)
            return where(words >> 63 == 0, size, -size)

        return loc + scale * self._drawn(shape, own, signed)

    def logistic(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Any:
        """Numbers of distribution function 1/(1 + e^(-(x - loc)/scale)): log u - log(1 - u).

        >>> hy.random.default_rng(1).logistic(size=3, dtype="float64").dtype
        dtype('float64')
        """
        loc, scale = _given(loc), _given(scale)
        _require(scale >= 0, "scale < 0")
        shape = _shape(size, loc, scale)
        own = _float(dtype, shape)

        def odds(words: Any) -> Any:
            u = w.inner(words, dt.float64)  # float32 has no numbers close enough to 1
            return cast(w.log(u, dt.float64) - w.log(1.0 - u, dt.float64), own)

        return loc + scale * self._drawn(shape, own, odds)

    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Any:
        """Numbers of distribution function e^(-e^(-(x - loc)/scale)): -log of an exponential number.

        >>> hy.random.default_rng(1).gumbel(size=3).shape
        (3,)
        """
        loc, scale = _given(loc), _given(scale)
        _require(scale >= 0, "scale < 0")
        shape = _shape(size, loc, scale)
        own = _float(dtype, shape)

        def late(words: Any) -> Any:
            waited = -w.log(w.inner(words, dt.float64), dt.float64)  # as above
            return cast(-w.log(waited, dt.float64), own)

        return loc + scale * self._drawn(shape, own, late)

    def bernoulli(self, p: Any = 0.5, size: Any = None) -> Any:
        """True with probability p. ValueError where p is not within [0, 1].

        >>> hy.random.default_rng(1).bernoulli(1.0, 3)
        tensor([ True,  True,  True], dtype=bool)
        """
        p = _given(p)
        _require(p >= 0, "p < 0")
        _require(p <= 1, "p > 1")
        return self.random(_shape(size, p), dt.float64) < p

    # integers -----------------------------------------------------------------------------------------------------------
    def integers(self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False) -> Any:
        """Integers from low up to but without high (with it under `endpoint`); of one bound, from 0 up to it.

        Of n values it is number ⌊word·n/2⁶⁴⌋, or ⌊two words·n/2¹²⁸⌋ for n ≥ 2³²: no probability is off by more than 2⁻³² of
        itself, which all the words of a stream are too few to show.

        ValueError where there is none, DTypeError where `dtype` is no integer.

        >>> x = hy.random.default_rng(1).integers(1, 7, 100)
        >>> x.dtype, bool((x >= 1).all() and (x < 7).all())
        (dtype('int64'), True)
        """
        low, high = (0, _given(low)) if high is None else (_given(low), _given(high))
        own = dt.canonical(dtype)
        if not dt.is_integer(own):
            raise DTypeError("integers() makes integers", got=own, expected="an integer dtype")
        shape = _shape(size, low, high)
        if _is_integer(low) and _is_integer(high):
            low, high = operator.index(low), operator.index(high)
            count, info = high - low + endpoint, np.iinfo(own)
            if count <= 0:
                raise ValueError("low >= high" if not endpoint else "low > high")
            if low < info.min or low + count - 1 > info.max:
                raise ValueError(f"{'low' if low < info.min else 'high'} is out of bounds for {own}")
            return self._counted(shape, count, own, low % w.HALF**2)
        _require(high >= low if endpoint else high > low, "low > high" if endpoint else "low >= high")
        word, beside = self._words(product(shape or ()), wide=True)
        first, last = (_flat(x, shape or ()) for x in (low, high))
        n = last - first + int(endpoint)
        drawn = where(n == 0, word, where(n < w.HALF, w.counts(word, n), w.counts_wide(word, beside, n)))  # 0 stands for 2⁶⁴
        made = _tensor(cast(drawn + first, own)).reshape(shape or ())
        return made if shape is not None else _number(made)

    def _counted(self, shape: Shape | None, n: int, dtype: np.dtype, first: int = 0) -> Any:
        if n == w.HALF**2:
            return self._drawn(shape, dtype, lambda word: cast(word + first, dtype))
        if n < w.HALF:
            return self._drawn(shape, dtype, lambda word: cast(w.counts(word, n) + first, dtype))
        return self._drawn(shape, dtype, lambda a, b: cast(w.counts_wide(a, b, n) + first, dtype), wide=True)

    def randint(self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64) -> Any:
        """As `integers`, under the name of NumPy's older functions.

        >>> hy.random.default_rng(1).randint(5, size=4).shape
        (4,)
        """
        return self.integers(low, high, size, dtype)

    # orders -------------------------------------------------------------------------------------------------------------
    def permutation(self, x: Any) -> Any:
        """The numbers below x in random order, or a copy of an array with its rows in random order.

        >>> sorted(hy.random.default_rng(1).permutation(4).tolist())
        [0, 1, 2, 3]
        """
        if _is_integer(x):
            return _tensor(argsort(*self._words(operator.index(x))))
        x = x if isinstance(x, Tensor) else np.asarray(x)
        return take(x, _plain(argsort(*self._words(_known(shape_of(x)[0])))), axis=0)

    def shuffle(self, x: Any) -> None:
        """Bring the rows of an array into random order, in place. DTypeError where it is no array.

        >>> x = np.arange(4)
        >>> hy.random.default_rng(1).shuffle(x)
        >>> sorted(x.tolist())
        [0, 1, 2, 3]
        """
        if not isinstance(x, (Tensor, np.ndarray)):
            raise DTypeError("shuffle works in place", got=type(x).__name__, expected="an array or a tensor",
                             fix="permutation(x) gives a new array")  # fmt: skip
        held = wrap(x) if isinstance(x, np.ndarray) and tr.current() is None else x
        held[...] = self.permutation(x)

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Any:
        """Elements of an array (or numbers below an integer), with or without putting them back.

        Args:
            p: how likely they are, up to a factor; all the same if left out.

        Raises ValueError where there is nothing to choose from, or too little without putting back.

        >>> len(set(hy.random.default_rng(1).choice(5, 5, replace=False).tolist()))
        5
        """
        many = operator.index(a) if _is_integer(a) else _known(shape_of(a if isinstance(a, Tensor) else np.asarray(a))[0])
        shape = _shape(size)
        if many < 1:
            raise ValueError("a must not be empty")
        if p is not None:
            p = cast(p if isinstance(p, Tensor) else wrap(np.asarray(p)), dt.float64)
            if shape_of(p) != (many,):
                raise ValueError("'a' and 'p' must have same size")
            _require(p >= 0, "probabilities are not non-negative")
        if replace:
            at = self.integers(many, size=shape) if p is None else self._weighted(p, shape)
        else:
            count = _known(product(shape or ()))
            if count > many:
                raise ValueError("Cannot take a larger sample than population when replace is False")
            # Of clocks that ring at rates p the first ones are such a choice (Efraimidis and Spirakis 2006).
            order = argsort(_tensor(self._words(many)[0]) if p is None else self.standard_exponential(many, dt.float64) / p)
            at = order[:count].reshape(shape) if shape is not None else _number(order[0])
        return at if _is_integer(a) else take(a if isinstance(a, Tensor) else np.asarray(a), _plain(at), axis=0)

    def _weighted(self, p: Any, shape: Shape | None) -> Any:
        below = cumsum(p)
        _require(below[-1] > 0, "probabilities are all zero")
        at = searchsorted(below / below[-1], self.random(shape or (), dt.float64), side="right")
        return at if shape is not None else _number(at)


def default_rng(seed: Any = None) -> Generator:
    """A generator of its own stream; the same for the same seed, an integer from 0 to 2⁶⁴ - 1.

    `seed=None`: one from the system.

    >>> hy.random.default_rng(7).random() == hy.random.default_rng(7).random()
    True
    """
    made = Generator(zeros(2, dt.uint64) if tr.current() is not None else np.zeros(2, np.uint64))
    made.seed(seed)
    return made


def _key_of(seed: Any) -> Any:
    if seed is None:
        if tr.current() is not None:
            raise TraceError("a seed from the system is new at every call", fix="seed the generator outside", at=tr.user_line())
        seed = secrets.randbits(64)
    if _is_integer(seed) and 0 <= seed < w.HALF**2:
        return r.threefry.eval(np.uint64(SEEDS), np.uint64(seed))
    if not isinstance(seed, Tensor) or shape_of(seed) != () or not dt.is_integer(seed.dtype):
        raise ArgumentError("a seed is an integer", got=repr(seed)[:80], expected="0 to 2**64 - 1, or None")
    if dt.KIND[seed.dtype] == "i":
        _require(seed >= 0, "a seed is not negative")
    return bind(r.threefry, np.uint64(SEEDS), cast(seed, dt.uint64))


def _is_integer(x: Any) -> bool:
    return isinstance(x, (int, np.integer)) and not isinstance(x, (bool, Tensor))  # traced numbers claim to be numbers


def _float(dtype: Any, shape: Shape | None) -> np.dtype:
    own = dt.canonical(dtype, dt.float64 if shape is None else dt.default_float())
    if own not in (dt.float32, dt.float64):
        raise DTypeError("random floats are made in float32 or float64", got=own, fix="convert the result")
    return own


def _shape(size: Any, *operands: Any) -> Shape | None:
    """The shape of a draw; None for a number."""
    return sizes(size) if size is not None else broadcast(*map(shape_of, operands)) or None


def _plain(at: Any) -> Any:
    """Places as an array, so that what is taken there is of the class of what it is taken from."""
    return at if tr.current() is not None else concrete(at)


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Tensor) else wrap(x)


def _number(x: Any) -> Any:
    """A tensor of rank 0 as what NumPy draws without a size."""
    trace = tr.current()
    if trace is None:
        number = concrete(x)[()]
        return number.item() if dt.is_float(number.dtype) else number
    if dt.is_float(x.dtype):
        return integers_.python(trace, tr.read(unwrap(cast(x, dt.float64))))
    return wrap(trace.fresh(tr.read(unwrap(x)), "scalar"))


def _known(size: Size) -> int:
    """A size that must be a number: for one that varies, the trace is made for this one."""
    if isinstance(size, Dim):
        trace = tr.current()
        assert trace is not None
        raise trace.specialise("hybrid.random", size)
    return size


def _require(holds: Any, message: str) -> None:
    """ValueError where a parameter is out of bounds; in a trace Python raises it, to which the call goes then."""
    trace = tr.current()
    if trace is None or not isinstance(holds, Tensor):
        if not np.all(concrete(holds)):
            raise ValueError(message)
    else:
        trace.assume(tr.read(unwrap(holds.all())), message)


def _given(x: Any) -> Any:
    """A parameter as something to compute with: arrays from outside a trace are read at every call."""
    if isinstance(x, (list, tuple)):
        x = np.asarray(x)
    return traced(x) if isinstance(x, np.ndarray) and tr.current() is not None else x


def _flat(x: Any, shape: Shape) -> Any:
    """Integers for the elements of a shape, as a vector of words; one where they are all the same."""
    word = cast(x if isinstance(x, Tensor) else wrap(np.asarray(x)), dt.uint64)
    if shape_of(word) not in ((), shape):
        word = broadcast_to(word, shape)
    return word.reshape(-1)


def _places(trace: tr.Trace, count: Size) -> Any:
    """0 to count - 1 as words of a traced program."""
    return cast(wrap(trace.fresh(trace.one(e.iota, shape=(count,), axis=0), "tensor")), dt.uint64)


# The stream that functions without a generator share -----------------------------------------------------------------------
_shared = default_rng()
seed, random, uniform, integers, randint = _shared.seed, _shared.random, _shared.uniform, _shared.integers, _shared.randint
standard_normal, normal, laplace, logistic = _shared.standard_normal, _shared.normal, _shared.laplace, _shared.logistic
standard_exponential, exponential, gumbel = _shared.standard_exponential, _shared.exponential, _shared.gumbel
bernoulli, permutation, shuffle, choice = _shared.bernoulli, _shared.permutation, _shared.shuffle, _shared.choice


def rand(*shape: int, dtype: Any = None) -> Any:
    """Uniform numbers in [0, 1), the shape as arguments.

    >>> hy.random.rand(2, 3).shape
    (2, 3)
    """
    return random(shape, dtype)


def randn(*shape: int, dtype: Any = None) -> Any:
    """Standard normal numbers, the shape as arguments.

    >>> hy.random.randn(2, 3).shape
    (2, 3)
    """
    return standard_normal(shape, dtype)
