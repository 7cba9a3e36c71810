"""A network's graph as an SVG picture: layers as boxes, shapes on the edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from imgconv.engine.graph import Graph, Node

from .views import SHAPING, title

COLOURS = {
    "conv": "#cfe3f7", "conv_transpose": "#cfe3f7", "dense": "#f7dcc4", "max_pool": "#d8efd3",
    "average_pool": "#d8efd3", "global_average_pool": "#d8efd3", "concat": "#efe2f5",
    "add": "#efe2f5", "resize": "#f5efc9",
}  # fmt: skip
WIDTH, HEIGHT, ROW, COLUMN, EDGE = 250, 36, 66, 310, 24
LONGEST = 38  # letters of a name
Shapes = Mapping[str, tuple[int, ...]]


@dataclass
class Box:
    """A layer, with what only shapes its numbers; or an input of the graph."""

    name: str
    words: list[str]  # operators
    reads: list[str]  # values of other boxes
    level: int = 0
    column: int = 0

    @property
    def left(self) -> float:
        return EDGE + COLUMN * self.column

    @property
    def top(self) -> float:
        return EDGE + ROW * self.level


def drawing(graph: Graph, shapes: Shapes) -> str:
    """The SVG. Each layer stands below all that it reads; branches side by side."""
    made = boxes(graph)
    high = 2 * EDGE + ROW * (1 + max(box.level for box in made.values()))
    wide = 2 * EDGE + COLUMN * (1 + max(box.column for box in made.values()))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">',
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        '<path d="M0 0 L7 3 L0 6 z" fill="#666"/></marker></defs>',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
    ]
    unique = list({id(box): box for box in made.values()}.values())
    for box in unique:
        lines += [_edge(made[name], box, shapes.get(name, ())) for name in box.reads]
    return "\n".join([*lines, *map(_box, unique), "</svg>\n"])


def boxes(graph: Graph) -> dict[str, Box]:
    """The boxes by the values that they make, each in its place."""
    readers: dict[str, int] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    made = {name: Box(name, ["input"], []) for name in graph.inputs}
    for column, box in enumerate(made.values()):
        box.column = column
    taken = {(0, n) for n in range(len(made))}
    for node in graph.nodes:
        reads = [name for name in dict.fromkeys(node.inputs) if name in made]
        if node.operator in SHAPING and len(reads) == 1 and _alone(node, reads[0], readers, made):
            box = made[reads[0]]
            box.words.append(node.operator)
        else:
            name = node.name if 0 < len(node.name) <= LONGEST else title(node)
            box = Box(name, [node.operator], reads)
            _place(box, [made[name] for name in reads], taken)
        made |= dict.fromkeys(node.outputs, box)
    return made


def _alone(node: Node, read: str, readers: Mapping[str, int], made: Mapping[str, Box]) -> bool:
    return readers[read] == 1 and made[read].words[0] != "input"


def _place(box: Box, above: list[Box], taken: set[tuple[int, int]]) -> None:
    """Below what it reads, in the column of the first of these, or the next that is free."""
    box.level = 1 + max((other.level for other in above), default=0)
    box.column = min((other.column for other in above), default=0)
    while (box.level, box.column) in taken:
        box.column += 1
    taken.add((box.level, box.column))


def _box(box: Box) -> str:
    colour = COLOURS.get(box.words[0], "#ececec")
    name = box.name if len(box.name) <= LONGEST else "…" + box.name[1 - LONGEST :]
    middle = box.left + WIDTH / 2
    lines = [name, " + ".join(box.words)] if [name] != box.words else [name]
    tops = (15, 29) if len(lines) == 2 else (22,)
    texts = "".join(
        f'<text x="{middle}" y="{box.top + y}" text-anchor="middle" fill="{ink}">{escape(t)}</text>'
        for t, y, ink in zip(lines, tops, ("#111", "#555"), strict=False)
    )
    return (
        f'<rect x="{box.left}" y="{box.top}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
        f'fill="{colour}" stroke="#888"/>{texts}'
    )


def _edge(start: Box, end: Box, shape: tuple[int, ...]) -> str:
    """Down to the next box; past others along the right side."""
    label = "×".join(str(n) for n in shape[1:])
    x0, y0, x1, y1 = start.left + WIDTH / 2, start.top + HEIGHT, end.left + WIDTH / 2, end.top - 1
    if start.column == end.column and end.level > start.level + 1:
        x0 = x1 = start.left + WIDTH
        y0, y1 = start.top + HEIGHT / 2, end.top + HEIGHT / 2
        out = x0 + min(52, 20 + 4 * (end.level - start.level))
        path = f"M{x0} {y0} C{out} {y0 + 8} {out} {y1 - 8} {x1 + 1} {y1}"
        return _line(path, label, x0 + 4, y0 + 14)
    path = f"M{x0} {y0} V{y1 - 28} C{x0} {y1 - 8} {x1} {y1 - 24} {x1} {y1}"
    return _line(path, label, x0 + 6, y0 + 13)


def _line(path: str, label: str, x: float, y: float) -> str:
    return (
        f'<path d="{path}" fill="none" stroke="#666" marker-end="url(#tip)"/>'
        f'<text x="{x}" y="{y}" fill="#777" font-size="10">{label}</text>'
    )
