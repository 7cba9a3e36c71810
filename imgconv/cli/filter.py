"""`imgconv filter`: images through stencils."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from typer import Option

from . import complete
from .options import FileOptions, Linear

Border = Literal["reflect", "symmetric", "edge", "wrap", "constant"]
Range = Literal["clip", "rescale", "abs", "float"]


def command(
    options: FileOptions,
    kernel: Annotated[
        list[str] | None,
        Option(
            "-k",
            "--kernel",
            metavar="NAME|MATRIX|FILE",
            help="A name (see `imgconv kernels`; gaussian:2 for a sigma; median:3, max:5, min:3x9 "
            "for a size), a matrix such as '0 -1 0; -1 5 -1; 0 -1 0' (fractions such as 1/9 "
            "allowed) or a .txt, .csv or .npy file. Repeat it to chain: values stay float "
            "between, and are rounded once.",
            autocompletion=complete.kernels,
        ),
    ] = None,
    border: Annotated[
        Border,
        Option(
            "--border",
            help="What lies beyond the edge, in NumPy's names: reflect is cb|abc|ba, symmetric "
            "ba|abc|cb, edge aa|abc|cc, wrap bc|abc|ab, constant 00|abc|00.",
        ),
    ] = "reflect",
    range: Annotated[
        Range,
        Option(
            "--range",
            help="What becomes of values that do not fit, negatives above all: clip cuts them "
            "off (negatives turn 0), rescale maps lowest..highest to black..white, abs drops "
            "the sign, float keeps all as 32-bit float (a PNG or JPEG then becomes a TIFF). "
            "Float images are never clipped.",
        ),
    ] = "clip",
    scale: Annotated[
        str, Option("--scale", metavar="NUMBER", help="Multiply the result, e.g. 1/8.")
    ] = "1",
    bias: Annotated[str, Option("--bias", metavar="NUMBER", help="Then add this, e.g. 128.")] = "0",
    luma: Annotated[
        bool, Option("--luma", help="Filter brightness only (BT.601): colours keep their hue.")
    ] = False,
    flip: Annotated[
        bool,
        Option(
            "--flip",
            help="True convolution: turn the kernel by 180 degrees. The default correlates, "
            "as neural networks do: the kernel lies on the image as it is written.",
        ),
    ] = False,
    linear: Linear = False,
) -> int:
    """Filter images with a kernel: sharpen, blur, find edges, or any matrix of yours.

    imgconv filter --kernel sharpen photo.png

    imgconv filter -k gaussian:2 -k laplacian --range abs -o edges/ *.tif

    cat in.png | imgconv filter -k blur - > out.png
    """
    from imgconv.steps.filter import filter_plane

    from .console import current
    from .files import run_planes
    from .meant import take_kernel

    kernel, files, note = take_kernel(kernel, options.files)
    if note:
        if not options.quiet:
            current().note(note)
        options = replace(options, files=files)
    operation = filter_plane(
        kernel or (), border=border, range=range, scale=scale, bias=bias, luma=luma, flip=flip,
        linear=linear,
    )  # fmt: skip
    return run_planes("filter", options, operation)
