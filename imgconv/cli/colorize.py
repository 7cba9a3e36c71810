"""`imgconv colorize`: grey photos in colour."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from . import complete
from .options import FileOptions


def command(
    options: FileOptions,
    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME|FILE",
            autocompletion=complete.models("colorize"),
            help="photo, or a .safetensors file that training made.",
        ),
    ] = "photo",
    saturation: Annotated[
        float,
        Option(
            "--saturation",
            min=0,
            max=4,
            metavar="FACTOR",
            help="Times the colour: 0.5 is paler, 1.5 stronger. Hints stay as given.",
        ),
    ] = 1.0,
    hint: Annotated[
        list[str] | None,
        Option(
            "--hint",
            metavar="X,Y,#RRGGBB|FILE",
            help="A colour you know, at a pixel (from 0, right and down): it spreads over the "
            "region there. Repeat it for more. Or an image of the same size with colours painted "
            "on the grey picture, or on a transparent one.",
        ),
    ] = None,
    mix: Annotated[
        float,
        Option(
            "--mix",
            min=0,
            max=1,
            metavar="0-1",
            help="How much to keep of the colour that the image has: 0 nothing, 0.5 half of it, "
            "1 all; hints fade with the rest. For faded or toned prints.",
        ),
    ] = 0.0,
) -> int:
    """Colour grey photos: plausible colours, not the true ones, which grey does not hold.

    imgconv colorize grandparents.jpg

    imgconv colorize scans/ -o coloured/ --saturation 0.8

    imgconv colorize --hint 120,80,#3b5d38 --hint 300,40,#87a9d8 photo.png

    Brightness stays as it is, to the pixel; so does alpha, 16 bit and metadata. Colour images
    are made grey first. A stack is coloured page by page.
    """
    from imgconv.steps.colorize import colorize_plane

    from .files import run_planes

    operation = colorize_plane(
        model=model, saturation=saturation, hint=hint, mix=mix, reading=options.reading
    )
    return run_planes("colorize", options, operation)
