"""A grey picture in plausible colours: a network guesses chroma, brightness stays as it is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...engine import Model, run
from ...errors import InputError
from ...images import Info, is_srgb, srgb_info
from ...ops.areas import lines, means, reduced
from ...ops.tint import EPSILON, RADIUS, brightness, tint
from .hints import Hint, Painting, spread
from .oklab import coloured

PREPARE: dict[str, Any] = {"side": 176, "longest": 512}
"""How the input is made: the root of the area in pixels at which the network looks at a picture
(a smaller one is not enlarged), and the longest side of a panorama."""

READ: dict[str, Any] = {"space": "oklab", "saturation": 1.0, "radius": RADIUS, "epsilon": EPSILON}
"""How the output is read: chroma a and b in OKLab, times `saturation`; of the guided filter the
radius in pixels of the network's input, and the variance of brightness that is no edge."""

FINER = 2  # times the network's size: at which hints spread, so that they reach small things
GLARE, BLAZE = 0.1, 100  # of a float picture: the share whiter than white, and how white at most


@dataclass(frozen=True, eq=False)
class Colorizer:
    """A pure function of a plane (H, W, C); see `PREPARE` and `READ` for the model's card.

    The network takes `image` (1, h, w), luma from 0 to 1, and gives `chroma` (2, h / n, w / n).
    saturation: times the chroma it gives. keep: the share of the input's own colour that is
    kept, 0 to 1. hints: colours that the user knows.
    """

    model: Model
    saturation: float = 1.0
    keep: float = 0.0
    hints: tuple[Hint | Painting, ...] = ()
    lock: Any = field(default_factory=threading.Lock, repr=False)  # the network has all threads

    def __post_init__(self) -> None:
        graph, space = self.model.graph, self._rules("read", READ)["space"]
        if "image" not in graph.inputs or "chroma" not in graph.outputs:
            raise InputError(
                f"{self.model.path}: goes from {', '.join(graph.inputs)} to "
                f"{', '.join(graph.outputs)}; colorize needs image and chroma, as training "
                "exports them"
            )
        if space != READ["space"]:
            raise InputError(f"{self.model.path}: gives {space}, allowed {READ['space']}")

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return ("scipy.ndimage", "scipy.sparse.csgraph") if self.hints else ()

    def __call__(self, plane: np.ndarray, info: Info) -> np.ndarray:
        """RGB (H, W, 3), or RGBA, of grey or RGB with or without alpha, in the same dtype."""
        check(plane, info)
        height, width = plane.shape[:2]
        step = int(self.model.card.get("multiple") or 1)
        size = network_size(height, width, step, self._rules("prepare", PREPARE))
        luma = small(plane, info.alpha, size)
        rules = self._rules("read", READ)
        chroma = self._guess(luma) * np.float32(rules["saturation"] * self.saturation)
        if self.hints:
            hints = tuple(hint.on(plane, info.alpha) for hint in self.hints)
            luma = small(plane, info.alpha, finer(size, height, width))
            chroma = widened(chroma, luma.shape)
            kept, added = spread(hints, (height, width), luma, chroma)
            chroma = chroma * kept + added
            rules["radius"] = round(rules["radius"] * luma.shape[0] / size[0])
        return laid(plane, info.alpha, luma, chroma, rules, self.keep)

    def _guess(self, luma: np.ndarray) -> np.ndarray:
        """(2, h / n, w / n): the mean of what the network says to the picture and to its mirror."""
        with self.lock:
            seen = (np.ascontiguousarray(luma[None, :, ::step]) for step in (1, -1))
            found, mirrored = (run(self.model, {"image": one})["chroma"] for one in seen)
        return (found + mirrored[..., ::-1]) / 2

    def _rules(self, key: str, usual: Mapping[str, Any]) -> dict[str, Any]:
        return {**usual, **(self.model.card.get(key) or {})}


def network_size(
    height: int, width: int, step: int = 1, rules: Mapping[str, Any] = PREPARE
) -> tuple[int, int]:
    """Rows and columns, multiples of `step`, at which a network sees a picture of this size."""
    scale = min(1.0, rules["side"] / (height * width) ** 0.5)
    scale = min(scale, rules["longest"] / max(height, width))
    rows, columns = (max(step, round(n * scale / step) * step) for n in (height, width))
    return rows, columns


def finer(size: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Rows and columns for hints: more than the network's, not more than the picture's."""
    rows, columns = (max(n, min(FINER * n, m)) for n, m in zip(size, (height, width), strict=True))
    return rows, columns


def small(plane: np.ndarray, alpha: str, size: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 brightness of the plane, 0 to 1; hidden pixels do not count."""

    def values(begin: int, end: int) -> np.ndarray:
        rows = plane[begin:end]
        luma = brightness(rows, alpha).clip(0, 1)
        cover = rows[..., -1].astype(np.float32) if alpha != "none" else np.ones_like(luma)
        return np.stack([luma * cover, cover])

    luma, cover = reduced(values, plane.shape[:2], size)
    return np.divide(luma, cover, out=np.zeros_like(luma), where=cover > 0).clip(0, 1)


def widened(chroma: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(C, h, w) of chroma as a network gives it, (C, h / n, w / n)."""
    (h, w), (_, rows, columns) = size, chroma.shape
    return lines(h, rows) @ chroma @ lines(w, columns).T


def narrowed(planes: np.ndarray, like: np.ndarray) -> np.ndarray:
    """(C, h / n, w / n) of planes (C, h, w), for chroma `like` this."""
    (_, h, w), (_, rows, columns) = planes.shape, like.shape
    return means(rows, h) @ planes @ means(columns, w).T


def laid(
    plane: np.ndarray,
    alpha: str,
    luma: np.ndarray,
    chroma: np.ndarray,
    rules: Mapping[str, Any] = READ,
    keep: float = 0.0,
) -> np.ndarray:
    """The plane (H, W, C) in chroma (2, h / n, w / n), with its small luma (h, w)."""
    coarse = narrowed(luma[None], chroma)[0]
    colours = coloured(coarse, np.moveaxis(chroma, 0, 2))
    size, radius, epsilon = luma.shape, int(rules["radius"]), float(rules["epsilon"])
    found = tint(colours, coarse, size, radius, epsilon)
    return found(plane, alpha, keep)


def check(plane: np.ndarray, info: Info) -> None:
    """InputError where a picture cannot be coloured: channels that are no colours."""
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
                "(white; a few highlights above it): imgconv filter -k identity "
                f"--scale 1/{top} brings {top} to 1"
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
