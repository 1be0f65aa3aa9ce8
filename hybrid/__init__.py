"""Write numerical Python, run it eagerly, decorate it, and it runs as fused native code."""

from hybrid.frontend.activations import gelu, relu, softmax
from hybrid.frontend.tensor import Tensor

__all__ = ["Tensor", "gelu", "relu", "softmax"]
