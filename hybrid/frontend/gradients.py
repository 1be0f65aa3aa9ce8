"""The gradients of tensors under PyTorch's names. What they mean is entered by the tape, which is built of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid.ir import lifted


class Gradients:
    """Mixed into `Tensor`. Leaves are tensors that gradients were asked for; results are tensors computed from them."""

    __slots__ = ()

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are remembered for `backward`. Settable on leaves of floats or complex numbers.

        >>> x = hy.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.], dtype=float32)
        """
        return lifted.tape.requires_grad(self)

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        lifted.tape.require(self, wanted)

    def requires_grad_(self, wanted: bool = True) -> Any:
        """Set `requires_grad`; the tensor itself.

        >>> hy.tensor([1.0]).requires_grad_().requires_grad
        True
        """
        lifted.tape.require(self, wanted)
        return self

    @property
    def grad(self) -> Any:
        """The gradient that `backward` has added up so far: a tensor like this one, or None. Settable.

        >>> x = hy.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * 3).sum().backward()
        >>> x.grad
        tensor([3., 3.], dtype=float32)
        """
        return lifted.tape.gradient(self)

    @grad.setter
    def grad(self, value: Any) -> None:
        lifted.tape.set_gradient(self, value)

    @property
    def is_leaf(self) -> bool:
        """Whether no remembered operation computed it.

        >>> x = hy.tensor([1.0, 2.0], requires_grad=True)
        >>> x.is_leaf, (x * 2).is_leaf
        (True, False)
        """
        return lifted.tape.is_leaf(self)

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
                 inputs: Any = None) -> None:  # fmt: skip
        """Add the gradient of this tensor to the `grad` of every leaf it was computed from.

        Args:
            gradient: the cotangent of this tensor, of its shape; by default one, for a single number.
            retain_graph: keep what was saved, so that the same can be differentiated again; by default as `create_graph`.
            create_graph: remember the computation of the gradients, too, to differentiate them.
            inputs: the leaves to add to; by default all.

        Raises:
            GradientError: the tensor was computed from no leaf, is no single number and `gradient` was not given, or has
                been differentiated before.

        >>> x = hy.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).backward(hy.tensor([1.0, 10.0]))
        >>> x.grad
        tensor([ 2., 40.], dtype=float32)
        """
        lifted.tape.backward(self, gradient, retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """Let `backward` leave the gradient of this result in its `grad`, as for a leaf.

        >>> x = hy.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * 2
        >>> y.retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad
        tensor([4., 8.], dtype=float32)
        """
        lifted.tape.retain(self)

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        """Call `hook(gradient)` when the gradient of this tensor is known; what it returns, if not None, takes its place.

        Returns:
            A handle; `handle.remove()` takes the hook away.

        >>> x = hy.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.], dtype=float32)
        """
        return lifted.tape.hook(self, hook)
