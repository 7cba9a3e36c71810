"""Noise and overlays out of images: pure functions of one plane.

model, card = load("photo", "denoise")
clean = Cleaning(network(model, card))
result = clean(pixels)          # .pixels, .removed, .facts
"""

from __future__ import annotations

from .networks import network
from .run import Cleaner, Cleaning, Result

__all__ = ["Cleaner", "Cleaning", "Result", "network"]
