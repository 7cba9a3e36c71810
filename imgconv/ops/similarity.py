"""How alike two images are: PSNR, and SSIM (Wang and others, 2004), over what is finite."""

from __future__ import annotations

import numpy as np

WINDOW = 11  # pixels of the side of SSIM's window


def psnr(one: np.ndarray, two: np.ndarray, top: float) -> float | None:
    """Peak signal to noise in dB of two arrays of one shape, where white is `top`.

    Only values that are finite in both count. Infinite where these are equal, None without any.
    """
    a, b = one.astype(np.float64), two.astype(np.float64)
    known = np.isfinite(a) & np.isfinite(b)
    if not known.any():
        return None
    error = float(np.mean((a[known] - b[known]) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(top**2 / error))


def ssim(one: np.ndarray, two: np.ndarray, top: float) -> float | None:
    """Structural similarity of two images (H, W, C), where white is `top`: 1 of equals.

    The mean of the channels. None of images smaller than its window, and where a value is not
    finite.
    """
    from skimage.metrics import structural_similarity

    a, b = one.astype(np.float64), two.astype(np.float64)
    if min(a.shape[:2]) < WINDOW or not (np.isfinite(a) & np.isfinite(b)).all():
        return None
    found = structural_similarity(
        a, b, data_range=top, channel_axis=-1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    return float(found)
