"""One extension module of a big package without the package: Numba and SciPy take 0.4 s to import, the module 1 to 15 ms."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load(name: str) -> ModuleType | None:
    """The extension module of this dotted name, loaded by path and left out of `sys.modules`.

    None where the package lacks it. ImportError where a shared library that it needs is absent. Importing the package
    later gives it its own module object over the same library.
    """
    if name in sys.modules:
        return sys.modules[name]
    package, *folders, stem = name.split(".")
    root = importlib.util.find_spec(package)
    if root is None or root.origin is None:
        return None
    folder = Path(root.origin).parent.joinpath(*folders)
    path = next((p for suffix in importlib.machinery.EXTENSION_SUFFIXES if (p := folder / (stem + suffix)).exists()), None)
    if path is None:
        return None
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # CPython or Cython may have added it; the package must find itself as it expects, its attribute on the parent included.
    sys.modules.pop(name, None)
    return module
