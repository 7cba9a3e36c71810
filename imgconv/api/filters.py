"""The operations of convolutional networks, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np

from imgconv.steps.values import Factor, Kernel, Number, Pair

from .arrays import ImageLike, Reading, apply_operation, source_of


@dataclass(frozen=True, eq=False)
class NamedKernel:
    """A kernel that has a name.

    Attributes
    ----------
    name, also : str, tuple of str
        What to call it.
    meaning, source : str
        What it does, and where it comes from.
    matrices : tuple of ndarray
        Its weights, float64 ``(K, L)``; two of a gradient.
    """

    name: str
    also: tuple[str, ...]
    meaning: str
    source: str
    matrices: tuple[np.ndarray, ...]


def named_kernels() -> dict[str, NamedKernel]:
    """The named kernels, as ``imgconv kernels`` lists them.

    Returns
    -------
    dict
        A record for each name.

    Examples
    --------
    >>> imgconv.named_kernels()["sobel-x"].matrices[0].tolist()
    [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]
    """
    from imgconv.ops.catalogue import ALIASES, NAMED

    return {
        name: NamedKernel(
            name,
            tuple(alias for alias, meant in ALIASES.items() if meant == name),
            entry.meaning,
            entry.source,
            tuple(stencil.weights for stencil in entry.stencils()),
        )
        for name, entry in NAMED.items()
    }


def filter(
    image: ImageLike,
    kernel: Kernel | Sequence[Kernel],
    *,
    border: Literal["reflect", "symmetric", "edge", "wrap", "constant"] = "reflect",
    range: Literal["clip", "rescale", "abs", "float"] = "clip",
    scale: Number = 1,
    bias: Number = 0,
    luma: bool = False,
    flip: bool = False,
    linear: bool = False,
    **reading: Unpack[Reading],
) -> np.ndarray:
    """Slide a kernel, or several in turn, over an image.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`; no channel is alpha without `channels`.
    kernel : str, array or sequence of these
        A name ("sharpen", "gaussian:2"), a matrix ``(K, L)`` of numbers or Fractions, or a file.
        Several are chained: values stay float between, and are rounded once.
    border : str, default "reflect"
        What lies beyond the edge, in NumPy's names.
    range : str, default "clip"
        What becomes of values that do not fit: cut off; mapped to black..white ("rescale"); their
        sign dropped ("abs"); kept as float32 ("float"). Float images are never clipped.
    scale, bias : number, default 1 and 0
        The result is multiplied by one, then the other is added; "1/8" is exact.
    luma : bool, default False
        Filter the brightness alone (BT.601).
    flip : bool, default False
        Turn the kernel by 180 degrees: true convolution. The default is correlation.
    linear : bool, default False
        Mix light: colours are decoded by the image's profile (else as sRGB) and encoded again.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    ndarray
        Of the image's shape and type; float32 with ``range="float"``.

    Raises
    ------
    UsageError
        The kernel or a setting makes no sense.
    InputError
        The image cannot be read or processed.

    Notes
    -----
    Integer results are the exact sum, rounded half to even, of every kernel of integers or simple
    fractions; with real weights they may be off by one level. Chains of large kernels go through
    an FFT in float64.

    Examples
    --------
    >>> spot = np.zeros((3, 3), np.uint8)
    >>> spot[1, 1] = 90
    >>> imgconv.filter(spot, "box:3", border="constant").tolist()
    [[10, 10, 10], [10, 10, 10], [10, 10, 10]]
    """
    from imgconv.steps.filter import filter_plane

    operation = filter_plane(
        kernel, border=border, range=range, scale=scale, bias=bias, luma=luma, flip=flip,
        linear=linear,
    )  # fmt: skip
    return apply_operation(operation, image, reading)


def convolve(
    image: ImageLike,
    kernel: Kernel | Sequence[Kernel],
    *,
    bias: Number | Sequence[Number] | None = None,
    scale: Number = 1,
    stride: Pair = 1,
    padding: Pair = "valid",
    dilation: Pair = 1,
    activation: Literal["none", "relu", "sigmoid", "tanh"] = "none",
    per_channel: bool = False,
    flip: bool = False,
    **reading: Unpack[Reading],
) -> np.ndarray:
    """Feature maps: the layer of a network with kernels of yours.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`. Alpha is left out.
    kernel : str, array or sequence of these
        K kernels of one size, each for all channels; or one array ``(K, C, h, w)``.
    bias : number or K numbers, optional
        Added to the sums.
    scale : number, default 1
        Times all weights: "1/255" makes 8-bit values 0 to 1.
    stride, dilation : int, pair or str, default 1
        From one window, and from one tap, to the next; pairs are height, width.
    padding : "valid", "same", "full", int or pair, default "valid"
        Zeros around the image.
    activation : str, default "none"
        What is done to each sum in the end.
    per_channel : bool, default False
        A map for each kernel and channel, not summed over the channels.
    flip : bool, default False
        True convolution.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    ndarray
        float32 ``(K, H', W')``, after the axes of a stack; values and sizes are those of
        ``torch.nn.Conv2d``.

    Raises
    ------
    UsageError, InputError
        As `filter`.

    Examples
    --------
    >>> imgconv.convolve(np.eye(4, dtype=np.float32), ["sobel-x", "sobel-y"], stride=2).shape
    (2, 1, 1)
    """
    from imgconv.steps.convolve import FeatureMaps, layer_of

    layer = layer_of(
        kernel, bias=bias, scale=scale, stride=stride, padding=padding, dilation=dilation,
        activation=activation, per_channel=per_channel, flip=flip,
    )  # fmt: skip
    step = FeatureMaps(layer, to_srgb=reading.get("to_srgb", False))
    with source_of(image, reading) as source:
        maps = [layer(plane) for plane in step.layer_inputs(source)]
        stack = source.info.stack_shape
        return np.stack(maps).reshape(*stack, *maps[0].shape) if stack else maps[0]


def pool(
    image: ImageLike,
    *,
    method: Literal["max", "average", "l2", "min", "median"] = "max",
    size: Pair | None = None,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil: bool = False,
    everything: bool = False,
    norm: bool = False,
    linear: bool = False,
    **reading: Unpack[Reading],
) -> np.ndarray:
    """Make every window of an image one pixel.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`; no channel is alpha without `channels`.
    method : str, default "max"
        What a window becomes. l2 is the root mean square; NaN in a window gives NaN.
    size : int, pair or str, optional
        Of a window, in pixels: 2, or height and width. Default: 2.
    stride : int, pair or str, optional
        From one window to the next. Default: the size.
    padding : int, pair or str, default 0
        Around the image, up to half the size.
    ceil : bool, default False
        Also windows that hang over the edge.
    everything : bool, default False
        One window: the whole image (``--global`` of the command line).
    norm : bool, default False
        l2 as the root of the sum of squares.
    linear : bool, default False
        Mix light: colours are decoded by the image's profile (else as sRGB) and encoded again.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    ndarray
        Of the image's type, with as many rows and columns as windows.

    Raises
    ------
    UsageError, InputError
        As `filter`.

    Examples
    --------
    >>> imgconv.pool(np.arange(16, dtype=np.uint8).reshape(4, 4)).tolist()
    [[5, 7], [13, 15]]
    """
    from imgconv.steps.pool import pool_plane

    operation = pool_plane(
        method=method, size=size, stride=stride, padding=padding, ceil=ceil,
        everything=everything, norm=norm, linear=linear,
    )  # fmt: skip
    return apply_operation(operation, image, reading)


def upsample(
    image: ImageLike,
    *,
    method: Literal["nearest", "bilinear", "bicubic", "transposed"] | None = None,
    scale: Factor | None = None,
    stencil: Kernel | None = None,
    stride: Pair | None = None,
    padding: Pair | None = None,
    gain: Number | None = None,
    linear: bool = False,
    **reading: Unpack[Reading],
) -> np.ndarray:
    """Enlarge an image as networks do it.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`; no channel is alpha without `channels`.
    method : str, optional
        Bicubic is Keys's kernel with a = -0.75. Default: nearest, or transposed with `stencil`.
    scale : number, pair or str, optional
        1 or more: 2, 1.5, "4/3", or height and width. Default: 2.
    stencil : str or array, optional
        What a transposed convolution spreads.
    stride, padding : int, pair or str, optional
        How far apart it puts the stencils (default 2), and what it cuts off (default 0).
    gain : number, optional
        Times the stencil. Default: 1.
    linear : bool, default False
        Mix light: colours are decoded by the image's profile (else as sRGB) and encoded again.
    **reading
        See `imgconv.api.Reading`; `max_pixels` limits the result too.

    Returns
    -------
    ndarray
        Of the image's type. Centres of pixels lie at halves, as in
        ``torch.nn.functional.interpolate(align_corners=False)``.

    Raises
    ------
    UsageError, InputError
        As `filter`.

    Examples
    --------
    >>> imgconv.upsample(np.array([[0, 100]], np.uint8), method="bilinear").tolist()
    [[0, 25, 75, 100], [0, 25, 75, 100]]
    """
    from imgconv.steps.upsample import upsample_plane

    operation = upsample_plane(
        method=method, scale=scale, stencil=stencil, stride=stride, padding=padding, gain=gain,
        linear=linear, max_pixels=reading.get("max_pixels"),
    )  # fmt: skip
    return apply_operation(operation, image, reading)
