"""The layer of a network against PyTorch: 12 megapixels, 8 stencils 3x3 to 8 feature maps."""

from __future__ import annotations

import numpy as np
from timing import Row, pair

from imgconv import threads
from imgconv.ops.bank import Bank
from imgconv.ops.convolve import Layer

SIZE = (3000, 4000)
MAPS = 8
PEER = "PyTorch conv2d"


def rows() -> list[Row]:
    """PyTorch makes a new array every time, 384 MB; ours is shown with and without.

    Memory fresh from the system can cost more than the work: what it costs depends on the
    machine, and on what the other side has just returned.
    """
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: no layers are compared (pip install torch)")
        return []
    torch.set_num_threads(threads.count())
    cases = [
        ("3x3, grey", 1, 3, 1, 1, 0.5),
        ("3x3, RGB", 3, 3, 1, 1, 0.5),
        ("3x3, RGB, stride 2", 3, 3, 2, 1, None),
        ("3x3, grey, dilation 4", 1, 3, 1, 4, None),
        ("5x5, RGB", 3, 5, 1, 1, None),
    ]
    return [row for case in cases for row in layer(torch, *case)]


def layer(torch, work, channels, window, stride, dilation, goal) -> list[Row]:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    pixels = rng.random((*SIZE, channels), np.float32)
    weights = rng.standard_normal((MAPS, channels, window, window)).astype(np.float32)
    biases = rng.standard_normal(MAPS).astype(np.float32)
    bank = Bank(weights, biases, ("",) * MAPS, shared=False)
    ours = Layer(bank, (stride, stride), "valid", (dilation, dilation))
    image = torch.tensor(np.moveaxis(pixels, 2, 0)[None].copy())
    kernel, bias = torch.tensor(weights), torch.tensor(biases)

    def theirs() -> object:
        with torch.inference_mode():
            return torch.nn.functional.conv2d(image, kernel, bias, stride, 0, dilation)

    maps = ours(pixels)
    difference = np.abs(maps - theirs()[0].numpy()).max()  # type: ignore[index]
    assert difference < 1e-4, f"{work}: results differ by {difference}"
    return [
        pair(f"{work}, into memory in use", PEER, lambda: ours(pixels, maps), theirs, goal, 7),
        pair(f"{work}, new array", PEER, lambda: ours(pixels), theirs, goal, 7),
    ]
