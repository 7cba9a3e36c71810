"""Images of any size through a network: padded to what it needs, cropped back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from .graph import Graph
from .modelfile import Model
from .network import Network


def run(model: Model, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs (K, h, w) for images (C, H, W), one for each input of the model.

    An image whose sides are no multiples of the card's `multiple` is continued by reflection
    (repeated where it is too small for that) and the results are cropped in proportion.
    """
    network = _network(model.graph)
    step = int(model.card.get("multiple", 1))
    sizes = {name: image.shape[-2:] for name, image in inputs.items()}
    padded = {name: _padded(image, step)[None] for name, image in inputs.items()}
    results = network(padded)
    H, W = next(iter(sizes.values()))
    high, wide = next(iter(padded.values())).shape[-2:]
    return {name: _cropped(array[0], H, W, high, wide) for name, array in results.items()}


@lru_cache(2)
def _network(graph: Graph) -> Network:
    return Network(graph)


def _padded(image: np.ndarray, step: int) -> np.ndarray:
    H, W = image.shape[-2:]
    more = (-H % step, -W % step)
    if not any(more):
        return image
    pads = ((0, 0), (0, more[0]), (0, more[1]))
    mode = "reflect" if more[0] < H and more[1] < W else "edge"
    return np.pad(image, pads, mode=mode)  # type: ignore[call-overload]


def _cropped(result: np.ndarray, H: int, W: int, high: int, wide: int) -> np.ndarray:
    """The part of a result that belongs to the image, whatever the network's scale."""
    if result.ndim != 3 or (high, wide) == (H, W):
        return result
    h, w = result.shape[-2:]
    return np.ascontiguousarray(result[:, : -(-H * h // high), : -(-W * w // wide)])
