"""Pictures of a network: RGB uint8 (H, W, 3) each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from imgconv.engine.fields import trace
from imgconv.engine.graph import Graph
from imgconv.errors import InputError
from imgconv.ops.sheet import sheet
from imgconv.ops.tones import Tones, tones_for

from .influence import influence, spread
from .probe import Probe

MOST = 64  # maps or filters on a sheet
TILE = 96  # pixels of the side of one, at least


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
    names = [f"{n // weights.shape[1]}.{n % weights.shape[1]}" for n in range(len(flat))]
    return sheet([enlarge(scale.colours(w)) for w in flat], names, scales=[scale] * len(flat))


def symmetric(values: np.ndarray) -> Tones:
    end = float(np.abs(values).max()) or 1.0
    return Tones(-end, end, signed=True)


def maps(values: np.ndarray, name: str) -> np.ndarray:
    """Maps (K, h, w), or numbers (K,), each with its own scale; negative is blue."""
    if values.ndim == 1:
        side = math.ceil(math.sqrt(len(values)))
        square = np.full(side * side, np.nan, np.float32)
        square[: len(values)] = values
        values = square.reshape(1, side, side)
    shown = values[:MOST]
    scales = [tones_for(one) for one in shown]
    tiles = [enlarge(t.colours(one)) for t, one in zip(scales, shown, strict=True)]
    return sheet(tiles, [f"{name} {n}" for n in range(len(tiles))], scales=scales)


def show_input(image: np.ndarray) -> np.ndarray:
    """The network's input (1, C, h, w) as a picture."""
    planes = image[0][:3] if image.shape[1] >= 3 else image[0][:1].repeat(3, 0)
    low, high = float(planes.min()), float(planes.max())
    return ((planes - low) / max(high - low, 1e-9) * 255).transpose(1, 2, 0).astype(np.uint8)


