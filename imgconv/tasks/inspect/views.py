"""Pictures of a network: RGB uint8 (H, W, 3) each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from imgconv.engine.graph import Graph, Node
from imgconv.errors import InputError
from imgconv.ops.sheet import sheet
from imgconv.ops.tones import Tones, tones_for

from .probe import Probe

MOST = 64  # maps or filters on a sheet
TILE = 96  # pixels of the side of one, at least
GAP, LINE, PAPER = 8, 30, 250  # pixels between tiles, and for words; the level of the page


def enlarge(picture: np.ndarray, side: int = TILE) -> np.ndarray:
    """By a whole factor, to `side` pixels at least; larger ones are reduced."""
    longest = max(picture.shape[:2])
    if longest > 4 * side:
        step = -(-longest // (4 * side))
        picture = picture[::step, ::step]
        longest = max(picture.shape[:2])
    factor = max(1, round(side / longest))
    return np.ascontiguousarray(picture.repeat(factor, 0).repeat(factor, 1))


def filters(graph: Graph) -> np.ndarray:
    """The stencils of the first convolution: in colours where they see three, else signed."""
    for node in graph.nodes:
        if node.operator == "conv" and node.inputs[1] in graph.tensors:
            weights = graph.tensors[node.inputs[1]]
            break
    else:
        raise InputError("there is no convolution with weights of its own")
    shown = weights[:MOST]
    if weights.shape[1] == 3:
        end = float(np.abs(shown).max()) or 1.0
        tiles = [((w / end + 1) * 127.5).transpose(1, 2, 0).astype(np.uint8) for w in shown]
        return sheet([enlarge(t) for t in tiles], [str(n) for n in range(len(tiles))])
    flat = shown.reshape(-1, *weights.shape[2:])[:MOST]
    scale = symmetric(flat)
    of = weights.shape[1]
    names = [str(n) if of == 1 else f"{n // of}.{n % of}" for n in range(len(flat))]
    return sheet([enlarge(scale.colours(w)) for w in flat], names, scales=[scale] * len(flat))


def symmetric(values: np.ndarray) -> Tones:
    end = float(np.abs(values).max()) or 1.0
    return Tones(-end, end, signed=True)


def maps(values: np.ndarray, name: str) -> np.ndarray:
    """Maps (K, h, w), or numbers (K,), each with its own scale; negative is blue."""
    if values.ndim == 1:
        values = _square_of(values)
    shown = values[:MOST]
    scales = [tones_for(one) for one in shown]
    tiles = [enlarge(t.colours(one)) for t, one in zip(scales, shown, strict=True)]
    return sheet(tiles, [f"{name} {n}" for n in range(len(tiles))], scales=scales)


def show_input(image: np.ndarray) -> np.ndarray:
    """The network's input (1, C, h, w) as a picture."""
    planes = image[0][:3] if image.shape[1] >= 3 else image[0][:1].repeat(3, 0)
    low, high = float(planes.min()), float(planes.max())
    return ((planes - low) / max(high - low, 1e-9) * 255).transpose(1, 2, 0).astype(np.uint8)


SHOWN = {"conv", "conv_transpose", "dense", "max_pool", "average_pool", "global_average_pool",
         "concat", "add", "resize", "pixel_shuffle", "depth_to_space", "softmax"}  # fmt: skip
SHAPING = {"relu", "leaky_relu", "prelu", "tanh", "sigmoid", "clip", "batch_norm", "dropout",
           "identity", "elu", "mul", "sub"}  # fmt: skip
ROW, ROWS, STRIP = 12, 24, 28  # maps of a layer side by side; layers; pixels of a row of numbers


