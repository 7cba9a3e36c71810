"""Which regions of an image count: for a unit, for the answer, for a map. RGB uint8 each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgconv.engine.fields import trace as trace_fields
from imgconv.engine.reach import Trace
from imgconv.engine.shapes import costs
from imgconv.errors import InputError
from imgconv.ops.sheet import sheet

from .influence import influence, spread
from .probe import Probe
from .views import enlarge, show_input, symmetric

WORK = 6e10  # multiply-adds for one picture: two seconds on two cores
FEWEST, FINEST = 5, 24  # cells a side
VIEW, FRAME = 384, 2  # pixels: of a picture's side, of a frame's line
Window = tuple[slice, slice]


def cells_for(probe: Probe, size: tuple[int, ...]) -> int:
    """How many cells a side may be covered, one after another, of an image of this size."""
    shapes = {n: (1, *a.shape[1:-2], *size) if a.ndim == 4 else a.shape
              for n, a in probe.inputs.items()}  # fmt: skip
    work = sum(cost.multiply_adds for cost in costs(probe.model.graph, shapes))
    return int(np.clip((WORK / max(work, 1)) ** 0.5, FEWEST, FINEST))


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
    trace = trace_fields(probe.model.graph, probe.size).get(value)
    if trace is None:
        raise InputError("a unit of that layer sees all of the image")
    (values,) = probe.values([value])
    row, column = at or (values.shape[2] // 2, values.shape[3] // 2)
    if not (0 <= row < values.shape[2] and 0 <= column < values.shape[3]):
        raise InputError(
            f"`at='{column},{row}'` lies outside: the layer has {values.shape[3]}x{values.shape[2]}"
        )
    channel = int(np.abs(values[0, :, row, column]).argmax())
    window = window_of(trace, row, column)
    cells, heat = local_influence(probe, value, (channel, row, column), trace)
    heat = np.abs(heat)
    share = np.sort(cells.ravel() ** 2)[::-1].cumsum()
    half = int(np.searchsorted(share, 0.9 * share[-1])) + 1 if share[-1] > 0 else 0
    tall, wide = (part.stop - part.start for part in window)
    said = (
        f"unit {column},{row} of map {channel} sees {wide}x{tall} pixels; "
        f"{100 * half / cells.size:.0f} % of them make 90 % of what covering changes"
    )
    whole, near = show_input(probe.image), margin(window, probe.size)
    picture = over(whole, heat)
    names = [f"what unit {column},{row} sees", "and what of it counts"]
    tiles = [draw_frame(enlarge(part[near], VIEW), window, near) for part in (whole, picture)]
    return sheet(tiles, names, 2), said


def window_of(trace: Trace, row: int, column: int) -> Window:
    """The pixels that a unit sees."""
    rows, columns = (
        slice(int(side.low[n]), int(side.high[n]) + 1)
        for side, n in zip(trace.sides, (row, column), strict=True)
    )
    return rows, columns


def margin(window: Window, size: tuple[int, int]) -> Window:
    """The window with a quarter of it around, or a little more of a small one."""
    more = max(6, *((part.stop - part.start) // 4 for part in window))
    rows, columns = (
        slice(max(part.start - more, 0), min(part.stop + more, full))
        for part, full in zip(window, size, strict=True)
    )
    return rows, columns


def local_influence(
    probe: Probe, value: str, unit: tuple[int, int, int], trace: Trace
) -> tuple[np.ndarray, np.ndarray]:
    """How much a unit (map, row, column) falls when a cell of its window is covered: by cell, and
    by pixel of the image. Only the piece of the image that it sees is given to the network, where
    that gives the unit's value."""
    channel, row, column = unit
    window = window_of(trace, row, column)
    steps = [max(int(side.step), 1) for side in trace.sides]
    grid = [max(int(probe.model.card.get("multiple") or 1), step) for step in steps]
    piece = tuple(
        slice(part.start // n * n, min(-(-part.stop // n) * n, full))
        for part, n, full in zip(window, grid, probe.size, strict=True)
    )
    offset = [part.start // step for part, step in zip(piece, steps, strict=True)]
    small = probe.cut((piece[0], piece[1]))
    here = row - offset[0], column - offset[1]
    value_there = float(probe.values([value])[0][0, channel, row, column])
    if small is None or not _same(small, value, (channel, *here), value_there):
        small, here, piece = (
            probe,
            (row, column),
            (slice(0, probe.size[0]), slice(0, probe.size[1])),
        )

    def number(batch: np.ndarray) -> np.ndarray:
        return np.asarray(small.values([value], batch)[0][:, channel, here[0], here[1]])

    rows, columns = (
        slice(part.start - begin.start, part.stop - begin.start)
        for part, begin in zip(window, piece, strict=True)
    )
    cells = influence(number, small.image, (rows, columns), cells_for(small, small.size))
    return cells, spread(cells, window, probe.size)


def _same(probe: Probe, value: str, unit: tuple[int, int, int], wanted: float) -> bool:
    channel, row, column = unit
    found = probe.values([value])[0][0]
    if not (0 <= row < found.shape[1] and 0 <= column < found.shape[2]):
        return False
    top = float(np.abs(found).max()) or 1.0
    return bool(abs(float(found[channel, row, column]) - wanted) <= 1e-3 * top)


def draw_frame(picture: np.ndarray, window: Window, shown: Window) -> np.ndarray:
    """A picture, of any size, of the part `shown` of an image, with a frame around the window."""
    made = picture.copy()
    rows, columns = (
        slice(
            (part.start - begin.start) * size // (begin.stop - begin.start),
            max((part.stop - begin.start) * size // (begin.stop - begin.start), FRAME),
        )
        for part, begin, size in zip(window, shown, picture.shape, strict=False)
    )
    for row in (rows.start, rows.stop - FRAME):
        made[row : row + FRAME, columns] = (220, 30, 30)
    for column in (columns.start, columns.stop - FRAME):
        made[rows, column : column + FRAME] = (220, 30, 30)
    return made


def occlusion(probe: Probe) -> tuple[np.ndarray, str]:
    """Where covering the image takes from the likeliest class (red) or adds to it (blue); of a
    network that makes an image, what moves the pixel in the middle of its output."""
    name = probe.model.graph.outputs[0]
    (result,) = probe.values([name])
    if result.ndim == 4 and result.shape[2] * result.shape[3] > 1:
        _, heat = _pixel(probe, name, result)
        said = f"what moves the output's pixel {result.shape[3] // 2},{result.shape[2] // 2}"
    else:
        heat, said = _answer(probe, scores_of(probe), int(result.reshape(-1).argmax()))
    picture, scale = show_input(probe.image), symmetric(heat)
    tiles = [enlarge(part, VIEW) for part in (picture, over(picture, heat))]
    return sheet(tiles, ["what it sees", said], 2, ["", scale]), said


def _pixel(probe: Probe, name: str, result: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row, column = result.shape[2] // 2, result.shape[3] // 2
    trace = trace_fields(probe.model.graph, probe.size).get(name)
    channel = int(np.abs(result[0, :, row, column]).argmax())
    if trace is None:
        return _everywhere(probe, name, (channel, row, column))
    return local_influence(probe, name, (channel, row, column), trace)


def _everywhere(
    probe: Probe, name: str, unit: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Of a network whose units see all of the image."""
    window = slice(0, probe.size[0]), slice(0, probe.size[1])
    cells = influence(
        lambda batch: probe.values([name], batch)[0][:, *unit],
        probe.image, window, cells_for(probe, probe.size),
    )  # fmt: skip
    return cells, spread(cells, window, probe.size)


def _answer(probe: Probe, name: str, place: int) -> tuple[np.ndarray, str]:
    """The heat of a class: of its score above what the others amount to. It is covered by windows
    three cells wide, which overlap."""

    def number(batch: np.ndarray) -> np.ndarray:
        scores = probe.values([name], batch)[0].reshape(len(batch), -1).astype(np.float64)
        if scores.shape[1] == 1:
            return scores[:, 0]
        others = np.delete(scores, place, 1)
        return np.asarray(scores[:, place] - np.logaddexp.reduce(others, 1))

    window = slice(0, probe.size[0]), slice(0, probe.size[1])
    cells = cells_for(probe, probe.size)
    found = influence(number, probe.image, window, cells, around=1)
    return spread(found, window, probe.size), f"what speaks for {class_name(probe, place)}"


def scores_of(probe: Probe) -> str:
    """The first output, before the softmax if it ends in one: probabilities near 1 hardly move."""
    name = probe.model.graph.outputs[0]
    last = next(node for node in probe.model.graph.nodes if name in node.outputs)
    return last.inputs[0] if last.operator == "softmax" else name


def class_name(probe: Probe, number: int) -> str:
    classes = (probe.model.card.get("read") or {}).get("classes") or []
    return f"class {classes[number] if number < len(classes) else number}"


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
    return enlarge(picture, VIEW), f"what speaks for {class_name(probe, best)}"


def patches(
    probes: Sequence[tuple[str, Probe]], value: str, channel: int, count: int
) -> np.ndarray:
    """The pieces of all images that excite a map most, one an image and place, best first."""
    found: list[tuple[float, np.ndarray, str]] = []
    for name, one in probes:
        image = one.image
        trace = trace_fields(one.model.graph, one.size).get(value)
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
                for s, n in zip(trace.sides, (row, column), strict=True)
            ) if trace else (slice(None), slice(None))  # fmt: skip
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
