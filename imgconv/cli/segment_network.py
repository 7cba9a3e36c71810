"""The network of `segment`: how it is run, what is said of it."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from imgconv import threads
from imgconv.engine import Model, run
from imgconv.errors import UsageError
from imgconv.tasks.segment.card import READ
from imgconv.tasks.segment.run import Network


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
