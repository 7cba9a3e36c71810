"""`imgconv upsample`: images enlarged, as networks do it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typer import Option

from . import complete
from .options import FileOptions, Linear

Method = Literal["nearest", "bilinear", "bicubic", "transposed"]


def command(
    options: FileOptions,
    method: Annotated[
        Method | None,
        Option(
            "-m",
            "--method",
            help="nearest copies pixels; bilinear and bicubic (Keys's kernel with a = -0.75, as "
            "in PyTorch and OpenCV) interpolate between pixel centres; transposed spreads "
            "--stencil from every pixel. [default: nearest, or transposed with --stencil]",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        str | None,
        Option(
            "-s",
            "--scale",
            metavar="N|HxW",
            help="Factor, 1 or more: 2, 1.5, 4/3, or height x width. [default: 2]",
        ),
    ] = None,
    stencil: Annotated[
        str | None,
        Option(
            "-k",
            "--stencil",
            metavar="NAME|MATRIX|FILE",
            autocompletion=complete.kernels,
            help="What a transposed convolution spreads, written like filter's --kernel: box:4, "
            "'1 2 1; 2 4 2; 1 2 1', weights.npy.",
        ),
    ] = None,
    stride: Annotated[
        str | None,
        Option(
            "--stride",
            metavar="N|HxW",
            help="How far apart transposed puts the stencils. [default: 2]",
        ),
    ] = None,
    padding: Annotated[
        str | None,
        Option(
            "--padding",
            metavar="N|HxW",
            help="What transposed cuts off on each side. [default: 0, which gives "
            "(H - 1) x stride + stencil rows]",
        ),
    ] = None,
    gain: Annotated[
        str | None,
        Option(
            "--gain",
            metavar="NUMBER",
            help="Multiply the stencil: 4 makes up for a stride of 2 under one that sums to 1. "
            "[default: 1]",
        ),
    ] = None,
    linear: Linear = False,
    compare: Annotated[
        bool,
        Option(
            "--compare",
            help="Write a figure of all methods side by side instead, with the overlap of "
            "transposed stencils whose size the stride does and does not divide.",
        ),
    ] = False,
) -> int:
    """Enlarge images: nearest, bilinear, bicubic, or a transposed convolution.

    imgconv upsample --scale 3 icon.png

    imgconv upsample -m bilinear -s 1.5 -o large/ *.tif

    imgconv upsample --stencil '1 2 1; 2 4 2; 1 2 1' --gain 1/4 photo.png

    imgconv upsample --compare photo.png -o figure.png

    Interpolation weights colours by a transparent image's alpha; centres of pixels lie at
    halves (PyTorch's align_corners=False), and the edge goes on with its last pixels.
    """
    from imgconv.ops.comparison import Comparison
    from imgconv.steps.upsample import ComparePlane, refuse, upsample_plane
    from imgconv.steps.values import pair

    from .files import run_planes

    settings: dict[str, Any] = {
        "method": method, "scale": scale, "stencil": stencil, "padding": padding, "gain": gain,
    }  # fmt: skip
    if compare:
        refuse("`compare`", **settings, linear=linear or None)
        figure = Comparison(pair("stride", stride or 2))
        return run_planes("compare", options, ComparePlane(figure))
    operation = upsample_plane(
        **settings, stride=stride, linear=linear, max_pixels=options.max_pixels
    )
    return run_planes("upsample", options, operation)
