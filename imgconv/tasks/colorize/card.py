"""The card of a network that guesses colours: what may be set, and the usual values."""

from __future__ import annotations

from typing import Any

from imgconv.engine import Model
from imgconv.errors import InputError
from imgconv.ops.tint import EPSILON, RADIUS
from imgconv.tasks.card import Card, Task

PREPARE: dict[str, Any] = {"side": 176, "longest": 512}
"""How the input is made: the root of the area in pixels at which the network looks at a picture
(a smaller one is not enlarged), and the longest side of a panorama."""

READ: dict[str, Any] = {"space": "oklab", "saturation": 1.0, "radius": RADIUS, "epsilon": EPSILON}
"""How the output is read: chroma a and b in OKLab, times `saturation`; of the guided filter the
radius in pixels of the network's input, and the variance of brightness that is no edge."""


def check(model: Model, card: Card) -> None:
    """`image` (1, h, w), luma from 0 to 1, in; `chroma` (2, h / n, w / n) out."""
    graph = model.graph
    if "image" not in graph.inputs or "chroma" not in graph.outputs:
        raise InputError(
            f"goes from {', '.join(graph.inputs)} to {', '.join(graph.outputs)}; colorize needs "
            "image and chroma, as training exports them"
        )
    if card.read["space"] != READ["space"]:
        raise InputError(f"gives {card.read['space']}, allowed {READ['space']}")


COLORIZE = Task("colorize", check, PREPARE, READ, {"photo": "colorize-photo"})
USUAL = COLORIZE.card()
