"""Networks: model files, and running them without PyTorch.

    model = load("nuclei")                       # or a path
    outputs = run(model, {"image": array})       # (C, H, W) float32 -> name -> (K, h, w)

`Network(model.graph)` runs arrays of any shape as they are, batch axis included.
"""

from __future__ import annotations

from .bundled import bundled_models, load
from .model_file import Model, save
from .network import Network
from .runner import prepare_network, run
from .turn import turn

__all__ = ["Model", "Network", "bundled_models", "load", "prepare_network", "run", "save", "turn"]
