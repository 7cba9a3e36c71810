"""Random work: each function draws settings and gives what is to be done to an image (H, W, C)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from imgconv import kernels
from imgconv.engine.graph import Graph, Node
from imgconv.engine.network import Network
from imgconv.ops.bank import Bank
from imgconv.ops.convolve import Layer
from imgconv.ops.filter import RANGES, Filter
from imgconv.ops.interpolation import interpolate
from imgconv.ops.kernel_text import parse, parse_operator
from imgconv.ops.pool import Pool
from imgconv.ops.transposed import correlate_transposed

Work = Callable[[np.ndarray], Any]

STENCILS = ("sharpen", "sobel", "laplacian", "emboss", "gaussian:1", "gaussian:3.3", "gaussian:12",
            "box:3", "box:2x7", "box:41", "box:15", "box:190", "box:300x3", "box:3x300", "log:1.4",
            "motion:9:30", "identity", "1 2; 3 4", "1/3 1/7 -2", "0.1 0.7 0.3; 0 1 0", "unsharp",
            "gaussian:1.2", "40000/7 -5 3/7; 1 2 9", "median:3", "median:5", "median:7",
            "median:4x2", "median:9x6", "max:3", "min:3", "max:5", "min:3x9",
            "max:1x40")  # fmt: skip
BORDERS = ("reflect", "symmetric", "edge", "wrap", "constant")
TYPES = (np.uint8, np.uint16, np.float32)
LARGE = 1e30  # a number beside which others are lost in a running sum


def some(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def named_work(number: int, rng: np.random.Generator) -> tuple[Work, np.ndarray] | None:
    """The stencils, one after the other, each for every type of a wide image; then one whose
    running sums lose what they should hold."""
    stencils = (*((text,) for text in STENCILS), (f"{LARGE} 1", "box:5"))
    if number >= len(stencils) * len(TYPES):
        return None
    chain = tuple(map(parse_operator, stencils[number // len(TYPES)]))
    work = Filter(chain, some(rng, BORDERS))
    shape, dtype = (40, 330, int(some(rng, (1, 3)))), TYPES[number % len(TYPES)]
    pixels = samples(rng, shape, dtype)
    pixels[20:, ::2] *= len(chain) == 1  # large sums above, small ones below
    return work, pixels


def image(rng: np.random.Generator) -> np.ndarray:
    """(H, W, C) of any size and type, often narrow."""
    high, wide = (int(some(rng, (1, 2, 3, 5, 8, 17, 33, 64, 90, 210, 400))) for _ in range(2))
    shape = (high + int(rng.integers(3)), wide + int(rng.integers(3)), int(rng.integers(1, 5)))
    return samples(rng, shape, some(rng, TYPES))


def samples(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    if dtype is np.float32:
        made = rng.random(shape, np.float32)
        if rng.random() < 0.3:
            made.flat[rng.integers(0, made.size, 2)] = LARGE
        return made
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def stencil(rng: np.random.Generator) -> str:
    """One with a name, or numbers; of these also small and large ones, and products."""
    kind = rng.random()
    if kind < 0.5:
        return str(some(rng, STENCILS))
    if kind < 0.65:
        return f"gaussian:{rng.uniform(0.5, 6):.2f}"
    rows, columns = (int(n) for n in rng.integers(1, 8, 2))
    largest = int(some(rng, (1, 9, 300, 40_000, 10**7)))
    numbers = rng.integers(-largest, largest, (rows, columns), endpoint=True)
    if kind < 0.8:
        numbers = numbers[:, :1] * rng.integers(-5, 9, columns)
    divisor = int(some(rng, (1, 1, largest, 3)))
    return "; ".join(" ".join(f"{number}/{divisor}" for number in row) for row in numbers)


def filter_work(rng: np.random.Generator) -> Work:
    count = int(some(rng, (1, 1, 1, 2)))
    chain = tuple(parse_operator(stencil(rng)) for _ in range(count))
    scale, bias = Fraction(some(rng, (2, 2, 1, 3)), 2), Fraction(int(some(rng, (0, 0, 9))))
    work = Filter(
        chain, some(rng, BORDERS), some(rng, RANGES), scale, bias, flip=rng.random() < 0.2
    )
    alpha = some(rng, ("none", "none", "straight"))
    return lambda pixels: work(pixels, alpha if pixels.shape[2] in (2, 4) else "none")


def pool_work(rng: np.random.Generator) -> Work:
    size, stride = ((int(rng.integers(1, 6)), int(rng.integers(1, 6))) for _ in range(2))
    padding = (int(rng.integers(0, size[0] // 2 + 1)), int(rng.integers(0, size[1] // 2 + 1)))
    method = some(rng, ("max", "min", "average", "l2", "median"))
    return Pool(method, size, stride, padding, ceil=bool(rng.integers(2)))


def resize_work(rng: np.random.Generator) -> Work:
    factors = tuple(Fraction(int(rng.integers(4, 13)), 4) for _ in range(2))
    if rng.random() < 0.5:
        factors = (Fraction(int(some(rng, (2, 4)))),) * 2
    method = some(rng, ("nearest", "bilinear", "bicubic"))
    return lambda pixels: interpolate(pixels, method, factors)  # type: ignore[arg-type]


def transposed_work(rng: np.random.Generator) -> Work:
    (taps, *_) = parse(some(rng, ("box:4", "1 2 1; 2 4 2; 1 2 1", "gaussian:1.2", "sharpen")))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = (int(rng.integers(0, 2)), int(rng.integers(0, 2)))
    return lambda pixels: correlate_transposed(pixels, taps, stride, padding)


def layer_work(rng: np.random.Generator) -> Work:
    count = int(rng.integers(1, 20))
    shape = (count, 1, int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    numbers = rng.standard_normal(shape).astype(np.float32)
    bank = Bank(numbers, numbers[:, 0, 0, 0].copy(), tuple(map(str, range(count))))
    pair = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    return Layer(bank, stride=pair, padding=some(rng, ("valid", "same", "full")),
                 dilation=pair[::-1], per_channel=bool(rng.integers(2)))  # fmt: skip


def png_work(rng: np.random.Generator) -> Work:
    def rows(pixels: np.ndarray) -> np.ndarray:
        numbers = np.ascontiguousarray(pixels.astype(np.uint8)).reshape(pixels.shape[0], -1)
        wide, step = numbers.shape[1], pixels.shape[2]
        source = np.pad(numbers, ((1, 0), (step, 0)))
        out = np.zeros((len(numbers), wide + 1), np.uint8)
        kernels.png_filter_rows(source, out, len(numbers), wide, step)
        return out

    return rows


def network_work(rng: np.random.Generator) -> Work:
    """Layers that random graphs seldom put together: one of two maps, or of a map and a number a
    channel, and resizing."""
    C, K = (int(some(rng, (1, 3, 8, 17, 32))) for _ in range(2))
    tensors = {
        "w": rng.standard_normal((K, C, 3, 3)).astype(np.float32),
        "n": rng.standard_normal((K, 1, 1)).astype(np.float32),
    }
    scales = [1, 1, int(rng.integers(1, 4)), int(rng.integers(1, 4))]
    resizing = {"scales": scales, "mode": some(rng, ("nearest", "linear"))}
    nodes = (
        Node("conv", ("x", "w"), ("a",), {"pads": [1, 1, 1, 1]}),
        Node("sigmoid", ("a",), ("s",), {}),
        Node(some(rng, ("mul", "add", "sub")), ("a", some(rng, ("n", "s"))), ("b",), {}),
        Node("resize", ("b",), ("c",), resizing),
        Node("relu", ("c",), ("y",), {}),
    )
    network = Network(Graph({"x": (1, C, None, None)}, ("y",), nodes, tensors))
    return lambda pixels: network({"x": channels(pixels, C, 1)})["y"]


def channels(pixels: np.ndarray, C: int, N: int) -> np.ndarray:
    """A batch (N, C, H, W) of floats, of at most 40 pixels a side, cut from the image."""
    numbers = np.resize(pixels[:40, :40].astype(np.float32), (N, C, *pixels[:40, :40].shape[:2]))
    return np.clip(numbers, -LARGE, LARGE) / np.float32(np.abs(numbers).max() or 1)


def training_work(rng: np.random.Generator) -> Work:
    """3x3 convolutions of batches and their gradients."""
    N, C, K, pad = (int(some(rng, each)) for each in ((1, 2, 3), (1, 3, 8, 17), (1, 5, 16), (0, 1)))
    weights = rng.standard_normal((K, 3, 3, C)).astype(np.float32)

    def train(pixels: np.ndarray) -> np.ndarray:
        from training.fast.pixels import Pixels
        from training.fast.winograd import Geometry, convolve, places, weight_gradient

        batch = np.ascontiguousarray(channels(np.pad(pixels, ((0, 3), (0, 3), (0, 0))), C, N))
        image = Pixels(np.ascontiguousarray(batch.transpose(0, 2, 3, 1)).ravel(), C)
        H, W = batch.shape[2:]
        g = Geometry(N, C, K, H, W, pad)
        out = Pixels(np.zeros(N * g.h * g.w * K, np.float32), K)
        convolve(g, image, places(weights), out)
        return np.append(out.array, weight_gradient(g, image, out))

    return train


def width_work(rng: np.random.Generator) -> Work:
    """How many numbers a vector of this CPU holds."""

    def ask(pixels: np.ndarray) -> np.ndarray:
        found = np.zeros(1, np.int64)
        kernels.width(found)
        return found

    return ask


COMMON = (
    filter_work,
    filter_work,
    filter_work,
    pool_work,
    resize_work,
    transposed_work,
    layer_work,
)
WORK = (*2 * COMMON, png_work, network_work, training_work, width_work)
