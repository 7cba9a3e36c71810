"""Which axes of the input may have another size, and which sizes: found by trying."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils import _pytree as pytree

STEPS = (1, 2, 4, 8, 16, 32, 64)
LOGS = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes")

Shape = tuple[int, ...]
Shapes = dict[str, Shape]
Run = Callable[[Shapes], list[Shape] | None]


def open_axes(
    module: nn.Module, examples: Mapping[str, Tensor], known: int | None = None
) -> dict[int, int]:
    """Axis -> the step by which its size may grow; not the channels (axis 1).

    An axis is open if the module runs with one step more and with about twice the size, where the
    batch comes out as it went in and an output as large as its input stays so. The steps tried are
    powers of 2, or only the `known` one. The tensors hold no numbers, so that trying is quick.
    """
    shapes = {name: tuple(example.shape) for name, example in examples.items()}
    longest = {
        axis: max(shape[axis] for shape in shapes.values() if axis < len(shape))
        for axis in [0, *range(2, max(map(len, shapes.values())))]
    }
    found = {}
    with quiet(), FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad():
        weights = (*module.named_parameters(), *module.named_buffers())
        empty: dict[str, Tensor] = {name: mode.from_tensor(tensor) for name, tensor in weights}
        run = partial(_results, module, empty)
        before = run(shapes) or []
        for axis, size in longest.items():
            steps = (1,) if axis == 0 else (known,) if known else (*STEPS, size)
            fits = (step for step in steps if _is_open(run, shapes, axis, step, before))
            step = next(fits, None)
            if step is not None:
                found[axis] = step
    return found


def grown(shapes: Shapes, steps: Mapping[int, int]) -> Shapes:
    """Each axis longer by its step; the same in every input."""
    return {
        name: tuple(size + steps.get(axis, 0) for axis, size in enumerate(shape))
        for name, shape in shapes.items()
    }


def _is_open(run: Run, shapes: Shapes, axis: int, step: int, before: Sequence[Shape]) -> bool:
    size = max(shape[axis] for shape in shapes.values() if axis < len(shape))
    return all(
        _follows(run, shapes, axis, more, before) for more in (step, step * -(-size // step))
    )


def _follows(run: Run, shapes: Shapes, axis: int, more: int, before: Sequence[Shape]) -> bool:
    """Whether the module takes `more` along an axis, and each result answers as it should."""
    larger = grown(shapes, {axis: more})
    results = run(larger)
    if results is None:
        return False
    size, now = next(iter(shapes.values())), next(iter(larger.values()))
    for old, new in zip(before, results, strict=False):
        if not new or new[0] != now[0]:
            return False
        if len(new) == len(now) and old[2:] == size[2:] and new[2:] != now[2:]:
            return False
    return True


def _results(module: nn.Module, weights: dict[str, Tensor], shapes: Shapes) -> list[Shape] | None:
    """The shapes that come out; None where the module refuses these."""
    inputs = tuple(torch.empty(shape) for shape in shapes.values())
    try:
        leaves = pytree.tree_leaves(functional_call(module, weights, inputs, tie_weights=False))
    except Exception:
        return None
    return [tuple(leaf.shape) for leaf in leaves if isinstance(leaf, Tensor)]


@contextmanager
def quiet() -> Iterator[None]:
    """A size that does not fit is an answer here, not an error to log."""
    logs = [logging.getLogger(name) for name in LOGS]
    before = [log.disabled for log in logs]
    for log in logs:
        log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, disabled in zip(logs, before, strict=True):
            log.disabled = disabled


def multiple(examples: Mapping[str, Tensor], steps: Mapping[int, int]) -> int | None:
    """The number whose multiples every open size may be; None where sizes are fixed or offset."""
    found = [step for axis, step in steps.items() if axis]
    if not found:
        return None
    most = max(found)
    sizes = [n for example in examples.values() for n in example.shape[2:]]
    return most if all(size % most == 0 for size in sizes) else None
