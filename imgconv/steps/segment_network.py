"""The network of `segment`: how it is run, what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv.engine import Model, run
from imgconv.engine.rows import RowSource, run_rows
from imgconv.errors import InputError
from imgconv.tasks.segment.card import READ

CHANNELS = 4  # of its input


@dataclass(frozen=True, eq=False)
class SegmentNetwork:
    """A function: (4, H, W) float32 -> its maps (4, H, W)."""

    model: Model

    def __call__(self, image: np.ndarray) -> np.ndarray:
        (given,), (maps,) = self.model.graph.inputs, self.model.graph.outputs
        return self._checked(run(self.model, {given: image})[maps])

    def rows(
        self,
        rows: Callable[[int, int], np.ndarray],
        shape: tuple[int, int, int],
        prepare: Callable[[np.ndarray], np.ndarray],
    ) -> Iterator[np.ndarray]:
        """Its maps (4, h, W) after (4, h, W) of an image (C, H, W) of which there are rows at a
        time; prepare makes (4, h, w) of any piece."""
        (given,) = self.model.graph.inputs
        source = RowSource((CHANNELS, *shape[1:]), lambda: nullcontext(rows), again=False)
        made = run_rows(self.model, {given: source}, prepare=prepare)
        return map(self._checked, made)

    def _checked(self, found: np.ndarray) -> np.ndarray:
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
