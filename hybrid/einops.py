"""`import hybrid.einops`, once and anywhere, and einops takes tensors: it looks for classes like this one.

(`einops.array_api` has no need of it.)
"""

from __future__ import annotations

from typing import Any

from hybrid.core.errors import MissingExtra
from hybrid.frontend.tensor import Tensor
from hybrid.frontend.values import wrap

try:
    from einops._backends import NumpyBackend
except ImportError as error:
    raise MissingExtra("einops is not installed", fix="pip install einops") from error


class TensorBackend(NumpyBackend):  # NumPy's functions, of tensors
    framework_name = "hybrid"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor)

    def from_numpy(self, x: Any) -> Any:
        return wrap(x)

    def to_numpy(self, x: Any) -> Any:
        return x.numpy()

    def arange(self, start: int, stop: int) -> Any:
        return wrap(self.np.arange(start, stop))
