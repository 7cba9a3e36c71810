"""One training run: network, running average of its weights, optimiser, schedule, checkpoint."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

AVERAGE = 0.998


def weights(source: str | Path) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, or the tensors of an exported model."""
    if str(source).endswith(".safetensors"):
        from safetensors.torch import load_file

        tensors = load_file(source)
    else:
        tensors = torch.load(source, weights_only=True, map_location="cpu")["average"]
    return {n: t.float() for n, t in tensors.items() if not n.endswith("num_batches_tracked")}


class Run:
    """Learns in `folder`; goes on from its checkpoint.pt if there is one."""

    def __init__(self, module: nn.Module, folder: Path, rate: float, budget: float) -> None:
        self.folder = folder
        self.file = folder / "checkpoint.pt"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pid").write_text(str(os.getpid()))
        self.module = module.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.module).eval()
        self.optimiser = torch.optim.AdamW(
            module.parameters(), lr=rate, weight_decay=1e-3, fused=True
        )
        self.rate, self.budget = rate, budget
        self.step, self.seconds, self.mean_loss = 0, 0.0, 0.0
        if self.file.exists():
            self._resume()

    def _resume(self) -> None:
        device = next(self.module.parameters()).device
        state = torch.load(self.file, weights_only=True, map_location=device)
        try:
            self.module.load_state_dict(state["module"])
        except RuntimeError:
            raise SystemExit(
                f"{self.file} is of a network of another shape: give its widths, or another --out"
            ) from None
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.mean_loss = state.get("mean_loss", 0.0)

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        state = {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "mean_loss": self.mean_loss,
        }
        temporary = self.file.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.file)
        self.say(f"step {self.step}  loss {self.mean_loss:.4f}  rate {self.learning_rate():.2e}")

    def learning_rate(self) -> float:
        """Rises over the first 4 % of the time, then falls to zero along a cosine."""
        progress = min(self.seconds / self.budget, 1.0)
        rise = min(1.0, progress / 0.04 + 0.02)
        return self.rate * rise * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6

    def learn(self, loss: Callable[[Tensor, Tensor], Tensor], images: Tensor, maps: Tensor) -> None:
        for part in self.optimiser.param_groups:
            part["lr"] = self.learning_rate()
        self.module.train()
        value = loss(self.module(images), maps)
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self.mean_loss += (value.item() - self.mean_loss) / min(self.step, 100)
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(AVERAGE, self.step / (self.step + 10))
        pairs = zip(
            self.average.state_dict().values(), self.module.state_dict().values(), strict=True
        )
        averages, values = zip(*(p for p in pairs if p[0].is_floating_point()), strict=True)
        torch._foreach_lerp_(averages, values, 1 - keep)

    def say(self, text: str) -> None:
        message = f"{time.strftime('%H:%M:%S')}  {self.seconds / 60:6.1f} min  {text}"
        print(message, flush=True)
        with (self.folder / "log.txt").open("a") as log:
            log.write(message + "\n")
