"""A module of PyTorch as a graph: torch.export records it, converters translate each operation.

torch.export runs the module on stand-ins without numbers and records the few hundred operations
of PyTorch's core, whichever way they were written (module, function, method or operator). That
leaves one short table to translate, keeps Python's own decisions, and knows each size as a
formula of the input's; symbolic tracing (torch.fx) stops at the first `if` over a size.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from imgconv.engine.graph import Graph

from . import arranging, elementwise, layers, parts, shapes, windows
from .building import Building, Call, Unsupported, Value
from .naming import layer, operation, output_names, path, renamed
from .sizes import quiet
from .wholes import Wholes

CONVERTERS = {
    **windows.CONVERTERS,
    **layers.CONVERTERS,
    **elementwise.CONVERTERS,
    **arranging.CONVERTERS,
    **parts.CONVERTERS,
    **shapes.CONVERTERS,
}
CHECKS = ("_assert", "sym_constrain")  # what PyTorch records to be sure of a shape or a type


class ExportError(Exception):
    """Why a module cannot become a model file, in one line."""


def trace(module: nn.Module, examples: Mapping[str, Tensor], open_axes: Sequence[int]) -> Graph:
    """The graph of a module in evaluation mode; sizes of `open_axes` stay open.

    ExportError names every operation that has no counterpart, with its layer.
    """
    program = functional(record(module, tuple(examples.values()), open_axes))
    tracing = Tracing(program, tuple(examples))
    tracing.run()
    if tracing.problems:
        raise ExportError(_listed(tracing.problems))
    return tracing.graph()


def _listed(problems: Sequence[str]) -> str:
    each = list(dict.fromkeys(problems))
    count = f"{len(each)} operations" if len(each) > 1 else "one operation"
    return f"cannot export {count}: {'; '.join(each)}"


def record(
    module: nn.Module, examples: tuple[Tensor, ...], open_axes: Sequence[int]
) -> ExportedProgram:
    each = tuple({a: Dim.AUTO for a in open_axes if a < example.ndim} for example in examples)
    kinds = [p.kind for p in inspect.signature(module.forward).parameters.values()]
    axes = (each,) if kinds[:1] == [inspect.Parameter.VAR_POSITIONAL] else each
    try:
        with Wholes(), quiet():
            return torch.export.export(module, examples, dynamic_shapes=axes, strict=False)
    except Exception as problem:
        first = " ".join(str(problem).split())[:300]
        raise ExportError(
            f"PyTorch cannot record {type(module).__name__} ({type(problem).__name__}: {first})"
        ) from problem


def functional(program: ExportedProgram) -> ExportedProgram:
    """Without operations in place whose effect something else could see."""
    nodes = program.graph.nodes
    if all(_unseen(node) for node in nodes if _in_place(node)):
        return program
    with quiet():
        return program.run_decompositions({})


def _in_place(node: fx.Node) -> bool:
    return getattr(getattr(node.target, "_schema", None), "is_mutable", False)


def _unseen(node: fx.Node) -> bool:
    """Whether the array that is overwritten is nobody else's."""
    target = node.args[0]
    assert isinstance(target, fx.Node)
    schema = getattr(target.target, "_schema", None)
    if target.op != "call_function" or len(target.users) > 1 or schema is None:
        return False
    views = [r.alias_info for r in schema.returns if r.alias_info is not None]
    return all(alias.is_write for alias in views) and "dropout" not in target.name


