"""The network of `segment`: how it is run, what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv.engine import Model, run
from imgconv.errors import InputError
from imgconv.tasks.segment.card import READ


@dataclass(frozen=True, eq=False)
class SegmentNetwork:
    """A function: (4, H, W) float32 -> its maps (4, H, W)."""

    model: Model

    def __call__(self, image: np.ndarray) -> np.ndarray:
        (given,), (maps,) = self.model.graph.inputs, self.model.graph.outputs
        found = run(self.model, {given: image})[maps]
        if len(found) != len(READ["channels"]):
            raise InputError(
                f"{self.model.path}: gives {len(found)} maps; segment reads "
                f"{len(READ['channels'])}: {', '.join(READ['channels'])}"
            )
        return found


def facts(model: Model) -> dict[str, Any]:
    """Which network it was."""
    known = ("name", "version", "licence", "data")
    card = {key: model.card[key] for key in known if key in model.card}
    return {**card, "file": model.path, "sha256": model.sha256}
