"""Model files: weights, graph and card in one .safetensors file, of which nothing is executed."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, OutputError
from .graph import Graph, canonical, check, from_json, to_json

FORMAT = 1
KEY = "imgconv"  # the one metadata key: safetensors writes several in random order
TYPES = {"F16": "float16", "F32": "float32", "I64": "int64"}
SAFE = 60000.0  # the largest float16 is 65504


@dataclass(frozen=True, eq=False)
class Model:
    """A network and what its file says about it."""

    graph: Graph
    card: dict[str, Any]
    sha256: str
    path: str


def load(path: str | os.PathLike[str]) -> Model:
    """The model of a file; float16 weights are widened to float32.

    InputError, one line, for a file that is damaged, of a later version or no model.
    """
    name = os.fspath(path)
    try:
        digest = _sha256(name)
        tensors, text = _read(name)
        data = _parse(text)
        graph = from_json(data["graph"], tensors)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except OSError as problem:
        raise InputError(f"{name}: cannot be read ({problem.strerror or problem})") from None
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None
    return Model(graph, data["card"], digest, name)


def _sha256(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: str) -> tuple[dict[str, np.ndarray], str]:
    """Tensors, and the text under our key."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise InputError(_foreign(len(file.keys())))
            tensors = {}
            for name in sorted(file.keys()):
                part = file.get_slice(name)
                if part.get_dtype() not in TYPES:
                    raise InputError(
                        f"tensor '{name[:60]}' holds {part.get_dtype()}, "
                        f"allowed {', '.join(TYPES)}; export the model anew"
                    )
                tensors[name] = _wide(file.get_tensor(name))
    except SafetensorError as problem:
        raise InputError(
            f"damaged or no .safetensors file ({_line(problem)}); copy or export it anew"
        ) from None
    return tensors, metadata[KEY]


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:100]


def _foreign(count: int) -> str:
    return (
        f"{count} tensors without a graph, such as PyTorch weights: export the network with "
        "training/export.py, or as ONNX and then imgconv models import NAME.onnx"
    )


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _parse(text: str) -> dict[str, Any]:
    """{"format", "graph", "card"}, of a version that this program reads."""
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"damaged graph ({_line(problem)}); export the model anew") from None
    version = data.get("format") if isinstance(data, dict) else None
    if type(version) is not int or version < 1:
        raise InputError(f"damaged graph (found no format version, allowed {FORMAT})")
    if version > FORMAT:
        raise InputError(
            f"found a model of format {version}, allowed up to {FORMAT}: update imgconv"
        )
    if not isinstance(data.get("card"), dict) or "graph" not in data:
        raise InputError("damaged graph (no card or no graph); export the model anew")
    return data


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no finite number")


def save(
    path: str | os.PathLike[str], graph: Graph, card: Mapping[str, Any], *, half: bool = True
) -> Model:
    """Write a model file, whole or not at all, and read it back: the model as it will load.

    half: weights as float16, half the size, where that is safe: see `halved`.
    """
    check(graph)
    target = Path(path)
    try:
        text = canonical({"format": FORMAT, "graph": to_json(graph), "card": dict(card)})
    except (TypeError, ValueError) as problem:
        raise OutputError(f"{target}: the card is not plain JSON ({problem})") from None
    stored = {
        name: np.ascontiguousarray(halved(tensor) if half else tensor)
        for name, tensor in graph.tensors.items()
    }
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        model = _write(part, stored, text)
        part.replace(target)
    except OSError as problem:
        raise OutputError(f"{target}: cannot be written ({problem.strerror or problem})") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return Model(model.graph, model.card, model.sha256, str(target))


def _write(part: Path, stored: dict[str, np.ndarray], text: str) -> Model:
    from safetensors.numpy import save_file

    save_file(stored, part, metadata={KEY: text})
    with part.open("rb") as file:
        os.fsync(file.fileno())
    model = load(part)
    again = canonical({"format": FORMAT, "graph": to_json(model.graph), "card": model.card})
    same = model.graph.tensors.keys() == stored.keys() and all(
        np.array_equal(_wide(stored[name]), tensor, equal_nan=tensor.dtype.kind == "f")
        for name, tensor in model.graph.tensors.items()
    )
    if not same or again != text:
        raise OutputError(f"{part}: reads back differently from what was written")
    return model


def halved(tensor: np.ndarray) -> np.ndarray:
    """The tensor as float16 where that is safe, otherwise as it is.

    Safe are weights of two axes and more (matrices, stencils) whose largest is below 60000 and
    whose rounding errors are at most 0.1 % of their root mean square: not the vectors of biases
    and moments, which are short and matter singly.
    """
    if tensor.dtype != np.float32 or tensor.ndim < 2 or not tensor.size:
        return tensor
    top = float(np.abs(tensor).max())
    if not math.isfinite(top) or top >= SAFE:
        return tensor
    half = tensor.astype(np.float16)
    lost = np.linalg.norm((half.astype(np.float32) - tensor).ravel())
    return half if lost <= 1e-3 * np.linalg.norm(tensor.ravel()) else tensor
