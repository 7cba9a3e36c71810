"""Noise and overlays out of images: pure functions of one plane.

clean = Cleaning(Photo(load("denoise-photo")))
result = clean(pixels)          # .pixels, .removed, .facts
"""

from __future__ import annotations

from .cleaning import Cleaning, Result

__all__ = ["Cleaning", "Result"]
