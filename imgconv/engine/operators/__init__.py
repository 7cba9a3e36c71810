"""The operators of networks by name; each is one short function with its formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from imgconv.errors import InputError

from . import (
    activations,
    arithmetic,
    convolution,
    dense,
    layout,
    normalization,
    pooling,
    reduction,
    resizing,
    sampling,
    shape_ops,
    slicing,
)
from .axes import format_shape
from .operator import Operator as Operator
from .reach import Shape

OPERATORS: dict[str, Operator] = {
    **convolution.OPERATORS,
    **pooling.OPERATORS,
    **resizing.OPERATORS,
    **sampling.OPERATORS,
    **activations.OPERATORS,
    **arithmetic.OPERATORS,
    **normalization.OPERATORS,
    **dense.OPERATORS,
    **layout.OPERATORS,
    **slicing.OPERATORS,
    **reduction.OPERATORS,
    **shape_ops.OPERATORS,
}


LONGEST = 1 << 31  # of an axis
MOST = 1 << 40  # numbers in one value: beyond it a graph is damaged


def result_shapes(
    operator: str, arguments: Sequence[Any], attributes: Mapping[str, Any]
) -> tuple[Shape, ...]:
    """The shapes of an operator's results, before any array is made.

    arguments: for each input its shape, for those that the operator reads the values. Sizes are
    Python's whole numbers, which never overflow; an axis of 0 hides no other one.
    """
    found = OPERATORS[operator]
    result = call(found, found.shape, arguments, attributes)
    shapes = result if found.outputs is None else (result,)
    for shape in shapes:
        if max(shape, default=0) > LONGEST or math.prod(max(n, 1) for n in shape) > MOST:
            raise InputError(
                f"makes {format_shape(shape)} numbers, allowed {LONGEST} along an axis and {MOST} "
                "in all"
            )
    return shapes


def shapes_of(operator: str, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    """As result_shapes, of arrays."""
    found = OPERATORS[operator]
    roles = [found.names[min(i, len(found.names) - 1)] for i in range(len(inputs))]
    arguments = [
        array if array is None or role in found.reads else np.shape(array)
        for role, array in zip(roles, inputs, strict=True)
    ]
    return result_shapes(operator, arguments, attributes)


def evaluate(
    operator: str, inputs: Sequence[Any], attributes: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    """The results of one operator on arrays; None is an input left out.

    InputError where they do not fit: a library is called only with what its shape rule allows.
    """
    found = OPERATORS[operator]
    shapes_of(operator, inputs, attributes or {})
    result = call(found, found.apply, inputs, attributes or {})
    results = result if isinstance(result, tuple) else (result,)
    return tuple(np.asarray(one) for one in results)  # NumPy makes numbers of arrays without axes


def call(
    operator: Operator,
    rule: Callable[..., Any],
    inputs: Sequence[Any],
    attributes: Mapping[str, Any],
) -> Any:
    """rule(*inputs, **attributes); an attribute of its name stands for an input left out."""
    rest = dict(attributes)
    if operator.variadic:
        return rule(*inputs, **rest)
    values = [
        rest.pop(name, None) if value is None else value
        for name, value in zip(operator.names, inputs, strict=False)
    ]
    for name in operator.names[: len(values)]:
        rest.pop(name, None)
    return rule(*values, **rest)
