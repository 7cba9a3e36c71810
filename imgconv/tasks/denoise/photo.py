"""The model `photo`: noise of photographs, its level found or told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgconv.engine import Model, run

from .opponent import BACK
from .prepare import Opponent, triple
from .read import PLACE, ignore_clipped, without_texture
from .run import by_channel, step_of
from .subgraph import only

NOTHING = 0.4 / 255  # a level below which there is nothing to do: rounding to 8 bits gives 0.29
BRIGHT = 99.9  # percentile of the brightest values
DIM = 0.5  # of white: darker and brighter images are scaled for the gauge, which knows photos


@dataclass(frozen=True, eq=False)
class Photo:
    """The network as a Cleaner: RGB together, any other number of channels one by one.

    sigma: the noise's level in 1/255 of full scale; None lets the network's gauge find it.
    """

    model: Model
    sigma: float | None = None

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works: percentiles do."""
        return ("numpy.ma",) if self.sigma is None else ()

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] not in (1, 3):
            return by_channel(self, colours, top)
        grey = colours.shape[2] == 1 or bool((colours == colours[..., :1]).all())
        view = np.moveaxis(colours[..., :1] if grey else colours, 2, 0)
        removed, level = self._remove(view, top)
        wide = np.broadcast_to(removed, colours.shape) if grey else removed
        return np.array(wide, order="C"), {"noise_level": round(255 * level, 4)}

    def _remove(self, image: np.ndarray, top: float) -> tuple[np.ndarray, float]:
        """(1 or 3, H, W) -> (H, W, 1 or 3) float32, and the level (of R, G and B)."""
        grey, size = len(image) == 1, image.shape[1:]
        levels, nothing = self._levels(image, top)
        level = of_rgb(levels, grey)
        if level <= (nothing if self.sigma is None else 0):
            return np.zeros((*size, len(image)), np.float32), level
        inputs = {
            "image": triple(image),
            "level": np.broadcast_to(levels[:, None, None], (2, *size)),
        }
        back = BACK[:1, :1] if grey else BACK

        def finish(name: str, noise: np.ndarray) -> np.ndarray:
            return np.tensordot(back * np.float32(top), noise[: len(back)], 1)

        graph = only(self.model.graph, "noise")
        model = replace(self.model, graph=graph)
        found = run(model, inputs, prepare=Opponent(top), finish=finish)["noise"]
        return np.moveaxis(found, 0, 2), level

    def _levels(self, image: np.ndarray, top: float) -> tuple[np.ndarray, float]:
        """Levels of brightness and of colours, white being 1; and which is as good as none."""
        grey = len(image) == 1
        if self.sigma is not None:
            return told_levels(self.sigma, grey), 0.0
        step = bright_step(image.shape[1:])
        bright = float(np.percentile(np.abs(image[:, ::step, ::step]), BRIGHT))
        if min(image.shape[1:]) < PLACE:
            return np.zeros(2, np.float32), 0.0
        reach = gauge_white(bright, top)
        graph = only(self.model.graph, "gauge")
        found = run(
            replace(self.model, graph=graph), {"image": triple(image)}, prepare=Opponent(reach)
        )
        levels = without_texture(ignore_clipped(found["gauge"], image))
        return gauged_levels(levels, grey, reach, top)


def bright_step(shape: tuple[int, ...]) -> int:
    """Of an image (H, W) every how manieth row and column is looked at for its brightness."""
    return max(4, step_of(shape))


def told_levels(sigma: float, grey: bool) -> np.ndarray:
    """(2,) levels of brightness and of colours where every value's is `sigma` / 255 of white."""
    told = sigma / 255
    return np.array([told, 0] if grey else [told / 3**0.5, told], np.float32)


def gauge_white(bright: float, top: float) -> float:
    """What is white to the gauge, for an image whose brightest values are `bright`."""
    return top if DIM * top < bright <= top else max(bright, 1e-6 * top)


def gauged_levels(
    levels: np.ndarray, grey: bool, reach: float, top: float
) -> tuple[np.ndarray, float]:
    """(2,) levels, `top` being white, of those found with `reach` as white; and which is as good as
    none."""
    found = levels * np.float32(reach / top)
    found = found * np.array([1, 0], np.float32) if grey else found
    return found, NOTHING * max(1.0, reach / top)


def of_rgb(levels: np.ndarray, grey: bool) -> float:
    """The level of noise in R, G and B from levels (2,): those of brightness and of colours.

    grey: the brightness alone counts. See opponent.py for what the two are.
    """
    return float(levels[0] if grey else np.sqrt(levels[0] ** 2 + levels[1] ** 2 * 2 / 3))
