"""The stencils that have a name: one table for the parser, the help and `imgconv kernels`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from imgconv.errors import UsageError

from .stencil import Stencil, stencil, uniform

WIDEST = 4000  # rows and columns of a box


@dataclass(frozen=True)
class Named:
    """A named stencil, or two whose responses are the legs of a right triangle.

    matrices: texts such as "0 -1 0; -1 5 -1; 0 -1 0"; divisor: what they are divided by.
    """

    name: str
    matrices: tuple[str, ...]
    source: str
    meaning: str
    divisor: int = 1

    def stencils(self) -> tuple[Stencil, ...]:
        """Its one or two stencils."""
        return tuple(stencil(_integers(text, self.divisor)) for text in self.matrices)


def _integers(text: str, divisor: int) -> list[list[Fraction]]:
    return [[Fraction(int(v), divisor) for v in row.split()] for row in text.split(";")]


def _one(name: str, matrix: str, source: str, meaning: str, divisor: int = 1) -> Named:
    return Named(name, (matrix,), source, meaning, divisor)


def _gradient(name: str, x: str, y: str, source: str) -> list[Named]:
    """The two directions of a gradient and its length."""
    return [
        _one(f"{name}-x", x, source, "rises to the right: vertical edges"),
        _one(f"{name}-y", y, source, "rises downwards: horizontal edges"),
        Named(name, (x, y), source, "length of the gradient: edges of every direction"),
    ]


LECTURE = "lecture on convolutional networks"
NAMED: dict[str, Named] = {
    entry.name: entry
    for entry in [
        _one("identity", "0 0 0; 0 1 0; 0 0 0", LECTURE, "the image itself"),
        _one("edge-diagonal", "1 0 -1; 0 0 0; -1 0 1", LECTURE, "corners and diagonal edges"),
        _one("laplacian", "0 1 0; 1 -4 1; 0 1 0", LECTURE, "second derivative, 4 neighbours"),
        _one("outline", "-1 -1 -1; -1 8 -1; -1 -1 -1", LECTURE, "edges, 8 neighbours"),
        _one("sharpen", "0 -1 0; -1 5 -1; 0 -1 0", LECTURE, "edges made stronger"),
        _one("box", "1 1 1; 1 1 1; 1 1 1", LECTURE, "mean of 3x3 pixels", 9),
        _one("gaussian", "1 2 1; 2 4 2; 1 2 1", LECTURE, "soft 3x3 blur", 16),
        _one("cross", "1 0 1; 0 1 0; 1 0 1", LECTURE, "its worked example: a diagonal cross"),
        *_gradient("sobel", "-1 0 1; -2 0 2; -1 0 1", "-1 -2 -1; 0 0 0; 1 2 1",
                   "Sobel and Feldman 1968"),
        *_gradient("prewitt", "-1 0 1; -1 0 1; -1 0 1", "-1 -1 -1; 0 0 0; 1 1 1",
                   "Prewitt 1970"),
        *_gradient("scharr", "-3 0 3; -10 0 10; -3 0 3", "-3 -10 -3; 0 0 0; 3 10 3",
                   "Scharr 2000"),
        *_gradient("roberts", "1 0; 0 -1", "0 1; -1 0", "Roberts 1963"),
        _one("laplacian-8", "1 1 1; 1 -8 1; 1 1 1", "Gonzalez and Woods",
             "second derivative, 8 neighbours"),
        _one("log", "0 0 -1 0 0; 0 -1 -2 -1 0; -1 -2 16 -2 -1; 0 -1 -2 -1 0; 0 0 -1 0 0",
             "Marr and Hildreth 1980", "Laplacian of Gaussian, 5x5: edges in spite of noise"),
        _one("emboss", "-2 -1 0; -1 1 1; 0 1 2", "classic", "relief lit from the lower right"),
        _one("unsharp",
             "-1 -4 -6 -4 -1; -4 -16 -24 -16 -4; -6 -24 476 -24 -6; -4 -16 -24 -16 -4; "
             "-1 -4 -6 -4 -1", "classic", "image plus what a 5x5 Gaussian removes", 256),
        _one("motion", "; ".join(" ".join("1" if i == j else "0" for j in range(9))
                                 for i in range(9)), "classic", "motion blur, 9 px down right", 9),
    ]
}  # fmt: skip

ALIASES = {
    "blur": "box", "edge": "outline", "edge1": "edge-diagonal", "edge2": "laplacian",
    "edge3": "outline", "gauss": "gaussian", "unsharp-mask": "unsharp",
}  # fmt: skip

MEANT = {
    "smooth": "gaussian", "soft": "gaussian", "average": "box", "mean": "box", "edges": "outline",
    "edge-detect": "outline", "contour": "outline", "gradient": "sobel", "canny": "sobel",
    "relief": "emboss", "derivative": "sobel", "high-pass": "laplacian", "dog": "log:2",
    "low-pass": "gaussian", "dilate": "max:3", "erode": "min:3", "despeckle": "median:3",
    "none": "identity", "usm": "unsharp", "crisp": "sharpen",
}  # fmt: skip
"""What people call a kernel that has another name here: suggested, not taken."""


@dataclass(frozen=True)
class Family:
    """Stencils made to measure: NAME:NUMBER, e.g. gaussian:2."""

    name: str
    example: str
    meaning: str
    make: Callable[[list[float]], Stencil]
    numbers: tuple[int, ...] = (1,)  # how many numbers may follow the name


def gaussian(sigma: float) -> Stencil:
    """A normalised Gaussian of `sigma` pixels, cut off at 4 sigma (as SciPy does)."""
    _above_zero("gaussian", "sigma", sigma)
    row = _bell(sigma, math.ceil(4 * sigma))
    row /= row.sum()
    return Stencil(np.outer(row, row))


def _bell(sigma: float, radius: int) -> np.ndarray:
    return np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)


def laplacian_of_gaussian(sigma: float) -> Stencil:
    """The sampled Laplacian of a Gaussian, positive in the middle, summing to zero."""
    _above_zero("log", "sigma", sigma)
    radius = math.ceil(4 * sigma)
    square = np.arange(-radius, radius + 1.0)[None] ** 2 / sigma**2
    bell = _bell(sigma, radius)
    weights = np.outer(bell, bell) * (2 - square - square.T)
    weights /= 2 * math.pi * sigma**4
    return Stencil(weights - weights.mean())


def box(height: float, width: float) -> Stencil:
    """The mean of height x width pixels."""
    for size in (height, width):
        if not 1 <= size <= WIDEST or size != int(size):
            raise UsageError(f"box:{size:g} is no size: give whole pixels, 1 to {WIDEST}: box:5")
    return uniform(int(height), int(width))


def motion(length: float, degrees: float) -> Stencil:
    """The mean along a line of `length` pixels, `degrees` anticlockwise from the right.

    The line is `length` points one pixel apart, each shared among the four pixels around it.
    """
    _above_zero("motion", "length", length)
    radius = math.ceil((length - 1) / 2)
    weights = np.zeros((2 * radius + 1, 2 * radius + 1))
    angle = math.radians(degrees)
    for t in np.linspace(-(length - 1) / 2, (length - 1) / 2, math.ceil(length)):
        _share(weights, radius - t * math.sin(angle), radius + t * math.cos(angle))
    return _crop(weights / weights.sum())


def _share(weights: np.ndarray, y: float, x: float) -> None:
    i, j = math.floor(y + 1e-9), math.floor(x + 1e-9)
    for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = (1 - abs(y - i - di)) * (1 - abs(x - j - dj))
        if part > 1e-9:
            weights[i + di, j + dj] += part


def _crop(weights: np.ndarray) -> Stencil:
    """Without empty outer rows and columns; it stays symmetric about its middle."""
    while weights.shape[0] > 1 and not weights[[0, -1]].any():
        weights = weights[1:-1]
    while weights.shape[1] > 1 and not weights[:, [0, -1]].any():
        weights = weights[:, 1:-1]
    return stencil(weights, "motion")


def _above_zero(name: str, what: str, value: float) -> None:
    if not 0 < value <= 1000:
        raise UsageError(f"{name}:{value:g}: its {what} must lie above 0 and up to 1000")


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in [
        Family("gaussian", "gaussian:2", "Gaussian blur of any sigma (pixels), cut at 4 sigma",
               lambda v: gaussian(v[0])),
        Family("box", "box:5 or box:3x9", "mean of any size, or height x width",
               lambda v: box(v[0], v[-1]), (1, 2)),
        Family("log", "log:1.4", "Laplacian of Gaussian of any sigma",
               lambda v: laplacian_of_gaussian(v[0])),
        Family("motion", "motion:15 or motion:15:30", "motion blur: length, degrees",
               lambda v: motion(v[0], v[1] if len(v) > 1 else 0), (1, 2)),
    ]
}  # fmt: skip
