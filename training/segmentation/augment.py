"""A random crop of a random image, turned, scaled and lit differently every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from imgconv.tasks.segment.card import PREPARE, READ
from imgconv.tasks.segment.prepare import compress

from .data import Example
from .targets import targets

Crop = tuple[np.ndarray, np.ndarray]
BY_A_MODEL = 0.5  # how much labels count that a model made
OUTSIDE = 2**16 - 1  # stands for -1 in uint16


class Sampler:
    """Draws an image, and a crop of it.

    A field counts as the square root of its images, so that neighbouring crops of a single slide
    do not outvote the rest; a source as the square root of its fields; kinds by their shares;
    labels that a model made half.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        shares: dict[str, float],
        plain: float = 0.0,
        usual: float = READ["usual"],
    ) -> None:
        """`plain` is the share of crops that are only flipped, turned by right angles and scaled;
        `usual` the diameter of objects, in pixels, at which most are shown."""
        self.examples = list(examples)
        self.plain, self.usual = plain, usual
        self.weight = weights(self.examples, shares)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(4, size, size) image and (5, size, size) maps: the targets, and what counts."""
        place = int(rng.choice(len(self.examples), p=self.weight))
        plain = bool(rng.random() < self.plain)
        item = self.examples[place]
        factor = zoom(rng, item.diameter, self.usual, plain)
        pixels, labels = crop(rng, item, factor, size, plain)
        if not plain:
            pixels = lighting(rng, pixels)
        image = np.clip(pixels, *PREPARE["clip"]).astype(np.float32).transpose(2, 0, 1)
        faint = compress(image, PREPARE["compress"])
        maps = targets(np.maximum(labels, 0))
        return (
            np.concatenate([image, faint[None]]),
            np.concatenate([maps, labels[None] >= 0]).astype(np.float32),
        )


def weights(examples: Sequence[Example], shares: dict[str, float]) -> np.ndarray:
    """(N,) how often each is drawn; sums to 1."""
    weight = np.array([1.0 if one.manual else BY_A_MODEL for one in examples])
    weight *= _power([(one.kind, one.source, one.field) for one in examples], weight, -0.5)
    weight *= _power([(one.kind, one.source) for one in examples], weight, -0.5)
    kinds = [one.kind for one in examples]
    weight *= _power(kinds, weight, -1) * [shares.get(kind, 1.0) for kind in kinds]
    return np.asarray(weight / weight.sum())


def _power(groups: Sequence[Any], weight: np.ndarray, power: float) -> np.ndarray:
    """(N,) the sum of the weights of each one's group, to a power."""
    sums: dict[Any, float] = {}
    for group, one in zip(groups, weight, strict=True):
        sums[group] = sums.get(group, 0.0) + one
    return np.array([sums[group] ** power for group in groups])


def zoom(rng: np.random.Generator, diameter: float, usual: float, plain: bool) -> float:
    """Mostly what brings the objects to about the usual size, which is how images are looked at
    once their size is known; else the native scale or any, at which that size is found out."""
    if plain:
        return 1.0 if rng.random() < 0.25 else usual / diameter
    choice = rng.random()
    if choice < 0.65:
        factor = usual / diameter * np.exp(rng.normal(0, 0.25))
    elif choice < 0.8:
        factor = np.exp(rng.normal(0, 0.15))
    else:
        factor = np.exp(rng.uniform(np.log(8), np.log(110))) / diameter
    return float(np.clip(factor, min(1.0, 8 / diameter), max(1.0, 110 / diameter)))


def placement(
    rng: np.random.Generator, shape: tuple[int, int], factor: float, size: int
) -> np.ndarray:
    """(2, 3) affine map from crop coordinates to image coordinates."""
    angle = rng.integers(4) * np.pi / 2
    if rng.random() < 0.4:
        angle += rng.uniform(-np.pi / 4, np.pi / 4)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    stretch = np.exp(rng.normal(0, 0.08, 2)) * np.where(rng.random(2) < 0.5, -1, 1)
    return placed(rng, turn * stretch, shape, size)


def upright(
    rng: np.random.Generator, shape: tuple[int, int], factor: float, size: int
) -> np.ndarray:
    """(2, 3) affine map that flips, turns by right angles and scales; at factor 1 no pixel is
    interpolated."""
    turn = np.diag(rng.choice([-1.0, 1.0], 2))[rng.permutation(2)] / factor
    matrix = placed(rng, turn, shape, size)
    return np.rint(matrix) if factor == 1.0 else matrix


