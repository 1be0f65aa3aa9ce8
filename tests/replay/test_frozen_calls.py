"""More values that a compiled function kept: behind functions and their arguments, in the users' own containers."""

import sys
import types
import weakref
from collections import UserDict, namedtuple
from contextvars import ContextVar

import numpy as np
import pytest

import hybrid as hy
from tests.replay.test_frozen import follows

X = np.arange(4.0)
K = 2.0
CONTEXT: ContextVar = ContextVar("CONTEXT", default=2.0)


def reads_global(x):
    return x * K


def set_global(monkeypatch, value=5.0):
    return lambda: monkeypatch.setattr(sys.modules[__name__], "K", value)


# pytorch/pytorch#93782: a function that is an argument, and what it reads
def test_functions_as_arguments(monkeypatch):
    follows(lambda f, x: f(x) + 1, set_global(monkeypatch), reads_global, X)


def test_closures_as_arguments():
    k = 2.0

    def inner(x):
        return x * k

    def change():
        nonlocal k
        k = 3.0

    follows(lambda f, x: f(x) + 1, change, inner, X)


def test_functions_in_containers_that_are_arguments(monkeypatch):
    follows(lambda fs, x: fs[0](x) + fs[1]["a"](x), set_global(monkeypatch), [reads_global, {"a": reads_global}], X)


def test_functions_as_defaults(monkeypatch):
    def f(x, act=reads_global):
        return act(x) + 1

    follows(f, set_global(monkeypatch), X)


def test_functions_in_containers(monkeypatch):
    ops = {"a": reads_global, "b": [reads_global]}
    follows(lambda x: sum(op(x) for op in (ops["a"], *ops["b"])), set_global(monkeypatch), X)
    follows(lambda x: sum(op(x) for op in [*ops["b"]]), set_global(monkeypatch, 6.0), X)
    layers = [reads_global, lambda x: x + K]

    def chain(x):
        for layer in layers:
            x = layer(x)
        return x

    follows(chain, set_global(monkeypatch, 7.0), X)


def test_functions_of_base_classes(monkeypatch):
    class Base:
        def forward(self, x):
            return x * K

    class Middle(Base):
        pass

    class Model(Middle):
        def forward(self, x):
            return super().forward(x) + 1

    model = Model()
    follows(lambda x: model.forward(x), set_global(monkeypatch), X)
    follows(lambda x: Middle.forward(model, x), set_global(monkeypatch, 6.0), X)
    follows(lambda m, x: m.forward(x), set_global(monkeypatch, 7.0), model, X)
    follows(lambda ms, x: sum(m.forward(x) for m in ms), set_global(monkeypatch, 8.0), [model, model], X)


def test_attributes_of_functions():
    def helper(x):
        return x * helper.k

    helper.k = 2.0
    follows(lambda x: helper(x), lambda: setattr(helper, "k", 3.0), X)


def test_what_is_imported_inside(monkeypatch):
    module = types.ModuleType("replay_settings")
    module.K = 2.0
    monkeypatch.setitem(sys.modules, "replay_settings", module)

    def whole(x):
        import replay_settings

        return x * replay_settings.K

    def name(x):
        from replay_settings import K as k

        return x * k

    follows(whole, lambda: setattr(module, "K", 3.0), X)
    follows(name, lambda: setattr(module, "K", 4.0), X)


# a configuration with attributes for keys: a dict of the user's own class
def test_the_users_own_containers():
    class Config(dict):
        __getattr__ = dict.__getitem__
        __setattr__ = dict.__setitem__

    class Rows(list):
        pass

    config, rows, user = Config(lr=0.1), Rows([1.0, 2.0]), UserDict(a=1.0)
    follows(lambda x: x * config["lr"], lambda: config.update(lr=0.2), X)
    follows(lambda x: x * config.lr, lambda: config.update(lr=0.3), X)

    follows(lambda x: x * sum(rows), lambda: rows.append(3.0), X)
    follows(lambda x: x * rows[1], lambda: rows.__setitem__(1, 9.0), X)
    follows(lambda x: x * user["a"], lambda: user.update(a=2.0), X)
    Pair = namedtuple("Pair", "a b")
    pair = Pair([1.0], {"k": 2.0})
    follows(lambda x: x * pair.a[0] * pair.b["k"], lambda: pair.b.update(k=5.0), X)
    follows(lambda x: x * sum(pair.a), lambda: pair.a.append(5.0), X)


def test_context_variables():
    token = CONTEXT.set(2.0)
    try:
        follows(lambda x: x * CONTEXT.get(), lambda: CONTEXT.set(3.0), X)
    finally:
        CONTEXT.reset(token)


def test_what_a_weak_reference_leads_to():
    class Model:
        k = 2.0

    model = Model()
    reference = weakref.ref(model)
    proxy = weakref.proxy(model)
    for f, what in ((lambda x: x * reference().k, "reference"), (lambda x: x * proxy.k, "proxy")):
        decorated = hy.function(f)
        with pytest.warns(hy.FallbackWarning, match=f"is a weak {what}"):
            for model.k in (2.0, 3.0, 2.0):
                np.testing.assert_array_equal(decorated(X), f(X))


def test_classes_that_lead_to_other_classes():
    class Meta(type):
        @property
        def k(cls):
            return cls._k

    class Model(metaclass=Meta):
        _k = 2.0

        def scale(self, x):
            return x * type(self)._k + self.__class__._k

    model = Model()
    follows(lambda x: model.scale(x), lambda: setattr(Model, "_k", 3.0), X)
    follows(lambda x: x * Model.k, lambda: setattr(Model, "_k", 4.0), X)
    model.j = 4.0
    follows(lambda x: x * model.__dict__["j"], lambda: setattr(model, "j", 5.0), X)
