"""Small pictures of planes, for pages that show many."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

LARGEST, LEAST, QUALITY = 900, 160, 78  # pixels of the longer side, of a JPEG


def jpeg(picture: np.ndarray, most: int, largest: int = LARGEST) -> bytes:
    """A JPEG of about `most` bytes of uint8 (H, W, 1 or 3), or (H, W), made smaller as needed."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)
    side = min(largest, max(image.size))
    while True:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        file = encode(small, quality=QUALITY)
        if len(file) <= most or side <= LEAST:
            return file
        side = max(LEAST, int(side * 0.8))


def encode(image: Image.Image, **how: Any) -> bytes:
    """A JPEG of grey or RGB, as Pillow's options say."""
    file = io.BytesIO()
    image.save(file, "JPEG", **how)
    return file.getvalue()
