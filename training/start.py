"""Weights to begin with: of a bundled model, a model file, a checkpoint, or weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgconv.engine import bundled, model_file
from imgconv.errors import InputError, UsageError


def weights(source: str | Path) -> dict[str, Tensor]:
    """Parameters by their names in the module, float32. A model file keeps these names; what
    it holds beside them (constants of its graph) comes along."""
    if str(source).endswith(".pt"):
        found = torch.load(source, weights_only=True, map_location="cpu")["average"]
    else:
        from safetensors.torch import load_file

        found = load_file(_path(source))
    return {n: t.float() for n, t in found.items() if not n.endswith("num_batches_tracked")}


def card(source: str | Path | None) -> dict[str, Any]:
    """What the model file says about itself; nothing for a checkpoint or weights alone."""
    if not source or str(source).endswith(".pt"):
        return {}
    try:
        return model_file.load(_path(source)).card
    except InputError:
        return {}


def fill(
    module: torch.nn.Module, source: str | Path, prefix: str = "", anew: tuple[str, ...] = ()
) -> None:
    """Put weights into the module; SystemExit where they are of another network. In the file,
    names may begin with `prefix`; what begins with `anew` is left where it does not fit."""
    state = module.state_dict()
    found = {n.removeprefix(prefix): t for n, t in weights(source).items()}
    wanted = [n for n in state if not n.endswith("num_batches_tracked")]
    fits = {n: found[n] for n in wanted if n in found and found[n].shape == state[n].shape}
    lacking = [n for n in wanted if n not in fits and not n.startswith(anew or "\0")]
    if lacking:
        raise SystemExit(f"{source}: weights of another network (no fitting '{lacking[0]}')")
    module.load_state_dict(fits, strict=False)


def _path(source: str | Path) -> Path:
    try:
        path = bundled.path(source)
    except UsageError as problem:
        raise SystemExit(f"--start: {problem}") from None
    if not path.is_file():
        raise SystemExit(f"--start {source}: no such file")
    return path
