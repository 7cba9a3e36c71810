"""Fluorescence merged into colours: the sum of channels shows nuclei, cytoplasm and all else."""

from __future__ import annotations

import numpy as np

from imgconv.errors import InputError

DARK = 0.2  # of the full range: above, the background is light (a stain) or a photo's
SIGNAL = 0.2  # of the strongest channel's: what a channel that carries something reaches
ALIKE = 0.8  # correlation of channels that are one grey or tinted picture
COLOURS = ("red", "green", "blue")


def merged_channels(plane: np.ndarray) -> list[int]:
    """Which of red, green and blue (H, W, 3) are fluorescence of their own; none of other images.

    Its background is dark in every channel, and its channels show different things.
    """
    step = max(1, int((plane.shape[0] * plane.shape[1] / 1e6) ** 0.5))
    values = plane[::step, ::step].reshape(-1, 3).astype(np.float64)
    full = np.iinfo(plane.dtype).max if plane.dtype.kind == "u" else max(values.max(), 1e-9)
    background, bright = np.percentile(values, [30, 99.8], axis=0)
    top = max(1e-9, float((bright - background).max()))
    if (background > DARK * min(full, bright.max())).any():
        return []
    carrying = [c for c in range(3) if bright[c] - background[c] > SIGNAL * top]
    if len(carrying) == 1:
        return carrying
    related = np.min(np.corrcoef(values[:, carrying].T))
    return carrying if related < ALIKE else []


def only_channel(plane: np.ndarray, name: str) -> tuple[int, ...]:
    """The channels of (H, W, 3) to look at: all of a picture in colours, the one that carries
    anything of merged fluorescence. Raises InputError where several do.
    """
    found = merged_channels(plane)
    if len(found) > 1:
        words = ", ".join(COLOURS[c] for c in found)
        raise InputError(
            f"{name}: looks like fluorescence merged into colours ({words} show different things): "
            "say which one shows the objects with `channel='blue'`, or `channel='rgb'` for all"
        )
    return tuple(found) or (0, 1, 2)
