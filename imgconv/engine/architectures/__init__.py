"""The networks of the lecture as graphs, with random weights or with those of a state dict.

graph = build("resnet50", Random(seed=0))
"""

from __future__ import annotations

from .catalogue import ARCHITECTURES, Architecture, build
from .weights import Empty, Random, StateDict

__all__ = ["ARCHITECTURES", "Architecture", "Empty", "Random", "StateDict", "build"]
