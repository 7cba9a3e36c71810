"""The card of a network that cleans: which of three kinds it is."""

from __future__ import annotations

from imgconv.engine import Model
from imgconv.errors import InputError
from imgconv.tasks.card import Card, Task

KINDS = ("photo", "micro", "crosshair")


def check(model: Model, card: Card) -> None:
    """A kind that is known here."""
    if card.kind not in KINDS:
        raise InputError(
            f"its card names the kind '{card.kind}'; allowed are {', '.join(KINDS)}, as training "
            "exports them"
        )


DENOISE = Task("denoise", check, models={kind: f"denoise-{kind}" for kind in KINDS})