def layers(graph: Graph) -> dict[str, str]:
    """What is worth a look: the name of each layer that makes maps, with the value after what only
    shapes its numbers (normalisation, activation)."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    found: dict[str, str] = {}
    for node in graph.nodes:
        several = 2 if node.operator in ("add", "concat") else 1
        if node.operator in SHOWN and _values_read(node, graph) >= several:
            name = title(node)
            name = f"{name} {node.operator}" if name in found else name
            found[name] = _shaped(node.outputs[0], readers, graph)
    return found


def _values_read(node: Node, graph: Graph) -> int:
    return sum(name not in graph.tensors for name in node.inputs if name)


def _shaped(value: str, readers: dict[str, list[Node]], graph: Graph) -> str:
    """The value after the layers that read it alone, and only shape its numbers."""
    while len(read := readers.get(value, [])) == 1 and read[0].operator in SHAPING:
        if _values_read(read[0], graph) > 1:
            break
        value = read[0].outputs[0]
    return value


def title(node: Node) -> str:
    """A layer's own name: its last word, and what stands before where that is a number."""
    words = (node.name or node.outputs[0]).split(".")
    begin = next((n for n in range(len(words) - 1, -1, -1) if not words[n].isdigit()), 0)
    return ".".join(words[begin:])


def every_layer(probe: Probe) -> np.ndarray:
    """A row of maps for each layer, from the image to the output; of many layers some."""
    known = layers(probe.model.graph)
    values = probe.values(list(known.values()))
    shown = [(n, v[0]) for n, v in zip(known, values, strict=True) if v.ndim in (2, 4)]
    step = max(1, math.ceil(len(shown) / ROWS))
    rows = [("what it sees", on_tile(show_input(probe.image)))]
    rows += [(_measured(name, one), _row(one)) for name, one in shown[::-1][::step][::-1]]
    return rows_sheet(rows)


def _measured(name: str, value: np.ndarray) -> str:
    if value.size == len(value):
        return f"{name}: {len(value)} numbers"
    count, tall, wide = value.shape
    more = f", the first {ROW}" if count > ROW else ""
    return f"{name}: {count} {'map' if count == 1 else 'maps'} of {wide}x{tall}{more}"


def _row(value: np.ndarray) -> np.ndarray:
    """The maps (K, h, w) of a layer side by side; its numbers (K,) as a strip."""
    if value.size == len(value):
        cell = max(1, ROW * (TILE + GAP) // len(value))
        strip = tones_for(value).colours(value.reshape(1, -1))
        return strip.repeat(min(STRIP, max(8, cell)), 0).repeat(min(cell, STRIP), 1)
    tiles = [on_tile(tones_for(one).colours(one)) for one in value[:ROW]]
    return np.hstack([np.pad(t, ((0, 0), (0, GAP), (0, 0)), constant_values=PAPER) for t in tiles])


def rows_sheet(rows: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """Pictures below each other, each under its words."""
    from PIL import Image, ImageDraw, ImageFont

    wide = max(picture.shape[1] for _, picture in rows) + 2 * GAP
    high = sum(picture.shape[0] + LINE for _, picture in rows) + GAP
    page = Image.new("RGB", (max(wide, 360), high), (PAPER, PAPER, PAPER))
    draw, font, top = ImageDraw.Draw(page), ImageFont.load_default(15), 0
    for words, picture in rows:
        draw.text((GAP, top + LINE / 2 + 2), words, (32, 34, 38), font, "lm")
        page.paste(Image.fromarray(picture), (GAP, top + LINE))
        top += picture.shape[0] + LINE
    return np.asarray(page)


def _square_of(values: np.ndarray) -> np.ndarray:
    """(K,) numbers as one map (1, side, side), NaN where there are no more."""
    side = math.ceil(math.sqrt(len(values)))
    square = np.full(side * side, np.nan, np.float32)
    square[: len(values)] = values
    return square.reshape(1, side, side)


def on_tile(picture: np.ndarray) -> np.ndarray:
    """A picture as large as TILE allows, in the middle of a square of that side."""
    from PIL import Image

    factor = TILE / max(picture.shape[:2])
    size = [max(1, round(n * factor)) for n in picture.shape[1::-1]]
    kind = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BOX
    made = Image.new("RGB", (TILE, TILE), (PAPER, PAPER, PAPER))
    small = Image.fromarray(picture).resize((size[0], size[1]), kind)
    made.paste(small, ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return np.asarray(made)
