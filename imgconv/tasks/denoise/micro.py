"""The model `micro`: camera noise on micrographs, intensities kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from imgconv.engine import Model, run
from imgconv.ops.filter import IMPORTS as FILTERS

from .camera import Camera, find_camera
from .prepare import normalise
from .read import balance, pool_levels
from .run import by_channel
from .subgraph import only

TRUST = 1.6  # factor by which the gauge may correct the level of the camera


@dataclass(frozen=True, eq=False)
class Micro:
    """The network as a Cleaner, behind a transform that makes the noise alike everywhere.

    Every channel has its own camera, found in the image; sigma, in 1/255 of full scale, tells
    that the noise is alike everywhere and how strong. What is taken out has the mean zero in
    the whole image and around every place, so no light is lost or made.
    """

    sums: ClassVar[bool] = True  # see Cleaner
    model: Model
    sigma: float | None = None

    imports: ClassVar = (*FILTERS, "numpy.ma")  # when it works

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] > 1:
            return by_channel(self, colours, top)
        plane = colours[..., 0].astype(np.float32)
        camera = self._camera(plane, top)
        if camera.dark_noise == 0:
            return np.zeros(colours.shape, np.float32), facts_of(camera)
        cleaned = self._clean(plane, camera)
        removed = balance(plane - cleaned)
        return removed[..., None], facts_of(camera)

    def _camera(self, plane: np.ndarray, top: float) -> Camera:
        if self.sigma is None:
            return find_camera(plane)
        return Camera(0.0, (self.sigma / 255 * top) ** 2, float(plane.min()))

    def _clean(self, plane: np.ndarray, camera: Camera) -> np.ndarray:
        y, low, span = normalise(plane, camera)
        planes = np.zeros((3, *y.shape), np.float32)
        planes[0] = y
        level = np.array([self._level(planes, 1 / span), 0], np.float32)
        inputs = {"image": planes, "level": np.broadcast_to(level[:, None, None], (2, *y.shape))}
        noise = run(replace(self.model, graph=only(self.model.graph, "noise")), inputs)["noise"]
        return camera.restore((y - noise[0]) * span + low).astype(np.float32)

    def _level(self, planes: np.ndarray, told: float) -> float:
        """What the gauge says, near what the camera's transform promises."""
        if self.sigma is not None:
            return told
        model = replace(self.model, graph=only(self.model.graph, "gauge"))
        return trusted(pool_levels(run(model, {"image": planes})["gauge"]), told)


def facts_of(camera: Camera) -> dict[str, Any]:
    """What the user hears of it."""
    facts = {"gain": camera.gain, "dark_noise": camera.dark_noise}
    return {name: float(f"{value:.6g}") for name, value in facts.items()}


def trusted(gauged: np.ndarray, told: float) -> float:
    """The level that the gauge says, (2,), near what the camera's transform promises."""
    return float(np.clip(float(gauged[0]), told / TRUST, told * TRUST))
