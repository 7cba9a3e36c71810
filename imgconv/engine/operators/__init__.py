"""The operators of networks by name; each is one short function with its formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

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
    shape_ops,
    slicing,
)
from .operator import Operator as Operator

OPERATORS: dict[str, Operator] = {
    **convolution.OPERATORS,
    **pooling.OPERATORS,
    **resizing.OPERATORS,
    **activations.OPERATORS,
    **arithmetic.OPERATORS,
    **normalization.OPERATORS,
    **dense.OPERATORS,
    **layout.OPERATORS,
    **slicing.OPERATORS,
    **reduction.OPERATORS,
    **shape_ops.OPERATORS,
}


def evaluate(
    operator: str, inputs: Sequence[Any], attributes: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    """The results of one operator on arrays; None is an input left out."""
    found = OPERATORS[operator]
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
