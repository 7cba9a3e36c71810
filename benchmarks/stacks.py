"""The two convolutions of imgconv, ops.convolve and the engine, on the layers that they share."""

from __future__ import annotations

import numpy as np
from timing import Row, pair

from imgconv.engine.builder import Builder
from imgconv.engine.network import Network
from imgconv.ops.bank import Bank
from imgconv.ops.convolve import Layer

CASES = (  # channels, maps, window, stride, dilation, height, width
    (1, 1, 3, 1, 1, 3000, 4000), (1, 8, 3, 1, 1, 3000, 4000), (3, 8, 3, 1, 1, 3000, 4000),
    (3, 8, 3, 2, 1, 3000, 4000), (1, 8, 3, 1, 4, 3000, 4000), (3, 8, 5, 1, 1, 3000, 4000),
    (1, 20, 5, 1, 1, 28, 28), (3, 64, 7, 2, 1, 224, 224), (3, 32, 3, 1, 1, 512, 512),
    (16, 16, 3, 1, 1, 512, 512), (64, 64, 3, 1, 1, 224, 224), (64, 64, 1, 1, 1, 224, 224),
)  # fmt: skip
PEER = "ops.convolve"


def rows() -> list[Row]:
    """The engine's time as ours, that of ops.convolve as the peer's: pixels (H, W, C) in, planes
    out. Tap by tap both sum exactly what is exact in float32; Winograd does not, and is shown for
    what it would bring."""
    return [row for case in CASES for row in layer(*case)]


def layer(C: int, K: int, window: int, stride: int, dilation: int, H: int, W: int) -> list[Row]:
    rng = np.random.default_rng(0)
    pixels = rng.random((H, W, C), np.float32)
    weights = rng.standard_normal((K, C, window, window)).astype(np.float32)
    biases = rng.standard_normal(K).astype(np.float32)
    theirs = Layer(Bank(weights, biases, ("",) * K, shared=False), (stride,) * 2, "valid",
                   (dilation,) * 2)  # fmt: skip
    builder = Builder(["x"])
    y = builder.add("conv", "x", weights, biases, strides=(stride,) * 2, dilations=(dilation,) * 2)
    network = Network(builder.graph({"x": (1, C, None, None)}, [y]))

    def ours(chosen: dict[str, str]) -> np.ndarray:
        planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))[None]
        return network({"x": planes}, chosen)[y][0]

    work = f"{C} to {K}, {window}x{window}, {W}x{H}"
    work += f", stride {stride}" if stride > 1 else ""
    work += f", dilation {dilation}" if dilation > 1 else ""
    wanted, found = theirs(pixels), ours({y: "direct"})
    assert np.abs(wanted - found).max() < 1e-4 * max(1, np.abs(wanted).max())
    rounds = 3 if H * W > 10**6 else 9
    cases = [(work, {y: "direct"})]
    if (window, stride, dilation) == (3, 1, 1) and C >= 8:
        cases.append((f"{work}, Winograd", {y: "winograd"}))
    return [
        pair(name, PEER, lambda c=chosen: ours(c), lambda: theirs(pixels), None, rounds)
        for name, chosen in cases
    ]  # fmt: skip
