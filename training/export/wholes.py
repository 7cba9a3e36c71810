"""Functions that PyTorch takes apart, kept whole because the engine knows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


@torch.library.custom_op("imgconv::local_response_norm", mutates_args=())
def local_response_norm(x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """As one operation, which torch.export records under this name."""
    return functional.local_response_norm(x, size, alpha, beta, bias)


@torch.library.custom_op("imgconv::l2_pool", mutates_args=())
def l2_pool(x: Tensor, kernel: list[int], stride: list[int]) -> Tensor:
    return functional.lp_pool2d(x, 2.0, tuple(kernel), tuple(stride))  # type: ignore[arg-type]


@local_response_norm.register_fake
def _(x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    return torch.empty_like(x)


@l2_pool.register_fake
def _(x: Tensor, kernel: list[int], stride: list[int]) -> Tensor:
    return functional.avg_pool2d(x, kernel, stride)


def _normed(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    return local_response_norm(x, size, alpha, beta, float(k))


def _pooled(
    x: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    if norm_type != 2 or ceil_mode:
        return functional.lp_pool2d(x, norm_type, kernel_size, stride, ceil_mode)
    kernel = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    step = kernel if stride is None else [stride] * 2 if isinstance(stride, int) else list(stride)
    return l2_pool(x, kernel, step)


WHOLES: dict[Any, Callable[..., Tensor]] = {
    functional.local_response_norm: _normed,
    functional.lp_pool2d: _pooled,
}


class Wholes(TorchFunctionMode):
    """Within it, calls of these functions go to the operations above."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return WHOLES.get(func, func)(*args, **(kwargs or {}))
