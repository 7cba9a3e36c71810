"""From a plane to what the networks that clean see of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv.tasks.large_plane import LargePlane

from .camera import Camera
from .opponent import FORWARD
from .run import step_of

ENDS = (0.1, 99.9)  # percentiles that become 0 and 1, where the type does not say what is white
ENDS_OF_LIGHT = (0.5, 99.9)  # percentiles that become 0 and 1 behind a camera's transform
LEAST = 4.0  # standard deviations of noise between them at least


def triple(image: np.ndarray) -> np.ndarray:
    """(3, H, W) of an image (1 or 3, H, W): grey as three equal channels, without a copy."""
    return np.broadcast_to(image, (3, *image.shape[1:]))


@dataclass(frozen=True)
class Opponent:
    """Pixels -> opponent planes with white at 1; levels stay as they are."""

    top: float

    def __call__(self, piece: np.ndarray) -> np.ndarray:
        if len(piece) == 2:
            return piece
        return np.tensordot(FORWARD / np.float32(self.top), piece.astype(np.float32), 1)


@dataclass(frozen=True)
class Span:
    """Pixels from 0 to 1; the hole stays as it is."""

    low: float
    span: float

    def __call__(self, piece: np.ndarray) -> np.ndarray:
        values = piece.astype(np.float32)
        if len(piece) == 1:
            return values
        return np.clip((values - np.float32(self.low)) / np.float32(self.span), 0, 1)


def ends(plane: LargePlane, lines: LargePlane | None = None) -> tuple[float, float]:
    """The value of colours (H, W, C) that is 0 to the network, and how far above it 1 is.

    One normalisation for the whole image, by pixels (of a large one some) that are not of `lines`
    (H, W, 1), if there are any.
    """
    if plane.dtype == np.uint8:
        return 0.0, 255.0
    step = step_of(plane.shape)
    sample = plane.sampled(step)
    rest = None if lines is None else ~lines.sampled(step)[..., 0]
    low, high = np.percentile(sample if rest is None or not rest.any() else sample[rest], ENDS)
    return float(low), float(max(high - low, 1e-12))


def normalise(plane: np.ndarray, camera: Camera) -> tuple[np.ndarray, float, float]:
    """A plane (H, W) stabilised and scaled to about 0 to 1: float32 (H, W).

    Also the stabilised value that became 0, and how far above it 1 is, in levels of the noise: in
    the result the noise has the level 1 / that.
    """
    step = step_of(plane.shape)
    low, span = ends_of_light(plane[::step, ::step], camera)
    return scaled(plane, camera, low, span), low, span


def ends_of_light(sample: np.ndarray, camera: Camera) -> tuple[float, float]:
    """The stabilised value that becomes 0, and how far above it 1 is, by some pixels of a plane."""
    low, high = (float(v) for v in np.percentile(camera.stabilise(sample), ENDS_OF_LIGHT))
    return low, max(high - low, LEAST)


def scaled(plane: np.ndarray, camera: Camera, low: float, span: float) -> np.ndarray:
    """Rows of a plane (h, W) stabilised and scaled: float32."""
    return ((camera.stabilise(plane) - low) / span).astype(np.float32)
