"""The model `crosshair`: overlays found and what is beneath filled in, nothing else touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from imgconv.engine import Model, run

from .prepare import Span, ends, triple
from .read import decide_lines, lies_on_paper
from .run import by_channel
from .subgraph import only


@dataclass(frozen=True, eq=False)
class Crosshair:
    """The network as a Cleaner: zero is taken out everywhere but on the lines it finds."""

    imports: ClassVar = ("scipy.ndimage",)  # when it works
    model: Model

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] not in (1, 3):
            return by_channel(self, colours, top)
        low, span = ends(colours)
        image = np.moveaxis(colours, 2, 0)
        mask = self._mask(image, low, span)
        removed = np.zeros(colours.shape, np.float32)
        if mask.any() and lies_on_paper(image, mask, low, span):
            return removed, {"overlay_pixels": 0, "axes_pixels": int(mask.sum())}
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
            return run(model, inputs, prepare=Span(low, span))["overlay"][0]

        return decide_lines((overlay(image) + overlay(image[..., ::-1])[:, ::-1]) / 2)

    def _input(self, name: str, image: np.ndarray) -> np.ndarray:
        hole = np.broadcast_to(np.float32(0), (1, *image.shape[1:]))
        return triple(image) if name == "image" else hole

    def _content(self, image: np.ndarray, mask: np.ndarray, low: float, span: float) -> np.ndarray:
        """(H, W, 3) float32 in the image's own unit."""
        model = replace(self.model, graph=only(self.model.graph, "content"))
        inputs = {"image": triple(image), "hole": mask[None]}
        found = run(model, inputs, prepare=Span(low, span))["content"]
        return np.moveaxis(np.clip(found, 0, 1) * np.float32(span) + np.float32(low), 0, 2)
