"""`imgconv pool`: every window becomes one pixel."""

from __future__ import annotations

from typing import Annotated, Literal

from typer import Option

from .options import FileOptions, Linear

Method = Literal["max", "average", "l2", "min", "median"]


def command(
    options: FileOptions,
    method: Annotated[
        Method,
        Option(
            "-m",
            "--method",
            help="What a window becomes. l2 is the root mean square, which fits the image's "
            "type. NaN in a window gives NaN.",
        ),
    ] = "max",
    size: Annotated[
        str | None,
        Option(
            "-s", "--size", metavar="N|HxW", help="Of a window: 2, or height x width. [default: 2]"
        ),
    ] = None,
    stride: Annotated[
        str | None,
        Option(
            "--stride",
            metavar="N|HxW",
            help="From one window to the next. [default: the size, so that they touch]",
        ),
    ] = None,
    padding: Annotated[
        str,
        Option(
            "--padding",
            metavar="N|HxW",
            help="Around the image, up to half the size. It never is the max, min or median; "
            "to average and l2 it is zeros.",
        ),
    ] = "0",
    ceil: Annotated[
        bool,
        Option("--ceil", help="Also windows that hang over the edge. The default drops them."),
    ] = False,
    everything: Annotated[
        bool, Option("--global", help="One window: the whole image becomes one pixel.")
    ] = False,
    norm: Annotated[
        bool,
        Option(
            "--norm",
            help="l2 as the root of the sum of squares, PyTorch's lp_pool2d; 8- and 16-bit "
            "values above white are cut off.",
        ),
    ] = False,
    linear: Linear = False,
) -> int:
    """Pool images: every window becomes its max, average, L2, min or median.

    imgconv pool photo.png

    imgconv pool -m average --size 4 -o small/ *.tif

    imgconv pool -m max --size 3 --stride 2 --padding 1 map.npy

    Average and l2 weight colours by a transparent image's alpha; max, min and median leave
    the colour of fully transparent pixels out.
    """
    from imgconv.steps.pool import pool_plane

    from .files import run_planes

    operation = pool_plane(
        method=method, size=size, stride=stride, padding=padding, ceil=ceil,
        everything=everything, norm=norm, linear=linear,
    )  # fmt: skip
    return run_planes("pool", options, operation)
