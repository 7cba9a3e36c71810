"""The model `crosshair`: overlays found and what is beneath filled in, nothing else touched."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ...engine import Model, run
from .cleaning import by_channel
from .photo import tripled
from .subgraph import only

LIKELY = -0.5  # logit of a line's pixels
SURE, EXTENT = (5.0, 2.0), (60, 200)  # logits of its best, if it is as short, as long in pixels
SHARE = 0.25  # of its pixels that are the best: chance seldom makes long lines of middling ones
FRINGE, REACH = -4.5, 2  # logits of its soft edges, and pixels that these are wide
LENGTH = 14  # pixels that a line is long, in images that small 2/5 of their side
GAP = 16  # pixels between two dashes of one line, at most
ENDS = (0.1, 99.9)  # percentiles that become 0 and 1, where the type does not say what is white


@dataclass(frozen=True, eq=False)
class Crosshair:
    """The network as a Cleaner: zero is taken out everywhere but on the lines it finds."""

    imports: ClassVar = ("scipy.ndimage",)  # when it works
    model: Model
    lock: Any = field(default_factory=threading.Lock, repr=False)  # the engine uses all threads

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] not in (1, 3):
            return by_channel(self, colours, top)
        low, span = ends(colours)
        image = np.moveaxis(colours, 2, 0)
        with self.lock:
            mask = self._mask(image, low, span)
            removed = np.zeros(colours.shape, np.float32)
            if mask.any():
                low, span = ends(colours, ~mask)  # the overlay is no part of the picture
                beneath = self._content(image, mask, low, span)
                beneath = beneath if colours.shape[2] == 3 else beneath.mean(2, keepdims=True)
                removed[mask] = colours[mask] - beneath[mask]
        return removed, {"overlay_pixels": int(mask.sum())}

    def _mask(self, image: np.ndarray, low: float, span: float) -> np.ndarray:
        """Where lines are, by the mean of what the network says to the image and its mirror."""
        model = replace(self.model, graph=only(self.model.graph, "overlay"))

        def overlay(seen: np.ndarray) -> np.ndarray:
            inputs = {name: self._input(name, seen) for name in model.graph.inputs}
            return run(model, inputs, prepare=Prepare(low, span))["overlay"][0]

        return decided((overlay(image) + overlay(image[..., ::-1])[:, ::-1]) / 2)

    def _input(self, name: str, image: np.ndarray) -> np.ndarray:
        hole = np.broadcast_to(np.float32(0), (1, *image.shape[1:]))
        return tripled(image) if name == "image" else hole

    def _content(self, image: np.ndarray, mask: np.ndarray, low: float, span: float) -> np.ndarray:
        """(H, W, 3) float32 in the image's own unit."""
        model = replace(self.model, graph=only(self.model.graph, "content"))
        inputs = {"image": tripled(image), "hole": mask[None]}
        found = run(model, inputs, prepare=Prepare(low, span))["content"]
        return np.moveaxis(np.clip(found, 0, 1) * np.float32(span) + np.float32(low), 0, 2)


@dataclass(frozen=True)
class Prepare:
    """Pixels from 0 to 1; the hole stays as it is."""

    low: float
    span: float

    def __call__(self, piece: np.ndarray) -> np.ndarray:
        values = piece.astype(np.float32)
        if len(piece) == 1:
            return values
        return np.clip((values - np.float32(self.low)) / np.float32(self.span), 0, 1)


def widened(mask: np.ndarray, pixels: int) -> np.ndarray:
    """(H, W) bool, grown by that many pixels to all sides."""
    from scipy import ndimage

    square = np.ones((3, 3), bool)
    return ndimage.binary_dilation(mask, square, iterations=pixels) if pixels else mask


def ends(colours: np.ndarray, where: np.ndarray | None = None) -> tuple[float, float]:
    """What is 0 to the network, and how far 1 is from it: one normalisation for the image, by
    the pixels where `where` is, if there are any."""
    if colours.dtype == np.uint8:
        return 0.0, 255.0
    chosen = colours if where is None or not where.any() else colours[where]
    low, high = np.percentile(chosen, ENDS)
    return float(low), float(max(high - low, 1e-12))


def decided(overlay: np.ndarray) -> np.ndarray:
    """(H, W) logits -> bool: pixels that are likely a line's. A line is long enough, dashes and
    gaps counted in, and a good part of it is sure; its soft edges are less so.
    """
    from scipy import ndimage

    likely = overlay > LIKELY
    if not likely.any():
        return likely
    square = np.ones((3, 3), bool)
    joined = ndimage.binary_dilation(likely, square, iterations=GAP // 2)
    labels = ndimage.label(joined, square)[0] * likely
    sides = [[b.stop - b.start for b in box] for box in ndimage.find_objects(labels)]
    needed = np.interp(np.log(np.hypot(*np.transpose(sides))), np.log(EXTENT), SURE)
    best = overlay > np.concatenate([[0], needed])[labels]
    sure = ndimage.mean(best, labels, np.arange(1, len(sides) + 1))
    long = np.max(sides, 1) >= min(LENGTH, 0.4 * min(overlay.shape))
    lines = np.concatenate([[False], (sure >= SHARE) & long])[labels]
    return np.asarray(lines | (widened(lines, REACH) & (overlay > FRINGE)))
