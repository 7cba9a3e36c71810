"""`imgconv models architectures` and `models new`: the networks of the lecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import InputError, UsageError

from . import complete
from .console import current

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

Names = Annotated[
    list[str] | None,
    Argument(
        metavar="NAME...",
        show_default=False,
        autocompletion=complete.architectures,
        help="Some of them. [default: all]",
    ),
]


def list_architectures(
    names: Names = None,
    time: Annotated[
        bool, Option("--time/--no-time", help="Run each once made ready: seconds and memory.")
    ] = True,
    json: Annotated[bool, Option("--json", help="Print one JSON object an architecture.")] = False,
) -> int:
    """List the networks of the lecture: size, work, receptive field, and their papers' errors.

    imgconv models architectures

    imgconv models architectures resnet18 resnet50 --no-time

    Each at the size of its paper's images, one image at a time. published is what the paper
    says of its parameters. field is what a unit of the last
    convolutions sees, in pixels; error is per cent, as published: top-1 / top-5 of ImageNet's
    validation images.
    """
    import json as json_module

    from imgconv.engine.architectures import ARCHITECTURES
    from imgconv.engine.architectures.catalogue import architecture

    chosen = [name.lower() for name in names or ARCHITECTURES]
    for name in chosen:
        architecture(name)
    found = [facts(name, time) for name in chosen]
    if json:
        for one in found:
            current().out(json_module.dumps(one) + "\n")
    else:
        current().out(as_text(found) + "\n")
    return 0


def facts(name: str, time: bool) -> dict[str, Any]:
    """One row, as JSON's types."""
    from imgconv.engine import Model
    from imgconv.engine.architectures import Empty, build
    from imgconv.engine.architectures.catalogue import architecture
    from imgconv.engine.fields import last_local, unit_field
    from imgconv.engine.shapes import costs

    known, weights = architecture(name), Empty()
    graph = build(name, weights)
    channels = graph.inputs["image"][1] or 1
    shapes: dict[str, tuple[int, ...]] = {"image": (1, channels, known.side, known.side)}
    record: dict[str, Any] = {
        "name": name,
        "title": known.title,
        "paper": known.paper,
        "image": list(shapes["image"][1:]),
        "depth": known.depth,
        "parameters": weights.learnt,
        "published_parameters": known.published,
        "multiply_adds": sum(cost.multiply_adds for cost in costs(graph, shapes)),
        "field": unit_field(graph, last_local(graph, (known.side, known.side))),
        "published_error": known.error,
        "source": known.source,
    }
    if time:
        from .model_show import time_layers

        _, ran = time_layers(Model(graph, {}, name), shapes, None)
        record |= {"seconds": ran["seconds"], "peak_bytes": ran["peak_bytes"]}
    return record


def as_text(found: list[dict[str, Any]]) -> str:
    """The table, and where its errors are from."""
    from .model_facts import columns, format_count

    timed = any("seconds" in one for one in found)
    head = ["name", "network", "image", "depth", "parameters", "published", "mult-adds", "field"]
    rows = [(*head, *(["memory", "time"] if timed else []), "error %")]
    for one in found:
        image = "x".join(map(str, one["image"]))
        row = [one["name"], one["title"], image, str(one["depth"]), f"{one['parameters']:,}"]
        row += [one["published_parameters"] or "-", format_count(one["multiply_adds"]).strip()]
        row.append(str(one["field"]))
        if timed:
            row += [f"{one['peak_bytes'] / 1e6:.1f} MB", f"{1000 * one['seconds']:.1f} ms"]
        rows.append((*row, one["published_error"] or "-"))
    sources = {one["title"]: one["source"] for one in found if one["source"]}
    said: dict[str, list[str]] = {}
    for title, source in sources.items():
        said.setdefault(source, []).append(title)
    lines = [f"error of {', '.join(titles)}: {source}" for source, titles in said.items()]
    return "\n".join([columns(rows, right=tuple(range(3, 8 + 2 * timed))), "", *lines])


def new_model(
    name: Annotated[
        str,
        Argument(
            metavar="NAME",
            help="See: imgconv models architectures.",
            autocompletion=complete.architectures,
        ),
    ],
    output: Annotated[
        str | None,
        Option("-o", "--output", metavar="PATH", help="The file. [default: NAME.safetensors]"),
    ] = None,
    seed: Annotated[int, Option("--seed", min=0, help="Of the random weights.")] = 0,
    weights: Annotated[
        str | None,
        Option(
            "--weights",
            metavar="FILE",
            help="A state dict of torchvision's network of that name, as .safetensors or .npz, "
            "instead of random numbers.",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        Option("--classes", metavar="FILE", help="Names of the classes, one a line, in order."),
    ] = None,
    half: Annotated[
        bool, Option("--half", help="Store weights as float16: half the size.")
    ] = False,
    force: Annotated[bool, Option("-f", "--force", help="Overwrite an existing file.")] = False,
) -> int:
    """Make a model file of an architecture, with random weights or a trained network's.

    imgconv models new resnet50 -o r50.safetensors --seed 0

    imgconv models new resnet50 --weights state.safetensors --classes imagenet.txt
    """
    from imgconv.engine.architectures import Random, StateDict, build
    from imgconv.engine.architectures.catalogue import architecture
    from imgconv.engine.model_file import save

    from .model_import import summary, target_of

    known = architecture(name)
    if weights and not known.torchvision:
        raise UsageError(f"--weights: {known.title} has no counterpart in torchvision")
    target = target_of(name, output, force)
    card: dict[str, Any] = {
        "name": target.stem,
        "description": f"{known.title} ({known.paper})"
        + ("" if weights else f", with random weights of seed {seed}: it has learnt nothing"),
        "architecture": known.title,
        **keep_classes(classes, weights is not None),
    }
    if name.lower() == "unet":
        card |= {"multiple": 16, "offset": 12}  # without padding: sides of 16 n + 12 pixels
    if weights:
        state = StateDict(tensors(weights))
        try:
            graph = build(name, state, loaded=True)
            state.check_used()
        except InputError as problem:
            raise InputError(f"{weights}: no state dict of {known.title}: {problem}") from None
        save(target, graph, card, half=half)
    else:
        graph = build(name, Random(seed))
        save(target, graph, card, half=half)
    _say(target, summary(graph))
    return 0


IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "resize": 256, "size": 224}
"""How torchvision's networks want photos."""


def keep_classes(path: str | None, trained: bool) -> dict[str, Any]:
    from .classify import class_names

    card: dict[str, Any] = {"prepare": IMAGENET} if trained else {}
    return card | ({"task": "classify", "read": {"classes": class_names(path)}} if path else {})


def tensors(path: str) -> dict[str, np.ndarray]:
    """The arrays of a .safetensors or .npz file by name, each of its own shape and type.

    InputError where the file cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if path.lower().endswith(".npz"):
            from imgconv.images.array_file import read_arrays

            found = read_arrays(path)
            return found if isinstance(found, dict) else {"": found}
        return load_file(path)
    except (OSError, ValueError, SafetensorError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem).splitlines()[0]
        raise InputError(f"{path}: cannot be read ({reason})") from None


def _say(target: Path, line: str) -> None:
    current().out(f"{target}\n")
    current().say(line)
