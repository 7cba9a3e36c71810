"""The three kinds of networks that clean."""

from __future__ import annotations

from imgconv.engine import Model
from imgconv.errors import UsageError
from imgconv.tasks.card import Card

from .crosshair import Crosshair
from .micro import Micro
from .photo import Photo
from .run import Cleaner


def network(model: Model, card: Card, sigma: float | None = None) -> Cleaner:
    """What cleans as the model's card says; sigma: the level of the noise, in 1/255 of white.

    Raises UsageError for the level of a noise that a crosshair does not have.
    """
    if card.kind == "crosshair":
        if sigma is not None:
            raise UsageError("`sigma` is a noise's, and crosshair removes none: leave it out")
        return Crosshair(model)
    return (Micro if card.kind == "micro" else Photo)(model, sigma)
