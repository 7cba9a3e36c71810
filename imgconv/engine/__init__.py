"""Networks: model files, and running them without PyTorch.

    model = load("nuclei")                       # or a path
    outputs = run(model, {"image": array})       # (C, H, W) float32 -> name -> (K, h, w)

`Network(model.graph)` runs arrays of any shape as they are, batch axis included.
"""

from __future__ import annotations

from .modelfile import Model, save
from .models import bundled, load
from .network import Network
from .whole import run

__all__ = ["Model", "Network", "bundled", "load", "run", "save"]
