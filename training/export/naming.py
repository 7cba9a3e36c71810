"""Names: of recorded operations and their layers, and of a graph's outputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from .building import Building, Call


def operation(node: fx.Node) -> str:
    """conv2d, add.Tensor, ...; the same for an operation in place."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return str(getattr(target, "__name__", target))
    name, overload = target._schema.name.split("::")[1], target._overloadname
    if target._schema.is_mutable:
        name = name.removesuffix("_")
    return f"{name}.{overload}" if overload != "default" else name


def path(node: fx.Node) -> str:
    """Where in the module the operation is: encoder.0.conv."""
    return _place(node)[0]


def layer(node: fx.Node) -> str:
    """encoder.0.conv (Conv2d): as the head of a message."""
    where, kind = _place(node)
    return f"{where or 'forward'} ({kind.rsplit('.', 1)[-1]}):"


def _place(node: fx.Node) -> tuple[str, str]:
    """The path and the type of the innermost module around an operation."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    known = stack and not str(stack[-1][0]).startswith("_empty_nn_module_stack")
    return (str(stack[-1][0]), str(stack[-1][1])) if known else ("", "code")


def output_names(program: ExportedProgram, count: int) -> list[str]:
    """output, or the keys and positions under which the module returns several."""
    filled = pytree.tree_unflatten([*range(count)], program.call_spec.out_spec)
    paths, _ = pytree.tree_flatten_with_path(filled)
    words = ["_".join(_word(key) for key in path) for path, _ in paths]
    return [
        word if word and not word[0].isdigit() else f"output_{word}".rstrip("_") for word in words
    ]


def _word(key: Any) -> str:
    """A key of a dict, a position of a list, or the name of a field."""
    return str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key))))


def renamed(building: Building, names: list[str], ends: list[str]) -> list[str]:
    """Gives the ends of a graph the names of its outputs; by a copy where one is taken twice."""
    made = {name for node in building.nodes for name in node.outputs}
    words: dict[str, str] = {}
    finals = []
    for name, end in zip(names, ends, strict=True):
        if end in made and end not in words:
            words[end] = building.unique(name)
            finals.append(words[end])
        else:
            finals.append(Call(building, name, name, {}).add("identity", end))
    building.rename(words)
    return finals
