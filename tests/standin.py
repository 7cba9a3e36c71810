"""A network of one convolution that finds bright things on dark ground, in a model file.

Its channels are those of the real ones: inside (where the three colours are bright on average),
seam (nowhere), distance (a mean over 5x5 pixels), size (24 pixels everywhere).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgconv import cli
from imgconv.engine.graph import Graph, Node
from imgconv.engine.model_file import save

SIDE = 5


def weights() -> tuple[np.ndarray, np.ndarray]:
    """(4, 4, 5, 5) and (4,)."""
    kernel = np.zeros((4, 4, SIDE, SIDE), np.float32)
    kernel[0, :3, SIDE // 2, SIDE // 2] = 40 / 3
    kernel[2, :3] = 1 / (3 * SIDE * SIDE)
    return kernel, np.array([-20, -20, 0, 0], np.float32)


def model(path: Path, task: str = "segment") -> str:
    """The file's name."""
    kernel, bias = weights()
    pads = [SIDE // 2] * 4
    node = Node("conv", ("image", "kernel", "bias"), ("maps",), {"pads": pads})
    graph = Graph(
        inputs={"image": (1, 4, None, None)}, outputs=("maps",), nodes=(node,),
        tensors={"kernel": kernel, "bias": bias},
    )  # fmt: skip
    card = {
        "name": "standin", "version": "1", "task": task, "licence": "MIT", "multiple": 1,
        "prepare": {"levels": "percentiles", "low": 0.0, "high": 100.0},
        "read": {"lowest": 0.15, "smallest": 4},
    }  # fmt: skip
    save(path, graph, card, half=False)
    return str(path)


def runner(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """`imgconv segment` in the folder with this network: arguments -> exit code, what it says."""
    monkeypatch.chdir(folder)
    name = model(folder / "standin.safetensors")

    def run(*argv: str) -> tuple[int, str]:
        capfd.readouterr()
        return cli.main(["segment", "--model", name, *argv]), capfd.readouterr().err

    return run
