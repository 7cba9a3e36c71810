"""The ONNX file as plain data: opened, checked, its functions inlined, its weights widened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.errors import InputError

if TYPE_CHECKING:
    from onnx import (
        AttributeProto,
        GraphProto,
        ModelProto,
        NodeProto,
        TensorProto,
        ValueInfoProto,
    )  # fmt: skip

MOST_NODES = 100_000  # of a graph without functions
OLDEST, NEWEST = 6, 28  # operator sets that the converters were written for
SAFE = (1, 21)  # the first onnx that keeps external weights in the model's folder
DOMAINS = ("", "ai.onnx")  # the names of ONNX's own operators


def open_model(path: str | os.PathLike[str]) -> ModelProto:
    """The model of a file, external weights included. Raises InputError with one line."""
    onnx = library()
    name = Path(path).name
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as problem:  # protobuf, unicode, memory: whatever a damaged file brings up
        raise InputError(f"{name}: this is no ONNX file ({first_line(problem)})") from None
    if not model.graph.node and not model.graph.output:
        raise InputError(f"{name}: this is no ONNX file (it holds no graph)")
    _load_external(model, Path(path))
    return model


def library() -> Any:
    """The package onnx, an extra of this one. Older ones follow links out of a model's folder."""
    try:
        import onnx
    except ImportError:
        raise InputError(
            "reading ONNX files needs the package onnx: pip install 'imgconv[onnx]'"
        ) from None
    if tuple(map(int, onnx.__version__.split(".")[:2])) < SAFE:
        raise InputError(
            f"reading ONNX files needs the package onnx {SAFE[0]}.{SAFE[1]} or newer, found "
            f"{onnx.__version__}: pip install -U 'imgconv[onnx]'"
        )
    return onnx


def _load_external(model: ModelProto, path: Path) -> None:
    """Weights kept in files beside the model; onnx refuses those outside its folder."""
    from onnx.external_data_helper import load_external_data_for_model

    try:
        load_external_data_for_model(model, os.fspath(path.absolute().parent))
    except Exception as problem:
        raise InputError(
            f"{path.name}: its external weights cannot be read ({first_line(problem)})"
        ) from None


def first_line(problem: Exception) -> str:
    """What went wrong, fit for a message of one line."""
    lines = str(problem).strip().splitlines()
    return " ".join(lines[0].split())[:200] if lines else type(problem).__name__


def operator_set(model: ModelProto) -> int:
    """The version of ONNX's own operators that the model asks for."""
    found = [one.version for one in model.opset_import if one.domain in DOMAINS]
    version = max(found, default=1)
    if version > NEWEST:
        raise InputError(
            f"operator set {version} is newer than {NEWEST}, the last that is known here: export "
            "the network for that one, or update imgconv"
        )
    if version < OLDEST:
        raise InputError(
            f"operator set {version} is too old: {OLDEST + 1} and up can be imported; export the "
            "network again"
        )
    return version


def inline_functions(model: ModelProto, known: set[str]) -> ModelProto:
    """The model with functions replaced by what they are made of.

    Those are the functions in the file, and ONNX's own operators that are not `known` here but
    that the standard defines by others.
    """
    import onnx
    from onnx import inliner

    if model.functions:
        _check_functions(model)
        model = inliner.inline_local_functions(model)
    unknown = {n.op_type for n in model.graph.node if n.domain in DOMAINS} - known
    version = operator_set(model)
    defined = [("", name) for name in sorted(unknown) if _has_body(onnx.defs, name, version)]
    if not defined:
        return model
    try:
        return inliner.inline_selected_functions(model, defined, inline_schema_functions=True)
    except (AttributeError, TypeError):  # an older onnx cannot: they will be named
        return model


def _check_functions(model: ModelProto) -> None:
    """InputError where functions that call functions would become too many nodes."""
    bodies = {(f.domain, f.name, f.overload): f.node for f in model.functions}

    @cache
    def size(key: tuple[str, str, str]) -> int:
        return count(bodies[key])

    def count(nodes: Iterable[NodeProto]) -> int:
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type, node.overload)
            total += size(key) if key in bodies else 1
            total += sum(count(one.g.node) for one in node.attribute if one.HasField("g"))
            if total > MOST_NODES:
                raise InputError(f"its functions make more than {MOST_NODES} layers")
        return total

    try:
        count(model.graph.node)
    except RecursionError:
        raise InputError("its functions call each other without an end") from None


def _has_body(definitions: Any, name: str, version: int) -> bool:
    if not definitions.has(name):
        return False
    schema = definitions.get_schema(name, min(version, definitions.onnx_opset_version()))
    return bool(schema.has_function or schema.has_context_dependent_function)


def array(tensor: TensorProto) -> np.ndarray:
    """A tensor of any shape as float32, int64 or bool.

    Raises InputError for any other type, and where the data are damaged.
    """
    from onnx import numpy_helper

    try:
        found = numpy_helper.to_array(tensor)
    except Exception as problem:
        raise InputError(
            f"the weight '{tensor.name}' cannot be read ({first_line(problem)})"
        ) from None
    return widen(found, tensor.name)


def widen(found: np.ndarray, name: str) -> np.ndarray:
    """An array of any shape: float16, bfloat16 and float64 become float32, every integer int64.

    bool stays. Raises InputError for all other types; `name` is the weight's, for its line.
    """
    if found.dtype.kind == "b":
        return found
    if found.dtype.kind in "iu":
        return found.astype(np.int64)
    if found.dtype.kind == "f" or "float" in found.dtype.name:
        with np.errstate(over="ignore"):  # float64 beyond float32, used for minus infinity
            return np.ascontiguousarray(found, np.float32).reshape(found.shape)
    raise InputError(f"the weight '{name}' is of type {found.dtype}: no number")


def attributes(protos: Any) -> dict[str, Any]:
    """An ONNX node's attributes as Python values; tensors as arrays, graphs as they are."""
    return {one.name: _value(one) for one in protos}


def _value(proto: AttributeProto) -> Any:
    from onnx import TensorProto
    from onnx.helper import get_attribute_value

    value = get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, TensorProto):
        return array(value)
    return list(value) if isinstance(value, (list, tuple)) or hasattr(value, "extend") else value


def initializers(graph: GraphProto) -> dict[str, np.ndarray]:
    """The graph's weights by name: arrays of any shape, as `array` gives them."""
    return {tensor.name: array(tensor) for tensor in graph.initializer}


def input_shapes(
    graph: GraphProto, constants: Mapping[str, np.ndarray]
) -> dict[str, tuple[int | None, ...] | None]:
    """Shapes of the true inputs by name: not of the weights listed among them (`constants`).

    None stands for a size that is left open, or for the whole shape where there is none.
    """
    return {one.name: _shape(one) for one in graph.input if one.name not in constants}


def _shape(value: ValueInfoProto) -> tuple[int | None, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim)
