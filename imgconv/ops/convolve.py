"""`convolve`: the layer of a network, from an image to feature maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from imgconv import kernels, threads
from imgconv.errors import InputError, UsageError

from .arguments import result_array
from .bank import Bank

Activation = Literal["none", "relu", "sigmoid", "tanh"]
Pair = tuple[int, int]  # rows, columns
PADDINGS = ("valid", "same", "full")

WORDS = {np.dtype(np.uint8): "u8", np.dtype(np.uint16): "u16", np.dtype(np.float32): "f32"}
MAPS = 4  # of a register tile, as in kernels/convolve.py
SPARE = 512  # numbers of the largest register tile, at most
SLACK = 128  # numbers past its strip that a tile may touch, at most
RING = 8192  # numbers of the ring of lines: about the first-level cache
NARROWEST = 384  # numbers of a strip, so that few tiles overlap


@dataclass(frozen=True, eq=False)
class Layer:
    """Stencils, biases and how they are slid; a pure function of one image.

    padding: "valid", "same", "full", or the rows and columns of zeros on each side. Called with
    pixels (H, W, C) of uint8, uint16 or float32 it returns float32 maps (K, H', W'), summed
    over the channels; with `per_channel` (K * C, H', W'), all channels of the first stencil
    first. The stencils lie on the image as they are written (correlation, as in networks);
    `flip` turns them by 180 degrees.
    """

    bank: Bank
    stride: Pair = (1, 1)
    padding: str | Pair = "valid"
    dilation: Pair = (1, 1)
    activation: Activation = "none"
    per_channel: bool = False
    flip: bool = False

    def __post_init__(self) -> None:
        for name, numbers in (("stride", self.stride), ("dilation", self.dilation)):
            if min(numbers) < 1:
                given = numbers if numbers[0] != numbers[1] else numbers[0]
                raise UsageError(f"`{name}={given}`: must be 1 or more; 1 moves by one pixel")
        if isinstance(self.padding, str) and self.padding not in PADDINGS:
            raise UsageError(
                f"`padding={self.padding!r}`: allowed are {', '.join(PADDINGS)} or the number of "
                "zeros on each side, e.g. `padding=1` or 2x0 (rows x columns)"
            )

    def __call__(self, pixels: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The maps, float32; written to `out` if that is an array of the right shape."""
        height, width, channels = pixels.shape
        weights = self._group(self.bank.for_channels(channels, self.per_channel))
        before, shape = self.place(height, width)
        maps = (weights.shape[0] * weights.shape[1], *shape)
        out = result_array(maps, np.float32, out if out is not None and out.shape == maps else None)
        self._run(np.ascontiguousarray(pixels), weights, before, out)
        return out

    def alone(self, channels: int) -> list[tuple[Layer, slice]]:
        """For each map of an image of so many channels the layer that makes it and nothing else,
        and the channels that this sees."""
        bank = self.bank
        weights = bank.for_channels(channels, self.per_channel)
        every = slice(0, channels)
        parts = [slice(c, c + 1) for c in range(channels)] if self.per_channel else [every]
        return [
            (self._one(weights[k : k + 1, part], k), part)
            for k in range(len(weights))
            for part in parts
        ]

    def _one(self, weights: np.ndarray, k: int) -> Layer:
        """The layer of stencil k alone, with weights (1, C, h, w) for channels that are summed."""
        its = slice(k, k + 1)
        bank = Bank(weights, self.bank.biases[its], self.bank.labels[its], shared=False)
        return replace(self, bank=bank, per_channel=False)

    def reads(self, begin: int, end: int, height: int) -> Pair:
        """Which rows of an image of this height the rows begin ... end of its maps are made of."""
        first = begin * self.stride[0] - self._padding(0, height)[0]
        last = first + (end - begin - 1) * self.stride[0] + self.window[0]
        top = min(max(first, 0), height - 1)
        return top, max(min(last, height), top + 1)

    def rows(self, pixels: np.ndarray, top: int, begin: int, end: int, height: int) -> np.ndarray:
        """Rows begin ... end of the maps of an image of this height, (K, end - begin, W'); pixels
        (h, W, C): its rows from `top` on, those of `reads`."""
        channels = pixels.shape[2]
        weights = self._group(self.bank.for_channels(channels, self.per_channel))
        (above, left), (_, width) = self.place(height, pixels.shape[1])
        count = weights.shape[0] * weights.shape[1]
        out = np.empty((count, end - begin, width), np.float32)
        above += top - begin * self.stride[0]
        self._run(np.ascontiguousarray(pixels), weights, (above, left), out)
        return out

    def _group(self, weights: np.ndarray) -> np.ndarray:
        """(K, C, h, w) as groups (G, K, C/G, h, w): maps of one group see the same channels."""
        if self.flip:
            weights = weights[..., ::-1, ::-1]
        return weights.transpose(1, 0, 2, 3)[:, :, None] if self.per_channel else weights[None]

    def place(self, height: int, width: int) -> tuple[Pair, Pair]:
        """Zeros above and to the left; rows and columns of the maps. InputError: none fits."""
        window = self.window
        pads = [self._padding(axis, n) for axis, n in enumerate((height, width))]
        padded = [sum(pad) + n for pad, n in zip(pads, (height, width), strict=True)]
        if padded[0] < window[0] or padded[1] < window[1]:
            raise InputError(self._does_not_fit((height, width), padded))
        rows, columns = (
            (n - w) // s + 1 for n, w, s in zip(padded, window, self.stride, strict=True)
        )
        return (pads[0][0], pads[1][0]), (rows, columns)

    @property
    def window(self) -> Pair:
        """Rows and columns that a stencil spans, dilation included."""
        h, w = self.bank.size
        return (h - 1) * self.dilation[0] + 1, (w - 1) * self.dilation[1] + 1

    def _padding(self, axis: int, length: int) -> Pair:
        """Zeros before and after. "same" is ONNX's SAME_UPPER: an odd one goes to the end."""
        window, stride = self.window[axis], self.stride[axis]
        if self.padding == "valid":
            return 0, 0
        if self.padding == "full":
            return window - 1, window - 1
        if self.padding == "same":
            total = max((-(-length // stride) - 1) * stride + window - length, 0)
            return total // 2, total - total // 2
        return (int(self.padding[axis]),) * 2

    def _does_not_fit(self, size: Pair, padded: list[int]) -> str:
        window = times(self.window)
        dilated = f" ({times(self.bank.size)} dilated)" if self.window != self.bank.size else ""
        around = f", {times(padded)} with its padding" if tuple(padded) != size else ""
        return (
            f"a window of {window}{dilated} is larger than the image, {times(size)}{around}; "
            "give a smaller stencil or `padding='same'`"
        )

    def parameters(self, channels: int) -> tuple[str, int]:
        """How the numbers that such a layer learns are counted, and how many they are."""
        h, w = self.bank.size
        depth = 1 if self.per_channel and self.bank.shared else channels
        maps, weights = len(self.bank.biases), h * w * depth
        words = f"{maps} x ({h}x{w}x{depth} weights + 1 bias)"
        return words, maps * (weights + 1)

    def _run(self, pixels: np.ndarray, weights: np.ndarray, before: Pair, out: np.ndarray) -> None:
        """Bands of rows of the compiled loop on all threads."""
        groups, maps, depth, h, w = weights.shape
        steps = np.ascontiguousarray(weights.transpose(0, 1, 3, 2, 4)).reshape(groups, maps, -1)
        phases, along = self._phases(w)
        more = (w - 1) * self.dilation[1] // self.stride[1]
        lines = self.window[0] * pixels.shape[2] * len(phases)
        strip = min(out.shape[2], max(NARROWEST, RING // lines))
        length = strip + more + SLACK
        channel = np.arange(depth)[:, None] * (len(phases) * length)
        places = channel + [phases.index(p) * length + n for p, n in along]
        constants = (
            np.array(phases, np.int64), places.ravel().astype(np.int64), _tile(steps),
            np.tile(self.bank.biases, groups), 0.0 if self.activation == "relu" else -np.inf,
        )  # fmt: skip

        def band(begin: int, end: int) -> None:
            sizes = np.array(
                [*pixels.shape, h, self.dilation[0], *self.stride, *before, len(phases), maps,
                 groups, steps.shape[2], *out.shape[1:], begin, end, strip, length, more],
                np.int64,
            )  # fmt: skip
            kernels.layers[WORDS[pixels.dtype]](
                pixels, out, sizes, *constants, np.zeros(lines * length, np.float32),
                np.zeros(steps.shape[2], np.int64), np.zeros(SPARE, np.float32),
            )  # fmt: skip
            self._activate(out[:, begin:end])

        threads.run(band, out.shape[1])

    def _phases(self, w: int) -> tuple[list[int], list[Pair]]:
        """Phases in use; for each tap of a row its phase and its place in that line."""
        along = [(v * self.dilation[1]) for v in range(w)]
        stride = self.stride[1]
        return sorted({n % stride for n in along}), [(n % stride, n // stride) for n in along]

    def _activate(self, maps: np.ndarray) -> None:
        """In place; relu is done by the kernel."""
        if self.activation == "tanh":
            np.tanh(maps, out=maps)
        elif self.activation == "sigmoid":  # 1 / (1 + exp(-x)), without overflow
            half = np.float32(0.5)
            np.multiply(maps, half, out=maps)
            np.tanh(maps, out=maps)
            np.multiply(maps, half, out=maps)
            np.add(maps, half, out=maps)


def _tile(steps: np.ndarray) -> np.ndarray:
    """(G, K, T) flat: of every MAPS maps (T, MAPS), of those left over (T,)."""
    _, maps, count = steps.shape
    whole = maps // MAPS * MAPS
    parts = [
        part
        for group in steps
        for part in (
            group[:whole].reshape(-1, MAPS, count).transpose(0, 2, 1).ravel(),
            group[whole:].ravel(),
        )
    ]
    return np.ascontiguousarray(np.concatenate(parts), np.float32)


def times(sizes: Pair | list[int]) -> str:
    """3x4: rows x columns."""
    return "x".join(map(str, sizes))
