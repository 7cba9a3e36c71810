"""Converters of what slides a window: convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from .building import Call, Operand, Unsupported, Value, is_same, open_size

Sizes = int | Sequence[int]


def each(sizes: Sizes, axes: int) -> list[int]:
    """One number for each axis."""
    values = [sizes] if isinstance(sizes, int) else list(sizes)
    return values * axes if len(values) == 1 else values


def conv(
    call: Call, x: Value, w: Tensor, b: Operand = None, stride: Sizes = 1,
    padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1,
) -> str:  # fmt: skip
    axes = w.ndim - 2
    dilations = each(dilation, axes)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilations, w.shape[2:], strict=True)]
        pads = [n // 2 for n in total] + [n - n // 2 for n in total]
    else:
        pads = 2 * each(0 if isinstance(padding, str) else padding, axes)
    window = {"strides": each(stride, axes), "dilations": dilations, "pads": pads}
    return call.add("conv", batched(x, w), w, b, **window, groups=groups)


def batched(x: Value, w: Tensor) -> Value:
    if x.ndim != w.ndim:
        raise Unsupported("has an input without a batch axis")
    return x


def conv_transpose(
    call: Call, x: Value, w: Tensor, b: Operand = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
) -> str:  # fmt: skip
    axes = w.ndim - 2
    return call.add(
        "conv_transpose", batched(x, w), w, b,
        strides=each(stride, axes), dilations=each(dilation, axes), pads=2 * each(padding, axes),
        output_padding=each(output_padding, axes), groups=groups,
    )  # fmt: skip


def max_pool(
    call: Call, x: Value, kernel: Sizes, stride: Sizes = (), padding: Sizes = 0,
    dilation: Sizes = 1, ceil: bool = False,
) -> str:  # fmt: skip
    axes = windowed(x, kernel)
    return call.add(
        "max_pool", x, kernel=each(kernel, axes), strides=each(stride or kernel, axes),
        pads=2 * each(padding, axes), dilations=each(dilation, axes), ceil=ceil,
    )  # fmt: skip


def windowed(x: Value, kernel: Sizes) -> int:
    """The number of axes that a window slides along."""
    if not isinstance(kernel, int) and len(kernel) not in (1, x.ndim - 2):
        raise Unsupported("has an input without a batch axis")
    return x.ndim - 2


def average_pool(
    call: Call, x: Value, kernel: Sizes, stride: Sizes = (), padding: Sizes = 0,
    ceil: bool = False, count_include_pad: bool = True, divisor: int | None = None,
) -> str:  # fmt: skip
    if divisor is not None:
        raise Unsupported("has a divisor of its own")
    axes = windowed(x, kernel)
    return call.add(
        "average_pool", x, kernel=each(kernel, axes), strides=each(stride or kernel, axes),
        pads=2 * each(padding, axes), ceil=ceil, count_include_pad=count_include_pad,
    )  # fmt: skip


def l2_pool(call: Call, x: Value, kernel: Sizes, stride: Sizes = ()) -> str:
    axes = x.ndim - 2
    return call.add("l2_pool", x, kernel=each(kernel, axes), strides=each(stride or kernel, axes))


def adaptive_pool(whole: str, window: str, reduce: str) -> Callable[..., str]:
    """To one number a channel or a row, or to sizes that divide the input's."""

    def convert(call: Call, x: Value, sizes: Sequence[Any]) -> str:
        wanted = [size.like if isinstance(size, Value) else size for size in sizes]
        single = [2 + axis for axis, size in enumerate(wanted) if is_same(size, 1)]
        if len(single) == x.ndim - 2:
            return call.add(whole, x)
        kernel = [
            1 if is_same(size, 1) else divided(n, size)
            for n, size in zip(x.shape[2:], wanted, strict=True)
        ]
        y = call.add(reduce, x, axes=single, keepdims=True) if single else x
        return call.add(window, y, kernel=kernel, strides=kernel)

    return convert


adaptive_max_pool = adaptive_pool("global_max_pool", "max_pool", "reduce_max")


def divided(size: Any, wanted: Any) -> int:
    if is_same(size, wanted):
        return 1
    if open_size(size):
        raise Unsupported(f"pools an open size to {wanted} (export with sizes='fixed')")
    if open_size(wanted) or size % wanted:
        raise Unsupported(f"pools {size} pixels to {wanted}, which does not divide them")
    return int(size // wanted)


CONVERTERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), conv_transpose),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), max_pool),
    "max_pool2d_with_indices": lambda call, *given: [max_pool(call, *given)],
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), average_pool),
    **dict.fromkeys(
        ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
        adaptive_pool("global_average_pool", "average_pool", "reduce_mean")),
    **dict.fromkeys(
        ("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
        lambda call, x, sizes: [adaptive_max_pool(call, x, sizes)]),
    "l2_pool": l2_pool,
}  # fmt: skip
