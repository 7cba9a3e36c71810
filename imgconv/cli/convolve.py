"""`imgconv convolve`: the layer of a network, images to feature maps."""

from __future__ import annotations

from typing import Annotated, Literal

from typer import Option

from . import complete
from .options import FileOptions

Activation = Literal["none", "relu", "sigmoid", "tanh"]


def command(
    options: FileOptions,
    kernel: Annotated[
        list[str] | None,
        Option(
            "-k",
            "--kernel",
            metavar="NAME|MATRIX|FILE",
            help="A stencil as filter has it, applied to every channel; or a bank of them, "
            "(stencils, channels, rows, columns) in a .npy or .safetensors file (its only "
            "tensor of four axes, with its bias; or FILE:NAME). Repeat it for more maps.",
            autocompletion=complete.kernels,
        ),
    ] = None,
    bias: Annotated[
        list[str] | None,
        Option(
            "--bias",
            metavar="NUMBERS",
            help="Added to the sums: one number for all maps or one for each ('1 -2 1/2').",
        ),
    ] = None,
    scale: Annotated[
        str,
        Option(
            "--scale",
            metavar="NUMBER",
            help="Multiply all weights: 1/255 makes 8-bit values 0 to 1, as networks see them.",
        ),
    ] = "1",
    stride: Annotated[
        str, Option("--stride", metavar="N|HxW", help="From one window to the next.")
    ] = "1",
    padding: Annotated[
        str,
        Option(
            "--padding",
            metavar="valid|same|full|N",
            help="Zeros around the image: valid has none, so that maps are smaller; same gives "
            "maps of the image's size (over the stride); full takes every window that touches "
            "the image; or their number on each side (2x0 for rows x columns).",
        ),
    ] = "valid",
    dilation: Annotated[
        str, Option("--dilation", metavar="N|HxW", help="From one tap of a stencil to the next.")
    ] = "1",
    activation: Annotated[
        Activation, Option("--activation", help="What is done to each sum finally.")
    ] = "none",
    per_channel: Annotated[
        bool,
        Option(
            "--per-channel",
            help="A map for each stencil and channel. The default sums over the channels, as "
            "the layer of a network does.",
        ),
    ] = False,
    flip: Annotated[
        bool,
        Option(
            "--flip",
            help="True convolution: turn stencils by 180 degrees. The default correlates, as "
            "neural networks do.",
        ),
    ] = False,
) -> int:
    """Make feature maps: the layer of a network with stencils of yours.

    imgconv convolve -k sobel-x -k sobel-y --activation relu photo.png -o maps.png

    imgconv convolve -k net.safetensors:conv1.weight --scale 1/255 --stride 2 photo.png

    imgconv convolve -k box:5 --padding same --per-channel photo.png -o maps.npy

    A TIFF (the default) gets each map as a float32 page, .npy an array (maps, rows, columns);
    .png and other pictures a labelled sheet to look at, in which blue is negative and red
    positive. Alpha is left out.
    """
    from imgconv.steps.convolve import FeatureMaps, layer_of

    from .files import run_files

    layer = layer_of(
        kernel or (), bias=bias, scale=scale, stride=stride, padding=padding, dilation=dilation,
        activation=activation, per_channel=per_channel, flip=flip,
    )  # fmt: skip
    step = FeatureMaps(layer, **options.access)
    return run_files("convolve", options, step, suffix=step.suffix)
