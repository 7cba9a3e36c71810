"""Grey planes in colour, and what is said of colour that was there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from imgconv.images import Info, is_srgb, srgb_info, to_srgb
from imgconv.tasks.colorize import Colorizer, describe
from imgconv.tasks.colorize.toned import colour_of

from .operation import Operation, Result

NOTES = {
    "colour": "in colour already: made grey first, then coloured again (--mix keeps some)",
    "toned": "a toned (sepia) print: the tone is taken off first (--mix keeps some)",
    "profile": "the brightness of its colour profile was converted to that of sRGB",
    "ome": "OME-XML does not hold for colour: axes and the pixel size in the plane are kept of it",
}


@dataclass(frozen=True)
class ColorizePlane(Operation):
    """Colouring as an operation."""

    imports: ClassVar = ("imagecodecs:cms_transform",)
    work: Colorizer

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        kind = colour_of(plane, info.alpha)
        said: list[str] = [kind] if kind in NOTES else []
        if info.tiff and info.tiff.kind == "ome" and kind == "grey":
            said.append("ome")
        if not is_srgb(info):  # which its colours are guessed for
            said.append("profile")
            plane, info = to_srgb(plane, info), srgb_info(info)
        notes = tuple(NOTES[key] for key in said)
        return Result(self.work(plane, info), notes, {"input": kind})

    def describe(self, info: Info) -> Info:
        return describe(info)

    def suffix(self, found: str) -> str:
        """The input's suffix, but for those that hold no colour, or 256 colours."""
        return {".pgm": ".ppm", ".pbm": ".ppm", ".gif": ".png"}.get(found.lower(), found)

    def summary(self, facts: Sequence[Mapping[str, Any]]) -> tuple[tuple[()], dict[str, Any]]:
        kinds = list(dict.fromkeys(one["input"] for one in facts))
        return (), {"input": kinds, "model": self.work.model.card.get("name", "")}
