"""Which image sizes a network takes: multiples of which number."""

from __future__ import annotations

from fractions import Fraction

from imgconv.errors import InputError

from ..graph import Graph
from ..shapes import infer

STEPS = (1, 2, 4, 8, 16, 32, 64)
TIMES = (5, 6, 7, 9)  # multiples that are tried of each
LEAST = 96  # pixels, so that deep networks have some left


def step_of_sizes(graph: Graph) -> int | None:
    """The least step of which heights and widths may be any multiple; None where they are fixed.

    With such sizes the network runs and its images are all in one proportion to the input's.
    """
    if not any(len(shape) == 4 and None in shape[2:] for shape in graph.inputs.values()):
        return None
    return next((step for step in STEPS if _fits(graph, step)), None)


def _fits(graph: Graph, step: int) -> bool:
    base = -(-LEAST // step)
    ratios = [_ratios(graph, step * (base + more)) for more in TIMES]
    return ratios[0] is not None and all(found == ratios[0] for found in ratios)


def _ratios(graph: Graph, side: int) -> list[Fraction] | None:
    """Sides of the images that come out, by the one that goes in; None where it does not run."""
    inputs = {
        name: tuple(n or (side if axis > 1 else 1) for axis, n in enumerate(shape))
        for name, shape in graph.inputs.items()
    }
    try:
        found = infer(graph, inputs)
    except InputError:
        return None
    images = [found[name] for name in graph.outputs if len(found[name]) == 4]
    return [Fraction(n, side) if n > 1 else Fraction(0) for image in images for n in image[2:]]