def placed(
    rng: np.random.Generator, turn: np.ndarray, shape: tuple[int, int], size: int
) -> np.ndarray:
    """The (2, 3) map with its crop somewhere in the image, in the middle where it is larger."""
    sides = np.array([shape[1], shape[0]])
    reach = np.minimum(np.abs(turn).sum(1) * size / 2, sides / 2)
    centre = reach + rng.random(2) * (sides - 2 * reach)
    return np.hstack([turn, (centre - turn @ np.full(2, size / 2))[:, None]])


def crop(rng: np.random.Generator, item: Example, factor: float, size: int, plain: bool) -> Crop:
    """(size, size, 3) normalised pixels and (size, size) labels, -1 outside of the image;
    enlarged by `factor`."""
    shape = item.labels.shape
    matrix = (upright if plain else placement)(rng, shape, factor, size)
    columns, rows = np.meshgrid(
        np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32)
    )
    x = (matrix[0, 0] * columns + matrix[0, 1] * rows + matrix[0, 2]).astype(np.float32)
    y = (matrix[1, 0] * columns + matrix[1, 1] * rows + matrix[1, 2]).astype(np.float32)
    if not plain and rng.random() < 0.3:
        x, y = bend(rng, x, item.diameter), bend(rng, y, item.diameter)
    rounded = [np.rint(x).astype(np.float32), np.rint(y).astype(np.float32)]
    outside = OUTSIDE if item.labels.dtype == np.uint16 else -1
    labels = cv2.remap(
        item.labels, *rounded, cv2.INTER_NEAREST, None, cv2.BORDER_CONSTANT, outside
    ).astype(np.int32)
    labels[labels == outside] = -1
    dark, bright = item.range
    source = item.pixels if item.pixels.dtype in (np.uint8, np.uint16) else item.pixels.astype("f4")
    if factor < 0.75:
        source = cv2.GaussianBlur(source, (0, 0), 0.4 / factor)
    pixels = cv2.remap(source, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT_101)
    pixels = (pixels.reshape(size, size, -1).astype(np.float32) - dark) / (bright - dark)
    return np.repeat(pixels, 3 // pixels.shape[2], 2), labels


def bend(rng: np.random.Generator, places: np.ndarray, diameter: float) -> np.ndarray:
    """Mild elastic deformation: a few smooth shifts of up to about a tenth of an object."""
    coarse = rng.normal(0, 0.06 * diameter, (4, 4)).astype(np.float32)
    return places + cv2.resize(coarse, places.shape[::-1], interpolation=cv2.INTER_CUBIC)


def lighting(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """Intensity changes of (H, W, 3) normalised pixels; 0 and 1 are the image's levels."""
    coloured = bool((pixels[:, :, 0] != pixels[:, :, 1]).any())
    if coloured:
        pixels = recolour(rng, pixels)
    if rng.random() < (0.08 if coloured else 0.15):
        pixels = 1 - pixels
    if rng.random() < 0.5:
        pixels = np.sign(pixels) * np.abs(pixels) ** np.float32(np.exp(rng.uniform(-0.6, 0.6)))
    if rng.random() < 0.5:
        pixels = pixels * np.float32(np.exp(rng.normal(0, 0.2))) + np.float32(rng.normal(0, 0.06))
    if rng.random() < 0.2:
        ramp = cv2.resize(rng.normal(0, 0.15, (2, 2)).astype(np.float32), pixels.shape[1::-1])
        pixels = pixels * (1 + ramp)[:, :, None] + 0.5 * ramp[:, :, None]
    if rng.random() < 0.25:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.35:
        shape = pixels.shape if coloured else (*pixels.shape[:2], 1)
        noise = rng.standard_normal(shape, np.float32) * np.float32(rng.uniform(0.01, 0.1))
        pixels = pixels + noise
    return pixels


def recolour(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """Other stains: mixed, shuffled, unequally bright or missing colours."""
    choice = rng.random()
    if choice < 0.1:
        return pixels[:, :, rng.permutation(3)]
    if choice < 0.22:
        grey = pixels @ rng.dirichlet(np.ones(3)).astype(np.float32)
        return np.repeat(grey[:, :, None], 3, 2)
    if choice < 0.75:
        mix = np.eye(3) + rng.normal(0, 0.08, (3, 3))
        shift = rng.normal(0, 0.05, 3)
        return pixels @ mix.astype(np.float32) + shift.astype(np.float32)
    return pixels
