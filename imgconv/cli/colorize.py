"""`imgconv colorize`: grey photos in colour."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from typer import Option

from imgconv.errors import ImgconvError, UsageError

from .options import FileOptions

if TYPE_CHECKING:
    import numpy as np

    from imgconv.batch import Done, EachPlane, Item
    from imgconv.images import Info
    from imgconv.tasks.colorize import Colorizer
    from imgconv.tasks.colorize.hints import Hint, Painting

NOTES = {
    "colour": "in colour already: made grey first, then coloured anew (--mix keeps some)",
    "toned": "a toned (sepia) print: the tone is taken off first (--mix keeps some)",
    "profile": "the brightness of its colour profile was converted to that of sRGB",
    "ome": "OME-XML does not hold for colour: axes and the pixel size in the plane are kept of it",
}


def command(
    options: FileOptions,
    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME|FILE",
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
    from imgconv.tasks.colorize import Colorizer, describe
    from imgconv.tasks.load import load

    from .files import each_plane, run_files

    hints = tuple(hint_of(text, options) for text in hint or ())
    loaded, card = load(model, "colorize")
    work = Colorizer(loaded, saturation, mix, hints, card)
    step = Colorize(work, each_plane(Plane(work), options, describe=describe))
    return run_files("colorize", options, step, suffix=suffix_of_colour)


def suffix_of_colour(found: str) -> str:
    """The input's suffix, but for those that hold no colour, or 256 colours."""
    return {".pgm": ".ppm", ".pbm": ".ppm", ".gif": ".png"}.get(found.lower(), found)


def hint_of(text: str, options: FileOptions) -> Hint | Painting:
    """What one --hint says: a point, or all that is painted on an image."""
    from pathlib import Path

    from imgconv.images import open_image
    from imgconv.tasks.colorize.hints import drawn, point

    if found := point(text):
        return found
    if Path(text).is_dir():
        raise UsageError(f"--hint {text}: a folder; a hint image is one file")
    if not Path(text).is_file():
        raise UsageError(
            f"--hint {text}: neither X,Y,#RRGGBB (whole pixels from 0 and a colour, as in "
            "120,80,#3b5d38) nor an image that exists"
        )
    try:
        with open_image(text, **options.reading) as source:
            plane, info = next(iter(source.planes())), source.info
            return drawn(plane, info.alpha, text, blurred=info.format in ("jpeg", "webp"))
    except UsageError:
        raise
    except ImgconvError as error:
        raise UsageError(f"--hint: {error}") from None


@dataclass(frozen=True)
class Plane:
    """Colouring as a step's function of one plane; what colours they had, and what to say."""

    work: Colorizer
    kinds: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # keys of NOTES

    def __call__(self, plane: np.ndarray, info: Info) -> np.ndarray:
        from imgconv.images import is_srgb, srgb_info, to_srgb
        from imgconv.tasks.colorize.toned import colour_of

        kind = colour_of(plane, info.alpha)
        self.kinds.append(kind)
        if kind in NOTES:
            self.notes.append(kind)
        if info.tiff and info.tiff.kind == "ome" and kind == "grey":
            self.notes.append("ome")
        if not is_srgb(info):  # which its colours are guessed for
            self.notes.append("profile")
            plane, info = to_srgb(plane, info), srgb_info(info)
        return self.work(plane, info)


@dataclass(frozen=True)
class Colorize:
    """The step: each plane coloured, and said what was done to colour that was there."""

    imports: ClassVar = ("imgconv.tasks.colorize.toned", "imagecodecs:cms_transform")
    work: Colorizer
    each: EachPlane

    def __call__(self, item: Item) -> Done:
        plane = Plane(self.work)
        done = replace(self.each, function=plane)(item)
        notes = tuple(NOTES[key] for key in dict.fromkeys(plane.notes))
        record = {
            "input": list(dict.fromkeys(plane.kinds)),
            "model": self.work.model.card.get("name", ""),
        }
        return done._replace(notes=(*done.notes, *notes), record={**done.record, **record})
