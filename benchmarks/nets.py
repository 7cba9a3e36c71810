"""The networks that are timed, with random weights: as PyTorch, as ONNX, as our model file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))  # for training

import itertools

from imgconv import threads
from imgconv.engine import Network, load


def twice(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Ronneberger et al. 2015, padded, with `base` channels first and `depth` times smaller."""

    def __init__(self, base: int = 32, depth: int = 4) -> None:
        super().__init__()
        widths = [base * 2**i for i in range(depth + 1)]
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList([twice(a, b) for a, b in [(1, base), *pairs]])
        self.rise = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs])
        self.up = nn.ModuleList([twice(2 * a, a) for a, _ in pairs])
        self.last = nn.Conv2d(base, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](torch.cat([self.rise[level](x), skips[level]], 1))
        result: Tensor = self.last(x)
        return result


def denoiser(layers: int = 17, channels: int = 64) -> nn.Module:
    """The shape of DnCNN (Zhang et al. 2017)."""
    middle = [
        part
        for _ in range(layers - 2)
        for part in (
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
    ]
    first = nn.Conv2d(1, channels, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), *middle, nn.Conv2d(channels, 1, 3, padding=1))


def resnet50() -> nn.Module:
    from training.architectures.resnet import ResNet

    return ResNet(50)


@dataclass(frozen=True)
class Trio:
    """One network in three forms; each call runs the same input."""

    ours: Callable[[], np.ndarray]
    onnxruntime: Callable[[], np.ndarray]
    pytorch: Callable[[], np.ndarray]


def trio(module: nn.Module, shape: tuple[int, ...], folder: Path) -> Trio:
    """The three forms, checked to agree."""
    import onnxruntime

    files = save(module, shape, folder)
    x = np.random.default_rng(0).random(shape, np.float32)
    network = Network(load(files[0]).graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads.count()
    session = onnxruntime.InferenceSession(files[1], options)
    torch.set_num_threads(threads.count())

    def pytorch() -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(x)).numpy()

    forms = Trio(
        lambda: next(iter(network({"x": x}).values())),
        lambda: session.run(None, {"x": x})[0],
        pytorch,
    )
    right = forms.onnxruntime()
    difference = np.abs(forms.ours() - right).max() / np.abs(right).max()
    assert difference < 1e-4, f"results differ by {difference}"
    return forms


def save(module: nn.Module, shape: tuple[int, ...], folder: Path) -> tuple[Path, Path]:
    """net.safetensors (float32) and net.onnx in a folder."""
    import warnings

    from training.export import export

    torch.manual_seed(0)
    module.eval()
    example: Any = torch.rand(shape)
    ours, theirs = folder / "net.safetensors", folder / "net.onnx"
    export(module, {"x": example}, ours, {"name": "net", "multiple": 16}, half=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (example,), theirs, dynamo=False, input_names=["x"], output_names=["y"]
        )
    return ours, theirs
