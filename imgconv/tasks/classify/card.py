"""The card of a classification network: what may be set, and the usual values."""

from __future__ import annotations

from typing import Any

from imgconv.engine import Model
from imgconv.errors import InputError
from imgconv.tasks.card import Card, Task

PREPARE: dict[str, Any] = {
    "form": "photo",
    "resize": None,
    "size": 224,
    "range": [0.0, 1.0],
    "mean": None,
    "std": None,
}
"""How the input is made. form: "photo" (reduced until the shorter side has `resize` pixels, then
the middle cut out) or "mnist" (marks found, and brought to 28x28); resize: by default the size
that is cut out; size: of the cut, where the network takes any; range: what black and white are,
then mean and std are taken off and divided by, one for each channel."""

READ: dict[str, Any] = {"classes": [], "output": ""}
"""How the output is read. classes: their names in order; output: which, by default the first that
has as many numbers as there are classes."""

FORMS = ("photo", "mnist")
NONE = "no digit"
"""The class of a mark that is no digit, and of a picture without any mark."""


def check(model: Model, card: Card) -> None:
    """One image in, a number for each of the named classes out."""
    classes, form = card.read["classes"], card.prepare["form"]
    if not isinstance(classes, list) or not classes or not all(isinstance(c, str) for c in classes):
        raise InputError(
            "its card names no classes; name a file with one a line, in order, by `classes`"
        )
    if form not in FORMS:
        raise InputError(f"its card prepares '{form}', allowed: {', '.join(FORMS)}")
    inputs = list(model.graph.inputs.values())
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][1] not in (1, 3, None):
        raise InputError(
            "classify needs a network of one image, of 1 or 3 channels; this one takes "
            + ", ".join(f"{n} {list(s)}" for n, s in model.graph.inputs.items())
        )


CLASSIFY = Task("classify", check, PREPARE, READ)
USUAL = CLASSIFY.card()