class Tracing:
    """Goes through the recorded operations in order; `values` holds what each is here."""

    def __init__(self, program: ExportedProgram, inputs: tuple[str, ...]) -> None:
        self.program = program
        self.building = Building()
        self.weights: dict[int, str] = {}
        self.values: dict[fx.Node, Any] = {}
        self.problems: list[str] = []
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.input_names = iter(inputs)
        self.ranges = {str(size): limits for size, limits in program.range_constraints.items()}
        self.needed = set(_needed(program.graph))

    def run(self) -> None:
        specs = iter(self.program.graph_signature.input_specs)
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = self.given(node, next(specs))
            elif node.op == "call_function" and node in self.needed:
                self.values[node] = self.called(node)
            elif node.op == "get_attr":
                self.problems.append(f"{node.name}: control flow that depends on numbers")
                self.values[node] = None

    def given(self, node: fx.Node, spec: Any) -> Any:
        """An input, a weight or a constant."""
        if spec.kind == InputKind.USER_INPUT:
            like, wanted = node.meta["val"], next(self.input_names)
            self.check_range(wanted, like)
            name = self.building.unique(wanted)
            self.inputs[name] = tuple(n if isinstance(n, int) else None for n in like.shape)
            return Value(name, like)
        held = self.program.constants if spec.target in self.program.constants else None
        tensor = (held or self.program.state_dict)[spec.target]
        self.weights[id(tensor)] = spec.target
        return tensor

    def check_range(self, name: str, like: Tensor) -> None:
        """A largest size comes from an `if` of the module, of which one branch is recorded."""
        for size in like.shape:
            limits = None if isinstance(size, int) else self.ranges.get(str(size))
            if limits is not None and limits.upper.is_Integer:
                raise ExportError(
                    f"the module's code does something else where '{name}' is larger than "
                    f"{limits.upper} pixels: export with sizes='fixed'"
                )

    def called(self, node: fx.Node) -> Any:
        args: Any
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda one: self.values[one])
        like = node.meta.get("val")
        if node.target is operator.getitem:
            return self.item(node, args[0], args[1])
        if not _any_value((args, kwargs)):
            return self.folded(node, args, kwargs)
        try:
            return _as_values(self.convert(node, args, kwargs), like)
        except Unsupported as problem:
            self.problems.append(f"{layer(node)} {problem}")
        except (TypeError, AttributeError, AssertionError, KeyError, RuntimeError) as problem:
            name = operation(node)
            self.problems.append(f"{layer(node)} {name} with these arguments ({problem})")
        failed = [node.name] * len(like) if isinstance(like, list | tuple) else node.name
        return _as_values(failed, like)

    def convert(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        name = operation(node)
        if name.startswith(CHECKS):
            return None
        converter = CONVERTERS.get(name) or CONVERTERS.get(name.split(".")[0])
        if not isinstance(node.target, torch._ops.OpOverload):
            converter = shapes.ARITHMETIC.get(node.target)
        if converter is None:
            raise Unsupported(f"{name}, which has no counterpart")
        options = {k: v for k, v in kwargs.items() if k not in ("pin_memory", "layout", "device")}
        place = path(node) or node.name
        call = Call(self.building, name.split(".")[0], place, self.weights)
        return converter(call, *args, **options)

    def item(self, node: fx.Node, values: Sequence[Any], index: int) -> Any:
        if index < len(values):
            return values[index]
        self.problems.append(f"{layer(node)} its result number {index + 1}, positions or moments")
        return Value(node.name, node.meta["val"])

    def folded(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        """What depends on weights alone is computed now (weight norm, lookup tables, ...)."""
        if _in_place(node):
            args = (args[0].clone(), *args[1:])
        with torch.no_grad():
            return node.target(*args, **kwargs)  # type: ignore[operator]

    def graph(self) -> Graph:
        specs = self.program.graph_signature.output_specs
        node = self.program.graph.output_node()
        found = [
            self.values[one] if isinstance(one, fx.Node) else one
            for spec, one in zip(specs, node.args[0], strict=True)
            if spec.kind == OutputKind.USER_OUTPUT
        ]
        names = output_names(self.program, len(found))
        for name, value in zip(names, found, strict=True):
            if not isinstance(value, Value) or value.is_size:
                raise ExportError(f"the output '{name}' does not depend on the input")
        finals = renamed(self.building, names, [value.name for value in found])
        return self.building.graph(self.inputs, finals)


def _needed(graph: fx.Graph) -> Iterator[fx.Node]:
    """The nodes that the outputs depend on."""
    waiting, seen = [graph.output_node()], set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            yield node
            waiting.extend(node.all_input_nodes)


def _any_value(tree: Any) -> bool:
    return any(isinstance(leaf, Value) for leaf in pytree.tree_leaves(tree))


def _as_values(found: Any, like: Any) -> Any:
    """Names with PyTorch's stand-ins beside them."""
    if isinstance(found, str):
        return Value(found, like)
    if isinstance(found, list | tuple):
        pairs = zip(found, like, strict=False)
        return [Value(one, its) if isinstance(one, str) else one for one, its in pairs]
    return found
