"""Train plain and residual networks of 20 and 56 layers on small digits, and look at why they do.

    python -m training.residual --data mnist-train.npz --out results

Writes results.json into the folder, and draws it: the loss while they learn, the gradients by
layer, the loss around what they learnt. Five minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from imgconv.threads import available

from ..digits.train import Marks, load
from ..machine import give_way
from ..schedule import Budget, Schedule
from .network import Deep
from .surface import loss_surface

NETWORKS = (("plain", 56), ("residual", 56), ("plain", 20), ("residual", 20))
STEPS, BATCH, RATE = 800, 64, 0.05
LOOK = 256  # images of which the loss around is the mean
FIRST, STRIDE = 10, 10  # steps whose gradients are looked at; whose losses make a point
REACH, PLACES = 1.0, 21  # of the surface, in lengths of the filters, and how many a side
Found = dict[str, np.ndarray]


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", required=True, help=".npz with images and labels")
    made.add_argument("--out", type=Path, required=True, help="folder of the results")
    made.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} digits ({STEPS})")
    made.add_argument(
        "--places", type=int, default=PLACES, help=f"of the surface, a side ({PLACES})"
    )
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--jobs", type=int, default=available(), help="networks at once")
    made.add_argument("--nice", type=int, default=10, help="0 to 19: how far others go first (10)")
    return made.parse_args(argv)


def main(options: argparse.Namespace) -> None:
    from . import pictures

    give_way(options.nice)
    options.out.mkdir(parents=True, exist_ok=True)
    found = study_each(options)
    results = {f"{kind} {depth}": kept(values) for (kind, depth), values in found.items()}
    (options.out / "results.json").write_text(json.dumps(results, indent=0) + "\n")
    print(pictures.table(results))
    pictures.draw(results, options.out)


def study_each(options: argparse.Namespace) -> dict[tuple[str, int], Found]:
    """All networks, several at once in processes of their own; with 0 jobs here."""
    if not options.jobs:
        return {one: study(*one, options) for one in NETWORKS}
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        futures = {one: pool.submit(study, *one, options) for one in NETWORKS}
        return {one: future.result() for one, future in futures.items()}


def kept(found: Found) -> dict[str, Any]:
    """What is drawn: the loss in means of STRIDE steps, the first gradients, the surface."""
    losses = found["losses"][: len(found["losses"]) // STRIDE * STRIDE]
    return {
        "losses": rounded(losses.reshape(-1, STRIDE).mean(1)),
        "gradients": rounded(found["gradients"][:FIRST].mean(0)),
        "places": rounded(found["places"]),
        "surface": [rounded(row) for row in found["surface"]],
        "error": round(float(found["error"]), 2),
        "seconds": round(float(found["seconds"])),
    }


def rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def study(kind: str, depth: int, options: argparse.Namespace) -> Found:
    """Train one network and look around what it learnt."""
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    known, held = (small(marks) for marks in load(options.data))
    module, begin = Deep(depth, kind == "residual"), time.process_time()
    found = learn(module, known, options.steps, options.seed)
    images, labels = known[0][:LOOK], known[1][:LOOK]
    places = np.linspace(-REACH, REACH, options.places)
    surface = loss_surface(module, images, labels, places, options.seed)
    error = 100 * wrong(module, *held) / len(held[1])
    print(f"{kind}-{depth}: {error:.2f} % misread", flush=True)
    facts = {"error": error, "seconds": time.process_time() - begin, "places": places}
    return {**found, "surface": surface, **{k: np.asarray(v) for k, v in facts.items()}}


def small(marks: Marks) -> tuple[Tensor, Tensor]:
    """(N, 1, 14, 14), the means of 2x2 pixels, about -0.4 to 2.8; and their classes (N,)."""
    images, labels = marks.tensors()
    return (functional.avg_pool2d(images, 2) - 0.13) / 0.31, labels


def learn(module: Deep, known: tuple[Tensor, Tensor], steps: int, seed: int) -> Found:
    """losses (steps,); gradients (steps, layers): each layer's norm, by the norm of its weights."""
    schedule = Schedule(RATE, Budget("steps", steps))
    optimiser = torch.optim.SGD(module.parameters(), RATE, momentum=0.9, weight_decay=1e-4)
    rng = np.random.default_rng(seed)
    losses, gradients = [], []
    for step in range(steps):
        chosen = torch.from_numpy(rng.integers(len(known[1]), size=BATCH))
        loss = functional.cross_entropy(module(known[0][chosen]), known[1][chosen])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(float(loss.detach()))
        gradients.append([share(layer) for layer in module.layers()])
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step)
        optimiser.step()
    return {"losses": np.array(losses), "gradients": np.array(gradients)}


def share(layer: Any) -> float:
    return float(layer.weight.grad.norm() / layer.weight.detach().norm())


def wrong(module: Deep, images: Tensor, labels: Tensor) -> int:
    module.eval()
    with torch.no_grad():
        found = torch.cat([module(part).argmax(1) for part in images.split(1000)])
    return int((found != labels).sum())
