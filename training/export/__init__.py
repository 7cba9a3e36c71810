"""Model files from PyTorch: trained module in, checked .safetensors file out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

import imgconv
from imgconv.engine import model_file
from imgconv.engine.graph import Graph

from . import checking, sizes
from .tracing import ExportError, trace

__all__ = ["ExportError", "Report", "export", "rounded", "to_graph"]

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Report:
    """What was written and how it was checked.

    `difference` is the largest between PyTorch and the file with float32 weights, relative to the
    largest number of the output; `rounding` the same with weights as they are stored.
    """

    path: str
    sha256: str
    bytes: int
    layers: int
    parameters: int
    difference: float
    rounding: float
    shapes: tuple[dict[str, tuple[int, ...]], ...]
    open_axes: tuple[int, ...]


def export(
    module: nn.Module,
    examples: Mapping[str, Tensor] | Sequence[Tensor],
    path: str | os.PathLike[str],
    card: Mapping[str, Any],
    *,
    half: bool = True,
    sizes: Literal["any", "fixed"] = "any",
) -> Report:
    """Write a module as a model file of imgconv, and check it.

    examples: one float32 tensor (N, C, H, W), or (N, C), for each input, in the order of
    `forward`; a mapping also names them ("image"). Axes that the module accepts in other sizes
    stay open unless `sizes` is "fixed"; they grow by multiples of card["multiple"], else of
    module.multiple, else of what trying finds. Batch normalisation stays a layer of its own, with
    float32 moments: the engine folds it when it loads the file, and the weights keep their range.

    half: store weights as float16. The card gets `metrics.export`, `multiple`, and `created_with`
    where they are not given. ExportError, one line, names every operation that cannot be exported,
    or says that the file computes something else; then nothing is written.
    """
    named = _named(examples)
    _check_module(module)
    with evaluating(module):
        known = card.get("multiple", getattr(module, "multiple", None))
        steps = _steps(module, named, known) if sizes == "any" else {}
        graph = to_graph(module, named, tuple(steps))
        inputs = _check_inputs(named, steps)
        wanted = [checking.expected(module, one) for one in inputs]
        exact, stored = _differences(graph, inputs, wanted, half)
    shapes = tuple({name: array.shape for name, array in one.items()} for one in inputs)
    _refuse(exact, shapes)
    metrics = {
        "difference": max(exact),
        "rounding": max(stored),
        "shapes": [_lists(s) for s in shapes],
    }
    model = model_file.save(path, graph, _card(card, path, named, steps, metrics), half=half)
    return Report(
        str(path), model.sha256, Path(path).stat().st_size, len(graph.nodes),
        sum(p.numel() for p in module.parameters()), max(exact), max(stored), shapes, tuple(steps),
    )  # fmt: skip


def to_graph(
    module: nn.Module, examples: Mapping[str, Tensor], open_axes: Sequence[int] = ()
) -> Graph:
    """The module's graph with float32 weights; sizes of the open axes stay open."""
    wide = dict(examples)
    if 0 in open_axes:  # PyTorch takes a size of 1 for one that never changes
        wide = {k: v.expand(2, *v.shape[1:]) if v.shape[0] == 1 else v for k, v in wide.items()}
    with evaluating(module):
        return trace(module, {k: v.contiguous() for k, v in wide.items()}, open_axes)


def rounded(module: nn.Module) -> None:
    """Convolutions as they will be stored, so that what is judged is what is shipped."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.half().float()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Dropout and normalisation as in use, not as in training; afterwards as before."""
    training = [one for one in module.modules() if one.training]
    module.eval()
    try:
        yield
    finally:
        for one in training:
            one.training = True


def _check_module(module: nn.Module) -> None:
    """ExportError for weights that are not there, or not here."""
    for name, tensor in module.named_parameters():
        if is_lazy(tensor):
            raise ExportError(f"'{name}' has no numbers yet: run the module once before")
        if tensor.device.type != "cpu":
            raise ExportError(f"'{name}' is on {tensor.device}: call module.cpu() before")


def _named(examples: Mapping[str, Tensor] | Sequence[Tensor]) -> dict[str, Tensor]:
    if not isinstance(examples, Mapping):
        names = [f"image_{i}" if i else "image" for i in range(len(examples))]
        examples = dict(zip(names, examples, strict=True))
    for name, example in examples.items():
        if example.dtype != torch.float32 or example.ndim < 2 or not example.numel():
            kind = str(example.dtype).removeprefix("torch.")
            raise ExportError(
                f"the example '{name}' is {kind} of shape {tuple(example.shape)}, "
                "allowed float32 with a batch and a channel axis: (N, C, ...)"
            )
    if not examples:
        raise ExportError("found no example, allowed one for each input of the module")
    return {name: example.detach().cpu() for name, example in examples.items()}


def _steps(module: nn.Module, examples: dict[str, Tensor], known: Any) -> dict[int, int]:
    found = known if isinstance(known, int) and known > 0 else None
    return sizes.open_axes(module, examples, found)


def _check_inputs(examples: dict[str, Tensor], steps: dict[int, int]) -> list[checking.Arrays]:
    """The examples, and noise of another size where sizes are open (no square)."""
    shapes = {name: tuple(example.shape) for name, example in examples.items()}
    found = [{name: example.numpy() for name, example in examples.items()}]
    if steps:
        further = {axis: step * (2 if axis == max(steps) else 1) for axis, step in steps.items()}
        found.append(checking.random_inputs(examples, sizes.grown(shapes, further)))
    return found


def _differences(
    graph: Graph, inputs: list[checking.Arrays], wanted: list[list[Any]], half: bool
) -> tuple[list[float], list[float]]:
    """For each input, of the files with float32 and with stored weights, read back."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for as_half in (False, True)[: 1 + half]:
            model = model_file.save(Path(folder) / "check.safetensors", graph, {}, half=as_half)
            pairs = zip(inputs, wanted, strict=True)
            found.append([checking.difference(checking.run(model, x), y) for x, y in pairs])
    return found[0], found[-1]


def _refuse(exact: list[float], shapes: tuple[dict[str, tuple[int, ...]], ...]) -> None:
    """ExportError where the file computes something else than PyTorch."""
    for found, shape in zip(exact, shapes, strict=True):
        if found <= TOLERANCE:
            continue
        sizes = ", ".join(f"'{name}' of {size}" for name, size in shape.items())
        hint = " (code that depends on the size? then export with sizes='fixed')"
        raise ExportError(
            f"the exported network differs from PyTorch by {found:.1e} for {sizes}, allowed "
            f"{TOLERANCE:.0e}; nothing was written{hint if shape is not shapes[0] else ''}"
        )


def _card(
    card: Mapping[str, Any], path: str | os.PathLike[str], examples: dict[str, Tensor],
    steps: dict[int, int], metrics: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    made = f"imgconv {imgconv.__version__}, PyTorch {torch.__version__}"
    multiple = sizes.multiple(examples, steps)
    found: dict[str, Any] = {"name": Path(path).stem, "created_with": made}
    if multiple:
        found["multiple"] = multiple
    return {**found, **card, "metrics": {**card.get("metrics", {}), "export": metrics}}


def _lists(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list[int]]:
    return {name: list(shape) for name, shape in shapes.items()}
