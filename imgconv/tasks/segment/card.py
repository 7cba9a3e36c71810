"""The card of a segmentation network: what may be set, and the usual values."""

from __future__ import annotations

from typing import Any

from imgconv.engine import Model
from imgconv.errors import InputError
from imgconv.tasks.card import Card, Task

PREPARE: dict[str, Any] = {
    "levels": "objects",
    "low": 1.0,
    "high": 99.8,
    "clip": [-0.5, 3.0],
    "glare": 12.0,
    "compress": 30.0,
}
"""How the input is made. levels: what sets 0 and 1, the objects and the background around them (see
`levels`), or "percentiles" of the image, low and high, where objects are as bright as what is
around them; clip: the range kept around them; glare: brighter
than this is no object but dirt; compress: how strongly the fourth channel brings up
what is faint beside what is bright."""

READ: dict[str, Any] = {
    "channels": ["foreground", "touching", "distance", "size"],
    "foreground": 0.5,
    "lowest": 0.2,
    "dip": 0.1,
    "seam": 0.5,
    "smooth": 1.0,
    "smallest": 20,
    "diameters": [18.0, 30.0],
    "usual": 24.0,
    "sure": 0.865,
}
"""How the maps are read. foreground: probability above which a pixel belongs to an object;
lowest: height that the top of an object has at least; dip: how far one goes down on the way
from one top to another; seam: what a certain seam takes from the height; smooth: sigma in
pixels; smallest: fewest pixels of an object, at the size at which the network sees it;
diameters: what the network knows well, in pixels, and usual: the one to which smaller and larger
objects are scaled; sure: the mean probability in objects below which there is doubt.
A user's own smallest area, in pixels of the image, is "least"."""

UNIT = 24.0
"""Pixels of the diameter whose size is 0 in the fourth map."""


def check(model: Model, card: Card) -> None:
    """One image in, its maps out."""
    inputs, outputs = model.graph.inputs, model.graph.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"goes from {', '.join(inputs)} to {', '.join(outputs)}; segment needs one image and "
            "its maps, as training exports them"
        )


SEGMENT = Task("segment", check, PREPARE, READ)
USUAL = SEGMENT.card()
