"""Colour for grey pictures: pure functions of one plane.

work = Colorizer(load("colorize-photo"), hints=(point("120,80,#3b5d38"),))
rgb = work(plane, info)         # describe(info) is the record that belongs to it
"""

from __future__ import annotations

from .colorizer import Colorizer, describe

__all__ = ["Colorizer", "describe"]
