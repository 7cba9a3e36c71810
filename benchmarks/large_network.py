"""A U-Net (32 channels, 4 levels, random weights) over an image of any size: a uint8 channel in and
out, as `large.py` measures it.

python benchmarks/large_network.py 10000 10000

Prints seconds of all threads' CPU time that the network took, and its memory at the peak, MB.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from imgconv.engine import Model, run
from imgconv.engine.builder import Builder
from imgconv.engine.graph import Graph

WIDTHS = (32, 64, 128, 256, 512)


def unet() -> Graph:
    """As that of nets.py, which needs PyTorch."""
    b, rng = Builder(["x"]), np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)

    def twice(x: str, inputs: int, outputs: int) -> str:
        for channels in (inputs, outputs):
            x = b.add("conv", x, weights(outputs, channels, 3, 3), weights(outputs), pads=(1,) * 4)
            x = b.add("relu", x)
        return x

    x, channels, skips = "x", 1, []
    for level, width in enumerate(WIDTHS):
        if level:
            x = b.add("max_pool", x, kernel=(2, 2), strides=(2, 2))
        x, channels = twice(x, channels, width), width
        skips.append(x)
    for level in reversed(range(len(WIDTHS) - 1)):
        width = WIDTHS[level]
        x = b.add("conv_transpose", x, weights(2 * width, width, 2, 2), strides=(2, 2))
        x = twice(b.add("concat", x, skips[level], axis=1), 2 * width, width)
    return b.graph({"x": (1, 1, None, None)}, [b.add("conv", x, weights(1, WIDTHS[0], 1, 1))])


def main() -> None:
    height, width = map(int, sys.argv[1:])
    image = np.random.default_rng(0).integers(0, 256, (1, height, width), np.uint8)
    model = Model(unet(), {"multiple": 16}, "")
    small = image[:, :64, :64]
    run(model, {"x": small}, prepare=prepare, finish=finish)  # kernels are loaded
    start = time.process_time()
    run(model, {"x": image}, prepare=prepare, finish=finish)
    seconds = time.process_time() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def prepare(piece: np.ndarray) -> np.ndarray:
    return piece / np.float32(255)


def finish(name: str, piece: np.ndarray) -> np.ndarray:
    return np.clip(piece * 255, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
