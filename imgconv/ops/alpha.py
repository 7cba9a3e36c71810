"""Colour and its coverage taken apart and put together again; arithmetic by rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgconv import threads

FLOAT = np.dtype(np.float32)
KNOWN = ("opaque", "covered")  # straight alpha of which it is known whether it covers everything


def white(dtype: np.dtype) -> float:
    """The value of white and of full coverage."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def is_opaque(pixels: np.ndarray, alpha: str = "straight") -> bool:
    """Whether alpha, the last channel of pixels (H, W, C), covers everything.

    Of a band `alpha` says how it is in the whole image: "opaque", or "covered" to some degree.
    """
    if alpha in KNOWN:
        return alpha == "opaque"
    return bool((pixels[..., -1] == white(pixels.dtype)).all())


def without_alpha(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C - 1) of pixels (H, W, C), whose last channel is alpha."""
    return np.ascontiguousarray(pixels[..., :-1])


def with_alpha(colour: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    """(H, W, C + 1) of colour (H, W, C) and alpha (H, W, 1) or a number for all pixels."""
    out = np.empty((*colour.shape[:2], colour.shape[2] + 1), colour.dtype)
    out[..., :-1] = colour
    out[..., -1:] = alpha
    return out


def fit(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values of any shape in another type; integers are rounded half to even and clipped."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    return np.rint(values).clip(0, np.iinfo(dtype).max).astype(dtype)


def by_rows(
    function: Callable[..., np.ndarray],
    *images: np.ndarray,
    channels: int | None = None,
    dtype: np.dtype = FLOAT,
) -> np.ndarray:
    """function(rows of each image), for bands of rows on all threads, as one new image.

    images: (H, W, C) each, of one height; the result is (H, W, channels) of that dtype.
    channels: by default as many as the first image has.
    """
    height, width, depth = images[0].shape
    out = np.empty((height, width, channels or depth), dtype)

    def band(begin: int, end: int) -> None:
        out[begin:end] = function(*(image[begin:end] for image in images))

    threads.run(band, height, threads.rows_worthwhile(width * depth))
    return out
