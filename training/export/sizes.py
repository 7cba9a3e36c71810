"""Which axes of the input may have another size, and which sizes: found by trying."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree

STEPS = (1, 2, 4, 8, 16, 32, 64)

Shapes = dict[str, tuple[int, ...]]


def open_axes(module: nn.Module, examples: Mapping[str, Tensor]) -> dict[int, int]:
    """Axis -> the smallest step by which its size may grow; not the channels (axis 1).

    The module runs on tensors without numbers, so that trying costs no time.
    """
    shapes = {name: tuple(example.shape) for name, example in examples.items()}
    axes = max(map(len, shapes.values()))
    found = {}
    for axis in [0, *range(2, axes)]:
        longest = max(shape[axis] for shape in shapes.values() if axis < len(shape))
        steps = (1,) if axis == 0 else (*STEPS, longest)
        for step in steps:
            if _accepts(module, grown(shapes, {axis: step}), axis):
                found[axis] = step
                break
    return found


def grown(shapes: Shapes, steps: Mapping[int, int]) -> Shapes:
    """Each axis longer by its step; the same in every input."""
    return {
        name: tuple(size + steps.get(axis, 0) for axis, size in enumerate(shape))
        for name, shape in shapes.items()
    }


def _accepts(module: nn.Module, shapes: Shapes, axis: int) -> bool:
    """Whether it runs, and the batch comes out as it went in."""
    with _quiet(), FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        inputs = [torch.empty(shape) for shape in shapes.values()]
        try:
            results: Sequence[Any] = pytree.tree_leaves(module(*inputs))
        except Exception:
            return False
    batches = {result.shape[0] for result in results if isinstance(result, Tensor) and result.ndim}
    return batches == {inputs[0].shape[0]}


@contextmanager
def _quiet() -> Iterator[None]:
    """A size that does not fit is an answer here, not an error to log."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def multiple(examples: Mapping[str, Tensor], steps: Mapping[int, int]) -> int | None:
    """The number whose multiples every open size may be; None where sizes are fixed or offset."""
    found = [step for axis, step in steps.items() if axis]
    if not found:
        return None
    most = max(found)
    sizes = [n for example in examples.values() for n in example.shape[2:]]
    return most if all(size % most == 0 for size in sizes) else None
