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
from imgconv.ops.tint import Tint
from imgconv.tasks.card import Card
from imgconv.tasks.large_plane import LargePlane

from .card import USUAL
from .hints import Hint, Painting, spread
from .prepare import add_rows, brightness_of, finer, network_size, small
from .read import fit_tint, widen_chroma

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
        check(info)
        if plane.dtype.kind == "f":
            check_values(*_glare(plane, info), info)
        height, width = plane.shape[:2]
        size, fine = self._sizes(height, width)
        hints = self._hints(LargePlane.of(plane), info)
        luma = small(plane, info.alpha, size)
        finer_luma = small(plane, info.alpha, fine) if hints else luma
        return self._tint(luma, finer_luma, hints, (height, width))(plane, info.alpha, self.keep)

    def bands(self, plane: LargePlane, info: Info) -> Iterator[np.ndarray]:
        """The same, (h, W, C) after (h, W, C)."""
        height, width, channels = plane.shape
        check(info)
        sizes = self._sizes(height, width)
        unit = rows_of_strip(width)
        step = max(1, BAND // (width * channels * plane.dtype.itemsize) // unit) * unit
        spans = [(top, min(top + step, height)) for top in range(0, height, step)]
        several = [Areas((height, width), size) for size in dict.fromkeys(sizes)]
        most, bright = 0.0, 0
        for top, bottom in spans:
            rows = plane.rows(top, bottom)
            if rows.dtype.kind == "f":
                found = _glare(rows, info)
                most, bright = max(most, found[0]), bright + found[1]
            for areas in several:
                add_rows(areas, top, rows, info.alpha)
        check_values(most, bright, info)
        lumas = [brightness_of(areas) for areas in several]
        tint = self._tint(lumas[0], lumas[-1], self._hints(plane, info), (height, width))
        laid = tint.laid(plane.shape)
        for top, bottom in spans:
            yield laid(plane.rows(top, bottom), top, info.alpha, self.keep)

    def _hints(self, plane: LargePlane, info: Info) -> tuple[Hint, ...]:
        return tuple(hint.on(plane, info.alpha) for hint in self.hints)

    def _sizes(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """At which the network sees a picture of this size, and at which hints spread."""
        size = network_size(height, width, self._step, self.card.prepare)
        return size, finer(size, height, width) if self.hints else size

    def _tint(
        self, luma: np.ndarray, fine: np.ndarray, hints: tuple[Hint, ...], size: tuple[int, int]
    ) -> Tint:
        """By luma as the network sees it, and finer for hints of a picture (H, W) of this size."""
        chroma, rules = self._chroma(luma), dict(self.card.read)
        if hints:
            chroma = widen_chroma(chroma, fine.shape)
            kept, added = spread(hints, size, fine, chroma)
            chroma = chroma * kept + added
            rules["radius"] = round(rules["radius"] * fine.shape[0] / luma.shape[0])
        return fit_tint(fine, chroma, rules)

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


def check(info: Info) -> None:
    """InputError where an image cannot be coloured: its channels are no colours."""
    colours = info.channels - (info.alpha != "none")
    counts = dict(zip(info.stack_axes, info.stack_shape, strict=True))
    if counts.get("C", 1) > 1:
        raise InputError(
            f"axes {info.axes} {info.shape} hold {counts['C']} channels, not pictures; save the "
            "one to colour as a file of its own"
        )
    if colours not in (1, 3):
        raise InputError(f"found {colours} channels, allowed 1 (grey) or 3 (RGB)")


def _glare(rows: np.ndarray, info: Info) -> tuple[float, int]:
    """The largest of float colours (h, W, C), and how many are above white."""
    values = rows[..., : rows.shape[2] - (info.alpha != "none")]
    most = float(np.max(values, initial=0, where=np.isfinite(values)))
    return most, int(np.count_nonzero(values > 1))


def check_values(most: float, above: int, info: Info) -> None:
    """InputError where many values of a float plane are above 1, or one is far above."""
    values = info.height * info.width * (info.channels - (info.alpha != "none"))
    if most > BLAZE or above / max(1, values) > GLARE:
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
