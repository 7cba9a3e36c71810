"""The noise of a camera: its variance grows with the light, and can be made one everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

BLOCK = 8  # pixels of the side of a block that has one mean and one variance
MOST = 1 << 21  # blocks that are looked at, about
BINS = 32  # of brightness
TYPICAL = 0.4  # quantile of the blocks of a bin: texture only ever adds
UNDER = 0.882  # that quantile of the variances of blocks of white noise, whose mean is 1
LINEAR = 0.25  # of the darkest level's variance: below, the transform goes on as a line


@dataclass(frozen=True)
class Camera:
    """var(x) = gain x + rest; `dark` is the darkest level, where that is positive.

    gain: the value of one photon. rest: the square of the read noise, less gain times the
    camera's offset.
    """

    gain: float
    rest: float
    dark: float = 0.0

    @property
    def dark_noise(self) -> float:
        """The standard deviation of the noise at the darkest level."""
        return float(np.sqrt(self.gain * self.dark + self.rest))

    def stabilise(self, x: np.ndarray) -> np.ndarray:
        """The generalised Anscombe transform: noise of variance one; zero at the darkest level.

        x: of any shape. 2/g (sqrt(g x + k) - sqrt(g dark + k)) with k = rest + 3/8 g^2 (Murtagh,
        Starck, Bijaoui 1995), written so that a gain of zero is allowed; under a quarter of the
        darkest variance a tangent takes over.
        """
        root, low = self._ends()
        if self.gain == 0:
            return (x - self.dark) / root
        under = np.maximum(self.gain * (x - self.dark) + root**2, low**2)
        bent = self._bent(low)
        values = 2 * (x - self.dark) / (np.sqrt(under) + root)
        return np.where(x >= bent, values, 2 * (bent - self.dark) / (low + root) + (x - bent) / low)

    def restore(self, y: np.ndarray) -> np.ndarray:
        """The inverse of `stabilise`, of values of any shape."""
        root, low = self._ends()
        if self.gain == 0:
            return self.dark + root * y
        bent = self._bent(low)
        at = 2 * (bent - self.dark) / (low + root)
        values = self.dark + root * y + self.gain / 4 * y * y
        return np.where(y >= at, values, bent + (y - at) * low)

    def _ends(self) -> tuple[float, float]:
        root = float(np.sqrt(self.dark_noise**2 + 3 / 8 * self.gain**2))
        return root, root * LINEAR**0.5

    def _bent(self, low: float) -> float:
        """Where the tangent begins."""
        root = low / LINEAR**0.5
        return self.dark - (root**2 - low**2) / self.gain


def find_camera(plane: np.ndarray) -> Camera:
    """The camera of a plane (H, W): a line through the variance of blocks over their mean.

    The noise is what [1 -2 1] both ways leaves (Immerkaer 1996); of the blocks of like
    brightness those count that vary little.
    """
    return camera_of(*measure_blocks(plane.astype(np.float32)))


def camera_of(means: np.ndarray, variances: np.ndarray) -> Camera:
    """The camera of a plane by (n,) means and (n,) noise variances of its blocks, in order."""
    if not means.size:
        return Camera(0.0, 0.0)
    order = np.argsort(means)
    bins = np.array_split(order, max(1, min(BINS, means.size // 12)))
    x = np.array([means[b].mean() for b in bins], np.float64)
    y = np.array([np.quantile(variances[b], TYPICAL) / UNDER for b in bins], np.float64)
    gain, level = line(x - x[0], y)
    return Camera(gain, level - gain * x[0], float(x[0]))


def measure_blocks(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) means and (n,) noise variances of the blocks of a plane (H, W), float."""
    white = plane.max(initial=0)
    tops = tops_of_blocks(plane.shape)
    return join_blocks(measure_rows(plane[y : y + BLOCK + 2], white) for y in tops)


def tops_of_blocks(shape: tuple[int, ...]) -> range:
    """The first rows of what `measure_rows` is given of a plane (H, W); of large ones not all."""
    if min(shape[:2]) < BLOCK + 2:
        return range(0)
    blocks = (shape[0] - 2) // BLOCK * ((shape[1] - 2) // BLOCK)
    return range(0, shape[0] - BLOCK - 1, BLOCK * max(1, blocks // MOST))


def measure_rows(rows: np.ndarray, white: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of a row of blocks, whose rows and those around them are (BLOCK + 2, W); those of
    BLOCK x BLOCK pixels that are neither constant nor saturated. white: the largest value of all.
    """
    across = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    rough = (across[:-2] - 2 * across[1:-1] + across[2:]) / 6
    inner = rows[1:-1, 1:-1]
    w = inner.shape[1] // BLOCK * BLOCK

    def blocks(values: np.ndarray) -> np.ndarray:
        return np.asarray(values[:, :w].reshape(BLOCK, w // BLOCK, BLOCK).mean((0, 2)))

    means, variances = blocks(inner), blocks(rough * rough)
    counts = blocks((inner >= white).astype(np.float32)) < 0.1
    good = counts & (variances > 0)
    return means[good], variances[good]


def join_blocks(
    rows: Iterable[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of all rows of blocks."""
    found = [(np.empty(0), np.empty(0)), *rows]
    means, variances = (np.concatenate(part) for part in zip(*found, strict=True))
    return means, variances


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and value at x = 0 of a line through points x (n,), y (n,), neither negative.

    An error counts relative to the value; points far above the line, that is texture, lose
    their weight.
    """
    weight = 1 / np.maximum(y, 1e-12 * y.max() + 1e-300)
    design = np.stack([x, np.ones_like(x)], 1)
    slope, start = 0.0, float(np.median(y))
    for _ in range(12):
        slope, start = fit_two(design * weight[:, None], y * weight)
        wanted = np.maximum(slope * x + start, 1e-9 * y.max() + 1e-300)
        above = np.maximum(y / wanted - 1, 0)
        weight = 1 / wanted / (1 + (above / 0.25) ** 2)
    return float(slope), max(float(start), 1e-6 * float(y.max()))


def fit_two(design: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The two numbers, neither negative, by which design (n, 2) comes nearest to y (n,).

    scipy.optimize.nnls finds the same, but importing it takes longer than denoising a photograph.
    """
    both = np.linalg.lstsq(design, y, rcond=None)[0]
    if (both >= 0).all():
        return float(both[0]), float(both[1])
    alone = np.maximum(design.T @ y, 0) / np.maximum((design**2).sum(0), 1e-300)
    gained = alone * (design.T @ y)
    return (float(alone[0]), 0.0) if gained[0] > gained[1] else (0.0, float(alone[1]))
