"""What learns: a network, the running average of its weights, the optimiser, and their state."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .schedule import Schedule

LONGEST_MEAN = 2000  # steps that the average of the weights reaches back, or a tenth of all
CLIP = 2.0  # a gradient's norm is held to so many times its usual one
GIVE_UP = 20  # steps in a row whose loss or gradient is no number


class Learner:
    """Learns step by step; `average` is what to use."""

    def __init__(self, module: nn.Module, schedule: Schedule) -> None:
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        self.module, self.schedule = module, schedule
        self.device = next(module.parameters()).device
        self.in_bfloat16 = self.device.type == "cuda"
        learnt = [p for p in module.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(learnt, lr=schedule.peak, weight_decay=1e-3, fused=True)
        self.step, self.seconds, self.pixels = 0, 0.0, 0
        self.loss, self.norm, self.skipped = 0.0, 0.0, 0

    def done(self) -> dict[str, float]:
        """How far it is, in each of schedule.UNITS."""
        return {"steps": self.step, "minutes": self.seconds / 60, "pixels": self.pixels}

    @property
    def rate(self) -> float:
        return self.schedule.rate(self.done()[self.schedule.budget.unit])

    def is_done(self) -> bool:
        return self.done()[self.schedule.budget.unit] >= self.schedule.budget.total

    def learn(self, inputs: Any, targets: Any, loss: Callable[[Any, Any], Tensor]) -> None:
        """One step; on a GPU in bfloat16, with the loss in float32."""
        self.module.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            output = self.module(inputs)
        value = loss(as_float(output), targets)
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        self._apply(float(value.detach()))
        self.step += 1

    def _apply(self, value: float) -> None:
        """Change the weights, unless the loss or the gradient is no number."""
        learnt = self.optimiser.param_groups[0]["params"]
        norm = float(nn.utils.clip_grad_norm_(learnt, CLIP * self.norm or float("inf")))
        if not abs(value) + norm < float("inf"):
            self.skipped += 1
            if self.skipped >= GIVE_UP:
                raise SystemExit(
                    f"the loss is no number for {GIVE_UP} steps in a row at step {self.step}: "
                    "look for damaged images, or begin anew with a lower --rate"
                )
            return
        self.skipped = 0
        self.optimiser.step()
        count = min(self.step + 1, 100)
        self.loss += (value - self.loss) / count
        self.norm += (min(norm, CLIP * self.norm or norm) - self.norm) / count
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        share = 1 / min(LONGEST_MEAN, 1 + self.step / 10)
        averages, values = self.average.state_dict(), self.module.state_dict()
        names = [name for name, tensor in averages.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([averages[n] for n in names], [values[n] for n in names], share)

    def save(self, file: Path, identity: dict[str, Any]) -> None:
        """Write the checkpoint whole or not at all; `identity` says what is learnt from what."""
        state = {
            "identity": identity,
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state(),
            "counts": [self.step, self.seconds, self.pixels, self.loss, self.norm],
        }
        part = file.with_suffix(".part")
        with part.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)

    def resume(self, file: Path, identity: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same identity."""
        state = torch.load(file, weights_only=True, map_location=self.device)
        for name, value in identity.items():
            if (found := state["identity"].get(name)) != value:
                raise SystemExit(
                    f"{file} is of a run with {name} {found}, this one has {value}: give the same, "
                    "another --state, or --anew to begin again"
                )
        self.module.load_state_dict(state["module"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.pixels, self.loss, self.norm = state["counts"]
        self.schedule.take_up(state["schedule"], self.done())


def as_float(output: Any) -> Any:
    """A tensor, or a tuple or mapping of tensors, in float32."""
    if isinstance(output, dict):
        return {name: as_float(one) for name, one in output.items()}
    if isinstance(output, tuple):
        return tuple(as_float(one) for one in output)
    return output.float()
