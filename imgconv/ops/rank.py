"""Maxima and minima of windows of any size around each pixel."""

from __future__ import annotations

import numpy as np

from ..kernels.plane_layout import Reals
from .box import WORDS, run


def ranked(pixels, method, size, *, border="reflect", fill=None, out=None):
    out = np.empty_like(pixels) if out is None else out
    word = WORDS[pixels.dtype]
    run(f"{method}_{word}", pixels, out, size, border, fill, Reals(), (word, word, "f32"))
    return out
