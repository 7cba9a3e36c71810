"""Convolution over blocked channels: Winograd, tap by tap, or every channel on its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv import kernels, threads
from imgconv.engine.arena import aligned
from imgconv.engine.fusion import Stage
from imgconv.engine.operators.operator import Clamp
from imgconv.engine.operators.sliding import windows
from imgconv.kernels.layout import WEIGHTED, Sliding, Taps, Winograd, WinogradWeights, pack

from .layer import (
    Arrays,
    Shapes,
    V,
    Weights,
    Work,
    blocks,
    lines,
    pad_channels,
    scratch,
    step_of,
)

Layer = Callable[[np.ndarray, np.ndarray | None, np.ndarray], None]  # image, extra, out
ROWS = 6  # results of a register tile
PLACES, GAP = 36, 16  # of a Winograd tile
CYCLES = 400_000  # of work that is worth a thread


@dataclass(frozen=True)
class Geometry:
    """Sizes of one convolution (of one group): C x H x W to K x h x w."""

    C: int
    K: int
    H: int
    W: int
    h: int
    w: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    top: int
    left: int

    @property
    def pairs(self) -> int:
        """Registers side by side in a tile hold 2V output channels."""
        return -(-self.K // (2 * V))

    @property
    def tiles(self) -> int:
        return -(-self.h // 4) * -(-self.w // 4)

    @property
    def is_plain_3x3(self) -> bool:
        return (self.kernel, self.strides, self.dilations) == ((3, 3), (1, 1), (1, 1))

    @property
    def is_pointwise(self) -> bool:
        """A matrix product over pixels as they lie."""
        return self.reads_pixels and self.strides == (1, 1) and (self.h, self.w) == (self.H, self.W)

    @property
    def reads_pixels(self) -> bool:
        """One tap, without zeros around: pixels can be read where they lie."""
        (down, across), before = self.strides, (self.top, self.left)
        inside = (self.h - 1) * down < self.H and (self.w - 1) * across < self.W
        return self.kernel == (1, 1) and before == (0, 0) and inside


def prepare(
    stage: Stage, tensors: Arrays, shapes: Shapes, prepared: dict[Any, Any], chosen: str = ""
) -> Work | None:
    """The convolution made ready; None where plain NumPy has to do it.

    chosen: an algorithm to be used whatever it costs, so that tiles equal the whole.
    """
    name, array, bias, groups = _parts(stage, tensors)
    if array is None or len(shapes[name]) != 4:
        return None
    C, K = shapes[name][1], array.shape[0]
    geometry = _geometry(stage, array, shapes, C // groups, K // groups)
    weights = Weights(array, stage.node.inputs[1], prepared)
    clamp = stage.clamp
    if groups == C == K and groups > 1:
        layer, algorithm = _depthwise(geometry, weights, bias, C, clamp), "depthwise"
    elif groups == 1:
        algorithm = chosen or cheapest(geometry)
        layer = ALGORITHMS[algorithm](geometry, weights, pad_channels(bias, K), clamp)
    elif not (C // groups) % V and not (K // groups) % V:
        algorithm = chosen or cheapest(geometry)
        layer = _prepare_groups(geometry, weights, bias, groups, clamp, algorithm)
    else:
        return None
    reads = frozenset({name, stage.extra} - {""})
    by_rows = algorithm == "winograd" or (algorithm == "direct" and not stage.extra)
    return Work(_every_image(layer, name, stage.extra), reads, algorithm, by_rows)


def _parts(stage: Stage, tensors: Arrays) -> tuple[str, Any, Any, int]:
    node = stage.node
    name, weights, *rest = node.inputs
    bias = tensors.get(rest[0]) if rest and rest[0] else None
    unknown = weights not in tensors or (rest and rest[0] and bias is None) or name in tensors
    return name, None if unknown else tensors[weights], bias, node.attributes.get("groups", 1)


def _geometry(stage: Stage, weights: np.ndarray, shapes: Shapes, C: int, K: int) -> Geometry:
    (H, W), (h, w) = shapes[stage.node.inputs[0]][2:], shapes[stage.output][2:]
    a = stage.node.attributes
    at = windows(
        (H, W), weights.shape[2:], a.get("strides"), a.get("dilations"), a.get("pads"),
        a.get("auto_pad") or "",
    )  # fmt: skip
    kernel, strides, dilations, before = (
        (pair[0], pair[1]) for pair in (at.kernel, at.strides, at.dilations, at.before)
    )
    return Geometry(C, K, H, W, h, w, kernel, strides, dilations, *before)


def _every_image(layer: Layer, name: str, extra: str) -> Callable[[Arrays, np.ndarray], None]:
    def run(values: Arrays, out: np.ndarray) -> None:
        for n in range(len(out)):
            layer(values[name][n], values[extra][n] if extra else None, out[n])

    return run


def cheapest(g: Geometry) -> str:
    """The algorithm of fewest cycles: two multiply-adds of vectors each, and what goes with them.

    Winograd's transforms take about 150 and 110 cycles a tile and block; its weights, four times
    as many, are read from memory for every T tiles at 16 bytes a cycle, and are made first.
    """
    if not g.is_plain_3x3 or g.C < V:
        return "direct"
    T = _tiles_at_once(g)
    direct = _round_up(g.h * g.w, ROWS) * 9 * g.C * g.pairs
    products = _round_up(g.tiles, ROWS) * PLACES * g.C * g.pairs
    transforms = g.tiles * (150 * blocks(g.C) + 110 * blocks(g.K))
    weights = PLACES * g.C * g.pairs * 2 * V * 4 / 16 * (1 + -(-g.tiles // T))
    return "winograd" if products + transforms + weights < direct else "direct"


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step


def _tiles_at_once(g: Geometry) -> int:
    """Tiles whose places share one reading of the weights: more where the weights are large."""
    return 24 if g.C * g.K < 2**16 else 48


def _smallest_band(cycles: float) -> int:
    """How many units of that many cycles are worth a thread."""
    return max(1, round(CYCLES / max(cycles, 1.0)))


def _winograd(g: Geometry, weights: Weights, biases: np.ndarray, clamp: Clamp) -> Layer:
    T, C = min(_tiles_at_once(g), _round_up(g.tiles, ROWS)), blocks(g.C) * V
    places = weights.get("winograd", _places)
    groups = -(-g.tiles // T)
    by_tiles = groups >= 2 * threads.count() or g.pairs == 1
    cost = PLACES * g.C * T * g.pairs

    def layer(image: np.ndarray, extra: np.ndarray | None, out: np.ndarray) -> None:
        other = out if extra is None else extra
        source, beside, target = lines(image), lines(other), lines(out)

        def band(begin: int, end: int) -> None:
            tiles = (begin * T, min(end * T, g.tiles)) if by_tiles else (0, g.tiles)
            pairs = (0, g.pairs) if by_tiles else (begin, end)
            sizes = Winograd(
                H=g.H, W=g.W, C=C, K=blocks(g.K) * V, h=g.h, w=g.w, top=g.top, left=g.left,
                begin=tiles[0], end=tiles[1], together=T, first=pairs[0], last=pairs[1],
                added=extra is not None, plane=step_of(image), out_plane=step_of(out),
                extra_plane=step_of(other),
            )  # fmt: skip
            room = scratch(PLACES * ((C + 2 * V * (pairs[1] - pairs[0])) * T + 2 * GAP + V))
            kernels.winograd_convolve(
                source, places, biases, beside, target, room, pack(sizes), *clamp.numbers
            )  # fmt: skip

        if by_tiles:
            threads.run(band, groups, _smallest_band(cost))
        else:  # each thread transforms the whole image for its share of the channels
            threads.run(band, g.pairs, -(-g.pairs // threads.count()))

    return layer


def _places(stencils: np.ndarray) -> np.ndarray:
    """Weights (K, C, 3, 3) at the 36 places of a tile, as the kernel reads them."""
    K, C = stencils.shape[:2]
    pairs, wide = -(-K // (2 * V)), blocks(C) * V
    places = aligned((PLACES, pairs, wide, 2 * V))
    source = np.ascontiguousarray(stencils)

    def band(begin: int, end: int) -> None:
        sizes = WinogradWeights(
            K=K, C=C, C_out=wide, first=0, k_step=9 * C, c_step=9, tap_step=1, begin=begin, end=end
        )
        kernels.winograd_prepare(source, places, scratch(18 * V), pack(sizes))

    threads.run(band, pairs)
    return places


def _direct(g: Geometry, weights: Weights, biases: np.ndarray, clamp: Clamp) -> Layer:
    return tap_by_tap(g, weights, biases, clamp)


def tap_by_tap(
    g: Geometry,
    weights: Weights,
    biases: np.ndarray,
    clamp: Clamp,
    step: tuple[int, int] = (1, 1),
    first: tuple[int, int] = (0, 0),
    full: tuple[int, int] | None = None,
) -> Layer:
    """A layer that writes its result (i, j) at first + step * (i, j) of an image of size `full`.

    biases: a number for each channel of the result, as `pad_channels` gives them. The layer takes
    blocked images (blocks, H, W, V).
    """
    plan = _Taps(g, step, full or (g.h, g.w))
    taps = weights.get("taps", _pair_channels)
    start = (first[0] * plan.full[1] + first[1]) * V
    cost = plan.columns * taps[0].size / (2 * V)  # of a row of results and a pair
    # the same for each image of a batch
    sizes, offsets = functools.cache(plan.sizes), functools.cache(plan.offsets)

    def layer(image: np.ndarray, extra: np.ndarray | None, out: np.ndarray) -> None:
        target = lines(out)[start:]
        other = target if extra is None else lines(extra)[start:]
        source, steps = lines(image), (step_of(image), step_of(out))
        bands_of = -(-plan.rows // plan.band)
        by_rows = bands_of >= 2 * threads.count() or g.pairs == 1

        def band(begin: int, end: int) -> None:
            rows = (begin * plan.band, min(end * plan.band, plan.rows))
            span = (0, g.pairs, *rows) if by_rows else (begin, end, 0, plan.rows)
            kernels.implicit_convolve(
                source, taps, offsets(steps[0]), biases, other, target, scratch(plan.room),
                sizes(span, extra is not None, *steps), *clamp.numbers,
            )  # fmt: skip

        if by_rows:
            threads.run(band, bands_of, _smallest_band(cost * plan.band * g.pairs))
        else:
            threads.run(band, g.pairs, _smallest_band(cost * plan.rows))

    return layer


class _Taps:
    """How the tap-by-tap kernel walks over a geometry."""

    def __init__(self, g: Geometry, step: tuple[int, int], full: tuple[int, int]) -> None:
        self.g, self.step, self.full = g, step, full
        (kh, kw), across, (d, dx) = g.kernel, g.strides[1], g.dilations
        self.flat = g.is_pointwise and step == (1, 1)  # all pixels are one row, cut in pieces
        self.columns = 48 if self.flat else g.w
        self.need, self.length, self.pixel = 0, 0, across * V
        self.line = (48 if self.flat else g.W) * V
        if not g.reads_pixels:
            self.need, self.length, self.pixel = (kh - 1) * d + 1, g.w + (kw - 1) * dx // across, V
            self.line = blocks(g.C) * across * self.length * V
        self.rows = -(-g.h * g.w // self.columns)
        self.band = min(-(-96 // self.columns), self.rows)

    def offsets(self, plane: int) -> np.ndarray:
        """Where each step of a result's sum begins, in numbers; plane: from block to block."""
        g, every = self.g, range(blocks(self.g.C))
        if not self.need:
            return np.array([c * plane for c in every])
        (kh, kw), across, (d, dx), line = g.kernel, g.strides[1], g.dilations, self.length * V
        return np.array([
            u * d * self.line + (c * across + v * dx % across) * line + v * dx // across * V
            for c in every
            for u in range(kh)
            for v in range(kw)
        ])  # fmt: skip

    @property
    def room(self) -> int:
        rows = (self.band - 1) * self.g.strides[0] + self.need if self.need else 0
        return rows * self.line

    def sizes(self, span: tuple[int, ...], added: bool, source: int, plane: int) -> np.ndarray:
        """source and plane: numbers from block to block of the image and of the result."""
        g, (down, across), (i, j) = self.g, self.g.strides, self.step
        taps = g.kernel[0] * g.kernel[1]
        first, last, begin, end = span
        return pack(Taps(
            H=g.H, W=g.W, blocks_in=blocks(g.C), blocks_out=blocks(g.K), columns=self.columns,
            results=g.h * g.w, top=g.top, left=g.left, down=down, across=across,
            first=first, last=last, begin=begin, end=end, band=self.band,
            need=self.need, length=self.length,
            source_row=down * self.line, source_pixel=self.pixel,
            source_plane=source, plane=plane, out_row=i * self._width * V, pixel=j * V,
            whole=g.C // V * taps, rest=taps if g.C % V else 0, lanes=g.C % V, added=added,
        ))  # fmt: skip

    @property
    def _width(self) -> int:
        """Pixels of out from a row of results to the next, before the step."""
        return self.columns if self.flat else self.full[1]


