"""The network of `segment`: is it one, how it is read, how it is run."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from imgconv import threads
from imgconv.engine import Model, run
from imgconv.errors import UsageError
from imgconv.tasks.segment.instances import PREPARE, READ
from imgconv.tasks.segment.segmenter import Network


def rules_of(loaded: Model, name: str, threshold: float | None) -> dict[str, dict[str, Any]]:
    """How images are prepared and maps are read: as the model says, and the user over it.

    Raises UsageError for a model (called `name` by the user) that is made for something else.
    """
    card = loaded.card
    if card.get("task") != "segment":
        what = card.get("task") or "something else"
        raise UsageError(
            f"--model {name}: is made for {what}, not for segment; give nuclei, cells-phase or "
            "a file that training for segment made"
        )
    if len(loaded.graph.inputs) != 1 or len(loaded.graph.outputs) != 1:
        raise UsageError(
            f"--model {name}: goes from {', '.join(loaded.graph.inputs)} to "
            f"{', '.join(loaded.graph.outputs)}; segment needs one image and its maps, as training "
            "exports them"
        )
    read = {**READ, **card.get("read", {})}
    if threshold is not None:
        read["foreground"] = threshold
    return {"prepare": {**PREPARE, **card.get("prepare", {})}, "read": read}


def network_of(loaded: Model, granted: int | None) -> Network:
    """(4, H, W) float32 -> its maps (4, H, W).

    One image at a time, on all threads: that takes the memory of one, while the other jobs read,
    measure and draw theirs.
    """
    lock, every = Lock(), granted or threads.available()
    (given,), (maps,) = loaded.graph.inputs, loaded.graph.outputs

    def network(image: np.ndarray) -> np.ndarray:
        with lock:
            threads.use(every)
            found = run(loaded, {given: image})[maps]
        if len(found) != len(READ["channels"]):
            raise UsageError(
                f"--model {loaded.path}: gives {len(found)} maps; segment reads "
                f"{len(READ['channels'])}: {', '.join(READ['channels'])}"
            )
        return found

    return network


def facts(loaded: Model) -> dict[str, Any]:
    """Which network it was."""
    known = ("name", "version", "licence", "data")
    card = {key: loaded.card[key] for key in known if key in loaded.card}
    return {**card, "file": loaded.path, "sha256": loaded.sha256}