def over(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture, paled, under a map (h, w): red speaks for, blue against."""
    scale = symmetric(heat)
    colours = scale.colours(heat).astype(np.float32)
    weight = np.minimum(np.abs(heat) / scale.high, 1)[..., None] * 0.75
    pale = picture.astype(np.float32) * 0.8 + 51
    return np.rint(pale * (1 - weight) + colours * weight).astype(np.uint8)


def field(probe: Probe, value: str, at: tuple[int, int] | None) -> tuple[np.ndarray, str]:
    """The theoretical field of a unit of a layer as a frame, the effective one as heat.

    Luo and others: Understanding the Effective Receptive Field, NIPS 2016.
    """
    image = probe.image
    traced = trace(probe.model.graph, (image.shape[2], image.shape[3])).get(value)
    if traced is None:
        raise InputError("a unit of that layer sees all of the image")
    (values,) = probe.values([value])
    row, column = at or (values.shape[2] // 2, values.shape[3] // 2)
    if not (0 <= row < values.shape[2] and 0 <= column < values.shape[3]):
        raise InputError(
            f"`at='{column},{row}'` lies outside: the layer has {values.shape[3]}x{values.shape[2]}"
        )
    window = tuple(
        slice(int(side.low[n]), int(side.high[n]) + 1)
        for side, n in zip(traced.sides, (row, column), strict=True)
    )
    rows, columns = window
    channel = int(np.abs(values[0, :, row, column]).argmax())

    def number(batch: np.ndarray) -> np.ndarray:
        return np.asarray(probe.values([value], batch)[0][:, channel, row, column])

    cells = influence(number, image, (rows, columns), 24)
    heat = spread(np.abs(cells), (rows, columns), (image.shape[2], image.shape[3]))
    picture = draw_frame(over(show_input(image), heat), (rows, columns))
    share = np.sort(cells.ravel() ** 2)[::-1].cumsum()
    half = int(np.searchsorted(share, 0.9 * share[-1])) + 1 if share[-1] > 0 else 0
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    said = (
        f"unit {column},{row} of map {channel} sees {wide}x{tall} pixels; "
        f"{100 * half / cells.size:.0f} % of them make 90 % of what covering changes"
    )
    return enlarge(picture, 384), said


def draw_frame(picture: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    rows, columns = window
    made = picture.copy()
    for row in (rows.start, rows.stop - 1):
        made[row, columns] = (220, 30, 30)
    for column in (columns.start, columns.stop - 1):
        made[rows, column] = (220, 30, 30)
    return made


def occlusion(probe: Probe, cells: int = 24) -> tuple[np.ndarray, str]:
    """Where covering the image takes from the likeliest class (red) or adds to it (blue); of a
    network that makes an image, what moves the pixel in the middle of its output."""
    name = probe.model.graph.outputs[0]
    (result,) = probe.values([name])
    image = probe.image
    if result.ndim == 4 and result.shape[2] * result.shape[3] > 1:
        row, column = result.shape[2] // 2, result.shape[3] // 2
        place = row * result.shape[3] + column
        said = f"what moves the output's pixel {column},{row}"
    else:
        place = int(result.reshape(-1).argmax())
        said = f"what speaks for class {class_name(probe, place)}"

    def number(batch: np.ndarray) -> np.ndarray:
        return np.asarray(probe.values([name], batch)[0].reshape(len(batch), -1)[:, place])

    window = slice(0, image.shape[2]), slice(0, image.shape[3])
    found = influence(number, image, window, cells)
    heat = spread(found, window, (image.shape[2], image.shape[3]))
    return enlarge(over(show_input(image), heat), 384), said


def class_name(probe: Probe, number: int) -> str:
    classes = (probe.model.card.get("read") or {}).get("classes") or []
    return str(classes[number]) if number < len(classes) else str(number)


def activation_map(probe: Probe) -> tuple[np.ndarray, str]:
    """Class activation map: the last maps, weighted as the dense layer behind the global mean
    weighs them. Zhou and others: Learning Deep Features for Discriminative Localization, CVPR 2016.
    """
    graph = probe.model.graph
    pool = next((n for n in graph.nodes if n.operator == "global_average_pool"), None)
    dense = [n for n in graph.nodes if n.operator == "dense" and n.inputs[1] in graph.tensors]
    if pool is None or not dense:
        raise InputError(
            "a class activation map needs a global mean and one dense layer behind it; "
            "`show='occlusion'` works for every network"
        )
    weights = graph.tensors[dense[-1].inputs[1]]
    found, scores = probe.values([pool.inputs[0], graph.outputs[0]])
    best = int(scores.reshape(-1).argmax())
    if weights.shape[1] != found.shape[1]:
        raise InputError("the dense layer does not read the means; `show='occlusion'` does without")
    heat = np.tensordot(weights[best], found[0], 1)
    size = probe.image.shape[2:]
    rows, columns = (np.arange(n) * m // n for n, m in zip(size, heat.shape, strict=True))
    picture = over(show_input(probe.image), heat[np.ix_(rows, columns)].astype(np.float32))
    return enlarge(picture, 384), f"class {class_name(probe, best)}"


def patches(
    probes: Sequence[tuple[str, Probe]], value: str, channel: int, count: int
) -> np.ndarray:
    """The pieces of all images that excite a map most, one an image and place, best first."""
    found: list[tuple[float, np.ndarray, str]] = []
    for name, one in probes:
        image = one.image
        traced = trace(one.model.graph, (image.shape[2], image.shape[3])).get(value)
        maps = one.values([value])[0]
        if maps.ndim != 4 or channel >= maps.shape[1]:
            raise InputError(
                f"found {maps.shape[1]} maps, counted from 0; `channel={channel}` is none of them"
            )
        values = maps[0, channel]
        for flat in np.argsort(-values, axis=None)[:3]:
            row, column = np.unravel_index(int(flat), values.shape)
            window = tuple(
                slice(int(s.low[n]), int(s.high[n]) + 1)
                for s, n in zip(traced.sides, (row, column), strict=True)
            ) if traced else (slice(None), slice(None))  # fmt: skip
            found.append((float(values[row, column]), show_input(image)[window], name))
    found.sort(key=lambda one: -one[0])
    best = found[:count]
    side = max(max(piece.shape[:2]) for _, piece, _ in best)
    tiles = [enlarge(_square(piece, side)) for _, piece, _ in best]
    return sheet(tiles, [f"{strength:.3g}" for strength, _, _ in best])


def _square(piece: np.ndarray, side: int) -> np.ndarray:
    made = np.full((side, side, 3), 250, np.uint8)
    made[: piece.shape[0], : piece.shape[1]] = piece
    return made
