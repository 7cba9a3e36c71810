"""Grey planes in colour, and what is said of colour that was there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imgconv.errors import ImgconvError, UsageError
from imgconv.images import Info, is_srgb, open_image, srgb_info, to_srgb
from imgconv.tasks.colorize.hints import Hint, Painting, point, read_hints
from imgconv.tasks.colorize.run import Colorizer, describe
from imgconv.tasks.colorize.toned import Kind, colour_of, colour_of_sample, sample_step
from imgconv.tasks.load import load
from imgconv.text import Fact

from .operation import Banded, Operation, Result

if TYPE_CHECKING:
    from imgconv.tasks.large_plane import LargePlane

NOTES = {
    "colour": "in colour already: made grey first, then coloured again (`mix` keeps some)",
    "toned": "a toned (sepia) print: the tone is taken off first (`mix` keeps some)",
    "profile": Fact("the brightness of its colour profile was converted to that of sRGB"),
    "ome": Fact(
        "OME-XML does not hold for colour: axes and the pixel size in the plane are kept of it"
    ),
}


@dataclass(frozen=True)
class ColorizePlane(Operation):
    """Colouring as an operation."""

    imports: ClassVar = ("imagecodecs:cms_transform",)
    work: Colorizer

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        kind = colour_of(plane, info.alpha)
        said = _remarks(kind, info)
        if not is_srgb(info):  # which its colours are guessed for
            said.append("profile")
            plane, info = to_srgb(plane, info), srgb_info(info)
        notes = tuple(NOTES[key] for key in said)
        return Result(self.work(plane, info), notes, {"input": kind})

    def by_bands(self, info: Info) -> Banded:
        as_shown = info if is_srgb(info) else srgb_info(info)

        def bands(plane: LargePlane, tell: Callable[[Result], None]) -> Iterator[np.ndarray]:
            kind: Kind = "grey"
            if info.channels - (info.alpha != "none") == 3:
                kind = colour_of_sample(plane.sampled(sample_step(plane.shape)), info.alpha)
            said = [*_remarks(kind, info), *(["profile"] if as_shown is not info else [])]
            notes = tuple(NOTES[key] for key in said)
            tell(Result(np.empty((0, 0, 0), np.uint8), notes, {"input": kind}))
            if as_shown is not info:
                plane = plane.through(lambda rows: to_srgb(rows, info))
            return self.work.bands(plane, as_shown)

        colours = 3 + (info.alpha != "none")
        return Banded((info.height, info.width, colours), info.dtype, bands)

    def describe(self, info: Info) -> Info:
        return describe(info)

    def suffix(self, found: str) -> str:
        """The input's suffix, but for those that hold no colour, or 256 colours."""
        return {".pgm": ".ppm", ".pbm": ".ppm", ".gif": ".png"}.get(found.lower(), found)

    def summary(self, facts: Sequence[Mapping[str, Any]]) -> tuple[tuple[()], dict[str, Any]]:
        kinds = list(dict.fromkeys(one["input"] for one in facts))
        return (), {"input": kinds, "model": self.work.model.card.get("name", "")}


def _remarks(kind: Kind, info: Info) -> list[str]:
    """Which notes hold for a plane of this kind."""
    lost = info.tiff is not None and info.tiff.kind == "ome" and kind == "grey"
    return [key for key, holds in ((kind, kind in NOTES), ("ome", lost)) if holds]


def colorize_plane(
    *, model: Any, saturation: float, hint: Any, mix: float, reading: Mapping[str, Any]
) -> ColorizePlane:
    """The operation that these settings describe; `reading` is how hint images are read."""
    for name, value, most in (("saturation", saturation, 4), ("mix", mix, 1)):
        if not 0 <= value <= most:
            raise UsageError(f"`{name}={value}`: must be a number from 0 to {most}")
    one = isinstance(hint, (str, os.PathLike, np.ndarray)) or (
        isinstance(hint, tuple) and len(hint) == 3 and isinstance(hint[0], int)
    )
    hints = tuple(_hint(each, reading) for each in ([hint] if one else hint or ()))
    loaded, card = load(model, "colorize")
    return ColorizePlane(Colorizer(loaded, saturation, mix, hints, card))


def _hint(given: Any, reading: Mapping[str, Any]) -> Hint | Painting:
    """A point, or all that is painted on an image."""
    if isinstance(given, np.ndarray):
        alpha = "straight" if given.shape[-1] == 4 else "none"
        return read_hints(np.ascontiguousarray(given), alpha, "the array")
    text = ",".join(map(str, given)) if isinstance(given, tuple) else os.fspath(given)
    if found := point(text):
        return found
    if Path(text).is_dir():
        raise UsageError(f"`hint={text!r}`: a folder; a hint image is one file")
    if not Path(text).is_file():
        raise UsageError(
            f"`hint={text!r}`: neither X,Y,#RRGGBB (whole pixels from 0 and a colour, as in "
            "120,80,#3b5d38) nor an image that exists"
        )
    try:
        with open_image(text, **reading) as source:
            plane, info = next(iter(source.planes())), source.info
            return read_hints(plane, info.alpha, text, blurred=info.format in ("jpeg", "webp"))
    except UsageError:
        raise
    except ImgconvError as error:
        raise UsageError(f"`hint`: {error}") from None