def _pair_channels(weights: np.ndarray) -> np.ndarray:
    """(K, C, kh, kw) -> (pairs, steps, 2V): by block of channels, tap, channel."""
    K, C, taps = *weights.shape[:2], weights.shape[2] * weights.shape[3]
    pairs, whole = -(-K // (2 * V)), C // V * V
    full = np.zeros((pairs * 2 * V, C, taps), np.float32)
    full[:K] = weights.reshape(K, C, taps)
    paired = full.reshape(pairs, 2 * V, C, taps)
    first = paired[:, :, :whole].reshape(pairs, 2 * V, whole // V, V, taps)
    parts = [
        first.transpose(0, 2, 4, 3, 1).reshape(pairs, -1, 2 * V),
        paired[:, :, whole:].transpose(0, 3, 2, 1).reshape(pairs, -1, 2 * V),
    ]
    steps = parts[0].shape[1] + parts[1].shape[1]
    return np.concatenate(parts, axis=1, out=aligned((pairs, steps, 2 * V)))


def _prepare_groups(
    g: Geometry, weights: Weights, bias: Any, groups: int, clamp: Clamp, algorithm: str
) -> Layer:
    """One layer for each group; a group's channels are whole blocks."""
    parts = [
        ALGORITHMS[algorithm](
            g,
            weights.part(n, lambda w, n=n: w[n * g.K : (n + 1) * g.K]),  # type: ignore[misc]
            pad_channels(None if bias is None else bias[n * g.K : (n + 1) * g.K], g.K),
            clamp,
        )
        for n in range(groups)
    ]
    C, K = g.C // V, g.K // V

    def layer(image: np.ndarray, extra: np.ndarray | None, out: np.ndarray) -> None:
        for n, part in enumerate(parts):
            own = slice(n * K, (n + 1) * K)
            part(image[n * C : (n + 1) * C], None if extra is None else extra[own], out[own])

    return layer


def _depthwise(g: Geometry, weights: Weights, bias: Any, C: int, clamp: Clamp) -> Layer:
    kh, kw = g.kernel
    taps = np.zeros((blocks(C) * V, kh * kw), np.float32)
    taps[:C] = weights.array.reshape(C, -1)
    taps = np.ascontiguousarray(taps.reshape(-1, V, kh * kw).transpose(0, 2, 1))
    biases = pad_channels(bias, C)
    rows = blocks(C) * g.h
    no_shares = np.empty(0, np.float32)

    def layer(image: np.ndarray, extra: np.ndarray | None, out: np.ndarray) -> None:
        def band(begin: int, end: int) -> None:
            sizes = Sliding(
                H=g.H, W=g.W, h=g.h, w=g.w, kernel_h=kh, kernel_w=kw,
                down=g.strides[0], across=g.strides[1],
                dilation_down=g.dilations[0], dilation_across=g.dilations[1],
                top=g.top, left=g.left, kind=WEIGHTED, begin=begin, end=end,
            )  # fmt: skip
            kernels.slide(image, taps, biases, no_shares, out, pack(sizes), *clamp.numbers)

        threads.run(band, rows, _smallest_band(3 * g.w * kh * kw))

    return layer


ALGORITHMS: dict[str, Callable[[Geometry, Weights, np.ndarray, Clamp], Layer]] = {
    "winograd": _winograd,
    "direct": _direct,
}
