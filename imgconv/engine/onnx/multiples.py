"""Which image sizes a network takes: multiples of which number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from imgconv.engine.graph import Graph
from imgconv.engine.shapes import infer
from imgconv.errors import InputError

STEPS = (1, 2, 4, 8, 16, 32, 64)
TIMES = (5, 6, 7, 9)  # multiples that are tried of each
LEAST = 96  # pixels, so that deep networks have some left


def step_of_sizes(graph: Graph) -> int | None:
    """The least step of which heights and widths may be any multiple; None where they are fixed.

    With such sizes the network runs and its images are all in one proportion to the input's.
    """
    found = grid_of_sizes(graph)
    return found[0] if found and not found[1] else None


def grid_of_sizes(graph: Graph) -> tuple[int, int] | None:
    """Step and offset: heights and widths may be any multiple of the step, and the offset more.

    The images that come out then grow as the input does. Networks without padding need an offset
    (the U-Net of 2015: 16 n + 12).
    """
    if not any(len(shape) == 4 and None in shape[2:] for shape in graph.inputs.values()):
        return None
    for step in STEPS:
        if _fits(graph, step, 0, proportional=True):
            return step, 0
    grids = [(step, more) for step in STEPS for more in range(step)]
    return next((grid for grid in grids if _fits(graph, *grid, proportional=False)), None)


def _fits(graph: Graph, step: int, offset: int, proportional: bool) -> bool:
    base = -(-LEAST // step) if proportional else -(-4 * LEAST // step)
    sides = [step * (base + more) + offset for more in TIMES]
    images = [_images(graph, side) for side in sides]
    if any(each is None for each in images):
        return False
    first, *others = ([*zip(sides, column, strict=True)] for column in _columns(images))
    return all(_steady(column, proportional) for column in (first, *others))


def _columns(images: Sequence[list[int] | None]) -> Iterator[tuple[int, ...]]:
    yield from zip(*(each or [1] for each in images), strict=True)


def _steady(pairs: list[tuple[int, int]], proportional: bool) -> bool:
    """Whether a side of an output grows with the input's as a straight line, through 0 if asked."""
    (n, m), *others = pairs
    if all(size == m for _, size in others):
        return True
    if proportional:
        return all(Fraction(size, side) == Fraction(m, n) for side, size in others)
    return len({Fraction(size - m, side - n) for side, size in others}) == 1


def _images(graph: Graph, side: int) -> list[int] | None:
    """Sides of the images that come out; None where the network does not run."""
    inputs = {
        name: tuple(n or (side if axis > 1 else 1) for axis, n in enumerate(shape))
        for name, shape in graph.inputs.items()
    }
    try:
        found = infer(graph, inputs)
    except InputError:
        return None
    images = [found[name] for name in graph.outputs if len(found[name]) == 4]
    return [n for image in images for n in image[2:]] or [1]
