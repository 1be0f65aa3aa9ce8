"""`try` statements in full: several clauses, `else`, `finally`, in one another; errors that are raised once more."""

import contextlib
import math

import numpy as np
import pytest

import hybrid as hy

F = np.array([0.5, -1.0, 0.0, 2.5, -0.25, 4.0])
X, Y = np.array([3, 0, 2, 5, 0, 1, 0, 4]), np.array([0, 2, 0, 1, 3, 0, 0, 2])
SOME, ALL = {0: 1, 3: 1}, {0: 1, 1: 4, 2: 3, 3: 1, 4: 2, 5: 6}


class Bad(ValueError):
    pass


def two(x):
    total = 0.0
    for v in x:
        try:
            total += 1.0 / float(v) + math.log(float(v))
        except ZeroDivisionError:
            total -= 1.0
        except ValueError:
            total -= 10.0
    return total


def chained(keys, x, table):
    out = []
    for k, v in zip(keys, x):
        try:
            out.append(table[int(k)] // int(v))
        except ZeroDivisionError:
            out.append(-1)
        except KeyError:
            out.append(-2)
    return out


def one_expression(keys, table):
    out = []
    for k in keys:
        try:
            out.append(6 // table[int(k)])
        except ZeroDivisionError:
            out.append(-1)
        except IndexError:
            out.append(-2)
    return out


def loop_inside(a, b):
    total = 0
    try:
        for x, y in zip(a, b):
            total += int(x) // int(y)
    except ZeroDivisionError:
        return total, False
    return total, True


def fin(x):
    n = opened = 0
    for v in x:
        opened += 1
        try:
            if v < 0:
                continue
            if v > 3:
                break
            n += 1
        finally:
            opened -= 1
    return n, opened


def fin_return(x):
    calls = []

    def f(v):
        try:
            if v < 0:
                return -1.0
            return v * 2
        finally:
            calls.append(float(v))

    t = 0.0
    for v in x:
        t += f(v)
    return t, calls


def nested(x, y):
    total = 0
    for a, b in zip(x, y):
        try:
            try:
                q = int(a) // int(b)
            except ZeroDivisionError:
                q = int(b) // int(a)
        except ZeroDivisionError:
            q = -7
        total += q
    return total


def reraise(x, y):
    out, bad = [], 0
    for a, b in zip(x, y):
        try:
            try:
                q = int(a) // int(b)
            except ZeroDivisionError:
                bad += 1
                raise
        except ArithmeticError:
            q = -7
        out.append(q)
    return out, bad


def raise_from(x, y):
    out, bad = [], 0
    for a, b in zip(x, y):
        try:
            try:
                q = int(a) // int(b)
            except ZeroDivisionError as e:
                raise Bad("zero") from e
        except ValueError:
            bad += 1
            q = -7
        out.append(q)
    return out, bad


def raise_from_out(x, y):
    out = 0
    for a, b in zip(x, y):
        try:
            out += int(a) // int(b)
        except ZeroDivisionError as e:
            raise Bad("zero") from e
        except (KeyError, IndexError):
            raise
    return out


def helper_raises(x):
    def root(v):
        if v < 0:
            raise ValueError("negative")
        if v == 0:
            raise ZeroDivisionError
        return math.sqrt(v)

    total, neg, zero, good = 0.0, 0, 0, 0
    for v in x:
        try:
            r = root(v)
        except ValueError:
            neg += 1
        except ZeroDivisionError:
            zero += 1
        else:
            good += 1
            total += r
    return total, neg, zero, good


def ret_else(x):
    try:
        v = 1 / float(x[0])
    except ZeroDivisionError:
        return 0.0
    else:
        return v
    finally:
        x[1] = 5.0


def message(x):
    seen = []
    for v in x:
        try:
            if v < 0:
                raise ValueError("negative")
            seen.append("fine")
        except ValueError as e:
            seen.append(str(e))
    return seen


def messages(x):
    seen = []
    for v in x:
        try:
            if v < 0:
                raise ValueError("negative")
            if v == 0:
                raise ValueError("zero")
            seen.append("fine")
        except ValueError as e:
            seen.append(str(e))
    return seen


def writes_stay(x, y):
    out = np.zeros(3)
    for k in range(len(x)):
        try:
            out[0] += 1
            q = int(x[k]) // int(y[k])
            out[1] += q
        except ZeroDivisionError:
            out[2] += 1
    return out


def whiled(x, y):
    k = t = 0
    try:
        while 12 // int(y[k]) > 0:
            t += int(x[k])
            k += 1
    except (ZeroDivisionError, IndexError):
        t += 1000
    return k, t


def nextd(x, limit):
    try:
        return next(v for v in x if v > limit)
    except StopIteration:
        return -1.0


def expo(x):
    out = []
    for v in x:
        try:
            out.append(math.exp(float(v) * 300))
        except OverflowError:
            out.append(math.inf)
    return out


def powers(x):
    out = []
    for v in x:
        try:
            out.append(float(v) ** -400.5)
        except ZeroDivisionError:
            out.append(math.inf)
        except OverflowError:
            out.append(1e308)
    return out


def chol(a):
    jitter, tries = 0.0, 0
    while True:
        try:
            L = np.linalg.cholesky(a + jitter * np.eye(len(a)))
            break
        except np.linalg.LinAlgError:
            jitter = max(jitter * 10, 1e-6)
            tries += 1
    return L, tries


def solveit(a, b):
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(a, b, rcond=None)[0]


def parse(tokens):
    stack, bad = [], 0
    for t in tokens:
        try:
            if t == 0:
                b, a = stack.pop(), stack.pop()
                stack.append(a + b)
            elif t == 1:
                b, a = stack.pop(), stack.pop()
                stack.append(a // b)
            else:
                stack.append(int(t))
        except IndexError:
            bad += 1
        except ZeroDivisionError:
            bad += 100
    return stack, bad


def retry(x):
    total = 0
    for v in x:
        for attempt in range(3):
            try:
                if int(v) % 3 > attempt:
                    raise RuntimeError("again")
                total += attempt
                break
            except RuntimeError:
                continue
        else:
            total += 100
    return total


def newton_all(starts):
    def newton(x):
        for _ in range(20):
            f, d = x**3 - 2 * x - 5, 3 * x * x - 2
            if d == 0:
                raise ZeroDivisionError("flat")
            step = f / d
            x -= step
            if abs(step) < 1e-12:
                return x
        raise RuntimeError("no convergence")

    roots, failed, flat = [], 0, 0
    for s in starts:
        try:
            r = newton(s)
        except RuntimeError:
            failed += 1
        except ZeroDivisionError:
            flat += 1
        else:
            roots.append(r)
    return roots, failed, flat


class Account:
    def __init__(self, b):
        self.balance = b
        self.denied = 0

    def withdraw(self, v):
        if v > self.balance:
            self.denied += 1
            raise ValueError("insufficient")
        self.balance -= v


def bank(amounts):
    a, log = Account(10.0), []
    for v in amounts:
        try:
            a.withdraw(v)
        except ValueError:
            log.append(-1.0)
        else:
            log.append(a.balance)
        finally:
            a.denied += 10
    return log, a.denied


def searched(a):
    jitter, tried = 0.0, 0
    while True:
        try:
            lower = np.linalg.inv(a + jitter * np.eye(len(a)))
            break
        except np.linalg.LinAlgError as e:
            jitter += 0.5
            tried += len(str(e))
    return lower, tried


def caught_by_a_helper(x):
    def f(v):
        with contextlib.suppress(ValueError):
            if v < 0:
                raise ValueError("negative")
            return 1.0
        return 2.0

    def g(v):
        try:
            import math

            if v < 0:
                raise ValueError("negative")
            return math.exp(v)
        except ValueError:
            return 3.0

    total = 0.0
    for v in x:
        try:
            total += f(v) + g(v)
        except ValueError:
            total += 100.0
    return total


def done_by_a_helper(x):
    seen = []

    def f(v):
        try:
            return 6 // v
        finally:
            seen.append(v)

    total = 0
    for v in x:
        try:
            total += f(int(v))
        except ZeroDivisionError:
            total -= 1
    return total, seen


def named_again(x):
    e, out = 2.0, []
    for v in x:
        try:
            out.append(e / float(v))
        except ZeroDivisionError as e:
            out.append(str(e))
            return out
    return out


def left_from_the_end(x):
    total = 0
    for v in x:
        try:
            total += 6 // int(v)
        except ZeroDivisionError:
            total += 100
        finally:
            if v > 3:
                break  # noqa: B012
    return total


STRICT = [
    (two, [(F,), (F[:1],)]),
    (chained, [(X, Y, SOME), (X, Y, ALL), (Y, X, ALL)]),
    (one_expression, [(X, [1, 0, 3]), (Y, [0, 2])]),
    (loop_inside, [(X[1:2], Y[1:2]), (X[3:], Y[3:]), (X, Y)]),
    (fin, [(F,), (F[1:3],)]),
    (fin_return, [(F,), (F[:2],)]),
    (nested, [(X, Y), (Y, X)]),
    (reraise, [(X, Y), (Y, X)]),
    (raise_from, [(X, Y), (Y, X)]),
    (helper_raises, [(F,), (F[:2],)]),
    (ret_else, [(F,), (F[2:],)]),
    (message, [(F,), (F[:1],)]),
    (messages, [(F,), (F[:1],)]),
    (writes_stay, [(X, Y), (Y, X)]),
    (whiled, [(X, Y[3:]), (X, Y[1:2]), (X, Y)]),
    (nextd, [(F, 1.0), (F, 10.0)]),
    (expo, [(F,), (F[:2],)]),
    (powers, [(F**2,), (F[3:] ** 2,)]),
    (chol, [(np.eye(3),), (np.ones((3, 3)),)]),
    (searched, [(np.eye(3),), (np.ones((3, 3)),)]),
    (solveit, [(np.eye(3), np.ones(3)), (np.ones((3, 3)), np.ones(3))]),
    (parse, [(np.array([5, 6, 0, 0, 7, 0, 9, 3, 1, 0, 1]),), (np.array([0, 4, 0, 1]),)]),
    (retry, [(X,), (Y,)]),
    (newton_all, [(F,), (F[:2],)]),
]


def outcome(f, args):
    args = [x.copy() if isinstance(x, np.ndarray) else x for x in args]
    try:
        return repr((f(*args), args))
    except Exception as error:
        return repr(error), repr(error.__cause__)


@pytest.mark.parametrize("function, cases", STRICT, ids=[function.__name__ for function, _ in STRICT])
def test_compiled_as_a_whole(function, cases):
    compiled = hy.function(function, strict=True)
    for args in cases * 2:
        assert outcome(compiled, args) == outcome(function, args)


OTHERS = [
    (raise_from_out, [(X[3:4], Y[3:4]), (X, Y)]),
    (bank, [(F * 3,), (F,)]),
    (caught_by_a_helper, [(F,), (F[:1],)]),
    (done_by_a_helper, [(X,), (Y,)]),
    (named_again, [(F[:1],), (F,)]),
    (left_from_the_end, [(X,), (Y,)]),
]


@pytest.mark.parametrize("function, cases", OTHERS, ids=[function.__name__ for function, _ in OTHERS])
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_as_undecorated(function, cases):
    compiled = hy.function(function)
    for args in cases * 2:
        assert outcome(compiled, args) == outcome(function, args)
