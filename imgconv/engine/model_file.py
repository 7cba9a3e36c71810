"""Model files: weights, graph and card in one .safetensors file, of which nothing is executed."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.errors import InputError, OutputError

from .float16 import halve, widen
from .graph import Graph, canonical, check, from_json, shorten, to_json
from .operators.operator import WIDEST

FORMAT = 1
KEY = "imgconv"  # the one metadata key: safetensors writes several in random order
TYPES = ("F16", "F32", "I64")
DEEPEST = 32  # levels of a card
ANEW = "export or copy the model again"


@dataclass(frozen=True)
class Stored:
    """The graph as it lies in a file, and what told the file from others when it was read."""

    graph: Graph
    stamp: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Model:
    """A network and what its file says about it.

    A loaded model is pickled as its file's path and hash and its card: where it is unpickled the
    file is read again, and an InputError says that it has changed. A model made in memory, or of a
    part of a loaded one's graph, is pickled as its graph.
    """

    graph: Graph
    card: dict[str, Any]
    path: str
    stored: Stored | None = field(default=None, repr=False)

    @property
    def imports(self) -> tuple[str, ...]:
        """What running it imports: for those who import it ahead of threads."""
        from .blocked import MODULES

        return tuple(f"{__package__}.blocked.{name}" for name in sorted(MODULES))

    @functools.cached_property
    def sha256(self) -> str:
        """The whole file's hash, made when asked for: it takes a third of the time to load."""
        import hashlib

        with Path(self.path).open("rb") as file:
            if self.stored and _stamp(self.path) != self.stored.stamp:
                raise InputError(f"{self.path}: has been changed since it was loaded")
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.stored is None or self.stored.graph is not self.graph:
            return Model, (self.graph, self.card, self.path)
        return _load_again, (os.path.abspath(self.path), self.sha256, self.path, self.card)  # noqa: PTH100


def _stamp(path: str) -> tuple[int, int, int]:
    found = os.stat(path)  # noqa: PTH116
    return found.st_ino, found.st_size, found.st_mtime_ns


def _load_again(path: str, sha256: str, name: str, card: dict[str, Any]) -> Model:
    """The model that was pickled; steps that share it share one graph in this process too."""
    return replace(_same(path, sha256), path=name, card=card)


@functools.lru_cache(8)
def _same(path: str, sha256: str) -> Model:
    model = load(path)
    if model.sha256 != sha256:
        raise InputError(f"{path}: is another model than the one that was sent here")
    return model


def load(path: str | os.PathLike[str]) -> Model:
    """The model of a file; float16 weights are widened to float32.

    InputError, one line, for a file that is damaged, of a later version or no model.
    """
    name = os.fspath(path)
    try:
        stamp = _stamp(name)
        data, tensors = _read(name)
        graph = from_json(data["graph"], tensors)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except OSError as problem:
        raise InputError(f"{name}: cannot be read ({problem.strerror or problem})") from None
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None
    return Model(graph, data["card"], name, Stored(graph, stamp))


def _read(path: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What our key holds, and the tensors: never more memory than twice the file's size."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata, names = file.metadata() or {}, sorted(file.keys())
            if KEY not in metadata:
                raise InputError(_foreign(len(names)))
            data = _parse(metadata[KEY])
            for name in names:
                found = file.get_slice(name).get_dtype()
                if found not in TYPES:
                    raise InputError(
                        f"tensor '{shorten(name)}' holds {found}, allowed {', '.join(TYPES)}; "
                        f"{ANEW}"
                    )
            return data, {name: widen(file.get_tensor(name)) for name in names}
    except SafetensorError as problem:
        raise InputError(f"damaged, or no .safetensors file ({_line(problem)}); {ANEW}") from None


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:100]


def _foreign(count: int) -> str:
    return (
        f"{count} tensors without a graph, such as PyTorch weights: export the network with "
        "training/export.py, or as ONNX and then imgconv models import NAME.onnx"
    )


def _parse(text: str) -> dict[str, Any]:
    """{"format", "graph", "card"}, of a version that this program reads."""
    try:
        data = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"damaged graph ({_line(problem)}); {ANEW}") from None
    version = data.get("format") if isinstance(data, dict) else None
    if type(version) is not int or version < 1:
        raise InputError(f"damaged graph (found no format version, allowed {FORMAT}); {ANEW}")
    if version > FORMAT:
        raise InputError(
            f"found a model of format {version}, allowed up to {FORMAT}: update imgconv"
        )
    if not isinstance(data.get("card"), dict) or "graph" not in data:
        raise InputError(f"damaged graph (no card or no graph); {ANEW}")
    _check_card(data["card"])
    return data


def _check_card(card: dict[str, Any]) -> None:
    multiple = card.get("multiple", 1)
    if type(multiple) is not int or not 1 <= multiple <= WIDEST:
        raise InputError(
            f"its card has multiple = {shorten(repr(multiple))}, allowed: a whole number from 1 to "
            f"{WIDEST}"
        )
    level: list[Any] = [card]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise InputError(f"its card is nested deeper than {DEEPEST} levels; {ANEW}")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"{shorten(word)} is no finite number")
    return number


def save(
    path: str | os.PathLike[str], graph: Graph, card: Mapping[str, Any], *, half: bool = True
) -> Model:
    """Write a model file, whole or not at all, and read it back: the model as it will load.

    half: weights as float16, half the size, where that is safe (float16.halve).
    """
    check(graph)
    target = Path(path)
    try:
        text = canonical({"format": FORMAT, "graph": to_json(graph), "card": dict(card)})
    except (TypeError, ValueError) as problem:
        raise OutputError(
            f"{target}: the card or an attribute is not plain JSON ({problem})"
        ) from None
    stored = {
        name: np.asarray(halve(tensor) if half else tensor, order="C")
        for name, tensor in graph.tensors.items()
    }
    part = target.with_name(f".imgconv-{os.urandom(16).hex()}.part")
    try:
        model = _write(part, stored, text)
        part.replace(target)
    except OSError as problem:
        raise OutputError(f"{target}: cannot be written ({problem.strerror or problem})") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return replace(model, path=str(target))


def _write(part: Path, stored: dict[str, np.ndarray], text: str) -> Model:
    from safetensors.numpy import save as serialised

    with part.open("xb") as file:
        file.write(serialised(stored, {KEY: text}))
        file.flush()
        os.fsync(file.fileno())
    model = load(part)
    again = canonical({"format": FORMAT, "graph": to_json(model.graph), "card": model.card})
    same = model.graph.tensors.keys() == stored.keys() and all(
        np.array_equal(widen(stored[name]), tensor, equal_nan=tensor.dtype.kind == "f")
        for name, tensor in model.graph.tensors.items()
    )
    if not same or again != text:
        raise OutputError(f"{part}: reads back differently from what was written")
    return model
