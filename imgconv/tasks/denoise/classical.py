"""Denoising without a network, by scikit-image, to compare with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .run import by_channel

METHODS = ("nlm", "bilateral", "tv", "wavelet", "median")
REACH, NEAR, LIKE = 4, 1.8, 2.5  # of bilateral: pixels, pixels, levels of noise
STRONG = 30 / 255  # noise from which a median of 3x3 leaves too much


@dataclass(frozen=True)
class Classical:
    """One of METHODS as a Cleaner; `sigma` as for Photo, found by wavelets if it is None."""

    method: str
    sigma: float | None = None

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return (*IMPORTS[self.method], *(() if self.sigma else ("pywt", "numpy.ma")))

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] not in (1, 3):
            return by_channel(self, colours, top)
        low, span = extent(colours)
        image = ((colours - np.float32(low)) / np.float32(span)).astype(np.float32)
        told = top / span
        sigma = estimate_sigma(image) if self.sigma is None else self.sigma / 255 * told
        facts = {"noise_level": round(255 * sigma / told, 4)}
        if sigma <= 0:
            return np.zeros_like(image), facts
        flat = image if image.shape[2] == 3 else image[..., 0]
        cleaned = FUNCTIONS[self.method](flat, sigma).reshape(image.shape)
        return ((image - cleaned) * np.float32(span)).astype(np.float32), facts


def extent(colours: np.ndarray) -> tuple[float, float]:
    """The value of colours (H, W, C) that becomes 0 for the computation, and how far above it 1 is.

    Black and white of uint8, else the lowest and the highest value.
    """
    if colours.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(colours.min()), float(colours.max())
    return low, high - low or 1.0


def estimate_sigma(image: np.ndarray) -> float:
    """The level of white noise of an image (H, W, C), in its unit: the mean of its channels'.

    Each is the median of the finest diagonal wavelet coefficients over 0.6745 (Donoho, Johnstone
    1994); zeros, of places that are clipped, do not count.
    """
    from pywt import dwtn

    levels = []
    for channel in np.moveaxis(image, 2, 0):
        detail = np.abs(dwtn(channel, "db2")["dd"])
        detail = detail[detail > 0]
        levels.append(float(np.median(detail)) / 0.6745 if detail.size else 0.0)
    return float(np.mean(levels))


def axis(image: np.ndarray) -> int | None:
    """The axis of channels: the last of (H, W, C), none of (H, W)."""
    return -1 if image.ndim == 3 else None


def nlm(image: np.ndarray, sigma: float) -> np.ndarray:
    """Means of pixels whose surroundings look alike (Buades, Coll, Morel 2005).

    image: (H, W) or RGB (H, W, 3) from 0 to 1, as for all of FUNCTIONS; sigma is in its unit.
    """
    from skimage.restoration import denoise_nl_means

    return denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True,
        channel_axis=axis(image),
    )  # fmt: skip


def bilateral(image: np.ndarray, sigma: float) -> np.ndarray:
    """Means of near pixels of near brightness, of (H, W) or (H, W, 3) (Tomasi, Manduchi 1998).

    Not scikit-image's: up to 0.26 it reads its table of distances, which is 10 wide, as if it
    were 9 wide, and shifts the image by half a pixel and more.
    """
    H, W = image.shape[:2]
    rest = [(0, 0)] * (image.ndim - 2)
    padded = np.pad(image, [(REACH, REACH)] * 2 + rest, mode="edge")
    total, weights = np.zeros_like(image), np.zeros((H, W), np.float32)
    for y, x in np.ndindex(2 * REACH + 1, 2 * REACH + 1):
        near = padded[y : y + H, x : x + W]
        unlike = (near - image) ** 2
        unlike = unlike.sum(2) if image.ndim == 3 else unlike
        away = ((y - REACH) ** 2 + (x - REACH) ** 2) / NEAR**2
        weight = np.exp(-0.5 * (unlike / (LIKE * sigma) ** 2 + away)).astype(np.float32)
        weights += weight
        total += near * weight.reshape(weight.shape + (1,) * len(rest))
    return total / weights.reshape(weights.shape + (1,) * len(rest))


def tv(image: np.ndarray, sigma: float) -> np.ndarray:
    """Least total variation, of (H, W) or (H, W, 3) (Rudin, Osher, Fatemi 1992; Chambolle 2004)."""
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(image, weight=sigma, channel_axis=axis(image))


def wavelet(image: np.ndarray, sigma: float) -> np.ndarray:
    """Wavelet coefficients, of (H, W) or (H, W, 3), shrunk by BayesShrink.

    Chang, Yu, Vetterli: Adaptive wavelet thresholding for image denoising and compression, 2000.
    """
    from skimage.restoration import denoise_wavelet

    return denoise_wavelet(
        image, sigma=sigma, method="BayesShrink", mode="soft", rescale_sigma=True,
        convert2ycbcr=image.ndim == 3, channel_axis=axis(image),
    )  # fmt: skip


def median(image: np.ndarray, sigma: float) -> np.ndarray:
    """The median of 3x3 pixels of (H, W) or (H, W, 3), of 5x5 where the noise is above STRONG."""
    from scipy.ndimage import median_filter

    side = 5 if sigma > STRONG else 3
    return median_filter(image, (side, side, 1)[: image.ndim], mode="mirror")


FUNCTIONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "nlm": nlm, "bilateral": bilateral, "tv": tv, "wavelet": wavelet, "median": median,
}  # fmt: skip
IMPORTS: dict[str, tuple[str, ...]] = {
    "nlm": ("skimage.restoration:denoise_nl_means", "skimage.util:img_as_float"),
    "bilateral": (),
    "tv": ("skimage.restoration:denoise_tv_chambolle",),
    "wavelet": ("skimage.restoration:denoise_wavelet", "pywt"),
    "median": ("scipy.ndimage",),
}
