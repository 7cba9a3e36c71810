"""The methods without a network, most of them scikit-image's: an image and the noise's level -> the
image without."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

REACH, NEAR, LIKE = 4, 1.8, 2.5  # of bilateral: pixels, pixels, levels of noise
STRONG = 30 / 255  # noise from which a median of 3x3 leaves too much
STEPS = 40  # of tv


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
    """Least total variation, of (H, W) or (H, W, 3) (Rudin, Osher, Fatemi 1992; Chambolle 2004).

    In a fixed number of steps, each of which reaches one pixel farther.
    """
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(
        image, weight=sigma, eps=0, max_num_iter=STEPS, channel_axis=axis(image)
    )


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
METHODS = tuple(FUNCTIONS)
