"""A photo as a small camera takes it at dusk: few photons, electronic noise, 8 bits."""

from __future__ import annotations

import numpy as np
from PIL import Image

GAMMA = 2.2
PHOTONS = 120.0  # of white
READ = 2.0  # photons, the noise of the electronics
SEED = 11


def make_grainy(picture: Image.Image) -> np.ndarray:
    """uint8 (H, W, 3) of half the picture's size."""
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
    rng = np.random.default_rng(SEED)
    light = PHOTONS * (np.asarray(half) / 255) ** GAMMA
    seen = rng.poisson(light) + rng.normal(0, READ, light.shape)
    values = np.clip(seen / PHOTONS, 0, 1) ** (1 / GAMMA)
    return np.rint(values * 255).astype(np.uint8)
