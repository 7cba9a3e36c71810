"""A network's graph as an SVG picture: layers as boxes, shapes on the edges."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from imgconv.engine.graph import Graph

COLOURS = {
    "conv": "#cfe3f7", "conv_transpose": "#cfe3f7", "dense": "#f7dcc4", "max_pool": "#d8efd3",
    "average_pool": "#d8efd3", "global_average_pool": "#d8efd3", "concat": "#efe2f5",
    "add": "#efe2f5", "resize": "#f5efc9",
}  # fmt: skip
WIDTH, HEIGHT, ROW, COLUMN = 220, 26, 50, 260
SMALL = {"relu", "batch_norm", "dropout", "identity", "prelu", "tanh", "sigmoid"}


def drawing(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The SVG. Each layer stands below all that it reads; those of equal depth side by side."""
    depth = dict.fromkeys(graph.inputs, 0)
    for node in graph.nodes:
        read = [depth[name] for name in node.inputs if name in depth]
        depth |= {name: 1 + max(read, default=0) for name in node.outputs}
    places: dict[str, tuple[float, float]] = {}
    taken: dict[int, int] = {}
    columns = 1
    boxes = [*((n, "input", n) for n in graph.inputs)]
    boxes += [(n.outputs[0], n.operator, n.name or n.outputs[0]) for n in graph.nodes]
    for name, _, _ in boxes:
        level = depth[name]
        column = taken.get(level, 0)
        taken[level] = column + 1
        columns = max(columns, column + 1)
        places[name] = 20 + COLUMN * column, 20 + ROW * level
    high, wide = 60 + ROW * (1 + max(depth.values())), 40 + COLUMN * columns
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="11">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
    ]
    for node in graph.nodes:
        for name in node.inputs:
            if name in places:
                lines.append(_edge(places[name], places[node.outputs[0]], shapes.get(name, ())))
    lines += [_box(places[name], kind, title) for name, kind, title in boxes]
    return "\n".join([*lines, "</svg>\n"])


def _box(at: tuple[float, float], kind: str, title: str) -> str:
    x, y = at
    colour = COLOURS.get(kind, "#f3f3f3" if kind in SMALL else "#e8e8e8")
    text = title if title == kind else f"{title} ({kind})"
    text = text if len(text) <= 34 else "…" + text[-33:]
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{colour}" '
        f'stroke="#888"/><text x="{x + WIDTH / 2}" y="{y + 17}" text-anchor="middle">'
        f"{escape(text)}</text>"
    )


def _edge(start: tuple[float, float], end: tuple[float, float], shape: tuple[int, ...]) -> str:
    x0, y0, x1, y1 = start[0] + WIDTH / 2, start[1] + HEIGHT, end[0] + WIDTH / 2, end[1]
    label = "×".join(str(n) for n in shape[1:])
    bend = 0 if y1 - y0 <= ROW else 60
    path = f"M{x0} {y0} C{x0 + bend * 2} {y0 + 14} {x1 + bend * 2} {y1 - 14} {x1} {y1}"
    return (
        f'<path d="{path}" fill="none" stroke="#666"/><text x="{x0 + 6}" y="{y0 + 15}" '
        f'fill="#555" font-size="9">{label}</text>'
    )
