"""A grey picture in plausible colours: a network guesses chroma, brightness stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from imgconv.engine import Model, run
from imgconv.errors import InputError
from imgconv.images import Info, is_srgb, srgb_info
from imgconv.images.bands import BAND
from imgconv.ops.areas import Areas, rows_of_strip
from imgconv.tasks.card import Card
from imgconv.tasks.large_plane import LargePlane

from .card import USUAL
from .hints import Hint, Painting, spread
from .prepare import add_rows, brightness_of, finer, network_size, small
from .read import fit_tint, lay_over, widen_chroma

GLARE, BLAZE = 0.1, 100  # of a float picture: the share whiter than white, and how white at most


@dataclass(frozen=True, eq=False)
class Colorizer:
    """A pure function of a plane (H, W, C).

    The network takes `image` (1, h, w), luma from 0 to 1, and gives `chroma` (2, h / n, w / n).
    saturation: times the chroma it gives. keep: the share of the input's own colour that is
    kept, 0 to 1. hints: colours that the user knows.
    """

    model: Model
    saturation: float = 1.0
    keep: float = 0.0
    hints: tuple[Hint | Painting, ...] = ()
    card: Card = USUAL

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return ("scipy.ndimage", "scipy.sparse.csgraph") if self.hints else ()

    def __call__(self, plane: np.ndarray, info: Info) -> np.ndarray:
        """RGB (H, W, 3), or RGBA, of grey or RGB with or without alpha, in the same dtype."""
        check(plane, info)
        height, width = plane.shape[:2]
        size = network_size(height, width, self._step, self.card.prepare)
        luma = small(plane, info.alpha, size)
        rules = dict(self.card.read)
        chroma = self._chroma(luma)
        if self.hints:
            hints = tuple(hint.on(plane, info.alpha) for hint in self.hints)
            luma = small(plane, info.alpha, finer(size, height, width))
            chroma = widen_chroma(chroma, luma.shape)
            kept, added = spread(hints, (height, width), luma, chroma)
            chroma = chroma * kept + added
            rules["radius"] = round(rules["radius"] * luma.shape[0] / size[0])
        return lay_over(plane, info.alpha, luma, chroma, rules, self.keep)

    def bands(self, plane: LargePlane, info: Info) -> Iterator[np.ndarray]:
        """The same, without hints, (h, W, 3) after (h, W, 3) of integers without alpha."""
        height, width, channels = plane.shape
        check(np.broadcast_to(np.zeros((), plane.dtype), plane.shape), info)
        size = network_size(height, width, self._step, self.card.prepare)
        unit = rows_of_strip(width)
        step = max(1, BAND // (width * channels * plane.dtype.itemsize) // unit) * unit
        spans = [(top, min(top + step, height)) for top in range(0, height, step)]
        areas = Areas((height, width), size)
        for top, bottom in spans:
            add_rows(areas, top, plane.rows(top, bottom), info.alpha)
        luma = brightness_of(areas)
        laid = fit_tint(luma, self._chroma(luma), self.card.read).laid(plane.shape)
        for top, bottom in spans:
            yield laid(plane.rows(top, bottom), top, info.alpha, self.keep)

    @property
    def _step(self) -> int:
        return int(self.model.card.get("multiple") or 1)

    def _chroma(self, luma: np.ndarray) -> np.ndarray:
        return self._guess(luma) * np.float32(self.card.read["saturation"] * self.saturation)

    def _guess(self, luma: np.ndarray) -> np.ndarray:
        """(2, h / n, w / n): the mean of what the network says to the picture and to its mirror."""
        seen = (np.ascontiguousarray(luma[None, :, ::step]) for step in (1, -1))
        found, mirrored = (run(self.model, {"image": one})["chroma"] for one in seen)
        return (found + mirrored[..., ::-1]) / 2


def check(plane: np.ndarray, info: Info) -> None:
    """InputError where a plane (H, W, C) cannot be coloured: channels that are no colours.

    And where many values of a float plane are above 1, or one is far above.
    """
    colours = plane.shape[2] - (info.alpha != "none")
    counts = dict(zip(info.stack_axes, info.stack_shape, strict=True))
    if counts.get("C", 1) > 1:
        raise InputError(
            f"axes {info.axes} {info.shape} hold {counts['C']} channels, not pictures; save the "
            "one to colour as a file of its own"
        )
    if colours not in (1, 3):
        raise InputError(f"found {colours} channels, allowed 1 (grey) or 3 (RGB)")
    if plane.dtype.kind == "f":
        values = plane[..., :colours]
        most = float(np.max(values, initial=0, where=np.isfinite(values)))
        if most > BLAZE or (values > 1).mean() > GLARE:
            top = next((n for n in (255, 4095, 65535) if n >= most), f"{most:g}")
            raise InputError(
                f"found {info.source_dtype or 'float32'} values up to {most:g}, allowed 0 to 1 "
                "(white; a few highlights above it): filter it by the kernel identity with a scale "
                f"of 1/{top} first"
            )


def describe(info: Info) -> Info:
    """The record of the result: sRGB, or RGB where it was grey."""
    info = info if is_srgb(info) else srgb_info(info)
    if info.channels - (info.alpha != "none") != 1:
        return info
    tiff = info.tiff
    if tiff:  # OME's text counts the samples of a pixel, so it no longer holds
        ome = {"kind": "shaped", "description": ""} if tiff.kind == "ome" else {}
        tiff = replace(tiff, photometric="", **ome)  # type: ignore[arg-type]
    return replace(info, icc=None, tiff=tiff)
