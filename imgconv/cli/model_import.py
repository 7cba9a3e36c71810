"""`imgconv models import`: an ONNX file to a model file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import InputError, UsageError

from .console import current

if TYPE_CHECKING:
    from imgconv.engine.graph import Graph


def import_model(
    source: Annotated[str, Argument(metavar="NET.onnx", help="The ONNX file.")],
    output: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A .safetensors file, or a folder. [default: NET.safetensors beside the input]",
        ),
    ] = None,
    size: Annotated[
        str | None,
        Option(
            "--size",
            metavar="N|HxW|any",
            help="Of images, height x width; any leaves it open. [default: as the file says]",
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        Option(
            "--shape",
            metavar="INPUT=N,C,H,W",
            help="Of one input, ? for an open size. Repeat it for more inputs.",
        ),
    ] = None,
    image: Annotated[
        str,
        Option("--image", metavar="INPUT", help="The input that is the image. [default: a guess]"),
    ] = "",
    layout: Annotated[
        str,
        Option(
            "--layout",
            metavar="NCHW|NHWC|...",
            help="The order of its axes: batch N, channels C, height H, width W. [default: a "
            "guess from its shape]",
        ),
    ] = "",
    range: Annotated[
        str,
        Option(
            "--range",
            metavar="LOW,HIGH",
            help="What black and white are to the network, for example -1,1 or 0,255.",
        ),
    ] = "0,1",
    result_range: Annotated[
        str,
        Option(
            "--result-range",
            metavar="LOW,HIGH",
            help="What they are in the image that it gives. [default: as --range]",
        ),
    ] = "",
    scale: Annotated[
        float | None,
        Option(
            "--scale",
            help="What one level of 8 bits is to it, instead of --range: 1 is 0 to 255.",
        ),
    ] = None,
    mean: Annotated[
        str,
        Option("--mean", metavar="M,M,M", help="Taken off then, one for each channel or for all."),
    ] = "",
    std: Annotated[str, Option("--std", metavar="S,S,S", help="Divided by then, likewise.")] = "",
    name: Annotated[str, Option("--name", help="For lists. [default: the file's]")] = "",
    description: Annotated[str, Option("--description", help="What it does, in a sentence.")] = "",
    licence: Annotated[str, Option("--licence", help="Of the weights.")] = "",
    half: Annotated[
        bool,
        Option("--half", help="Store weights as float16 where that loses little: half the size."),
    ] = False,
    force: Annotated[bool, Option("-f", "--force", help="Overwrite an existing file.")] = False,
) -> int:
    """Import a network from ONNX, the format that PyTorch and others export.

    imgconv models import net.onnx

    imgconv models import net.onnx -o net.safetensors --size 512x512

    imgconv models import net.onnx --shape input=1,3,?,? --range -1,1

    imgconv models import net.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225

    What cannot be imported is named, operator by operator. Needs the package onnx:
    pip install 'imgconv[onnx]'
    """
    from imgconv.engine.model_file import save
    from imgconv.engine.onnx import import_file
    from imgconv.engine.onnx.multiples import grid_of_sizes

    target = target_of(source, output, force)
    if scale is not None and range != "0,1":
        raise UsageError("--scale and --range say the same: give one of them")
    wanted = f"0,{255 * scale:.9g}" if scale is not None else range
    card: dict[str, Any] = {}
    if wanted != "0,1":
        card = {"prepare": ranges(wanted), "read": ranges(wanted)}
    if result_range:
        card["read"] = ranges(result_range, "--result-range")
    for key, text in (("mean", mean), ("std", std)):
        if text:
            card.setdefault("prepare", {})[key] = channel_numbers(key, text)
    graph = import_file(source, shapes(shape or ()), parse_size(size))
    words = {"name": name or Path(source).stem, "description": description, "licence": licence}
    card |= image_rules(graph, image, layout, card)
    found = grid_of_sizes(graph)
    step = {"multiple": found[0]} if found else {}
    if found and found[1]:
        step["offset"] = found[1]
    model = save(target, graph, {**words, **card, **step, **origin(source)}, half=half)
    current().out(f"{target}\n")
    current().say(summary(model.graph))
    for line in image_lines(model.graph, model.card):
        current().say(line)
    if not found and is_open(graph):
        current().note(f"{target}: {NO_SIZE}")
    return 0


NO_SIZE = (
    "its size is open, but it runs at none of those that were tried: import it with --size HxW, "
    "the size that it was made for"
)


def channel_numbers(key: str, text: str) -> list[float]:
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    finite = all(abs(n) < float("inf") for n in found)
    if not found or not finite or (key == "std" and min(found) <= 0):
        above = " above 0" if key == "std" else ""
        raise UsageError(f"--{key} {text}: write a number{above} for each channel: 0.5,0.5,0.5")
    return found


def image_rules(graph: Graph, image: str, layout: str, card: dict[str, Any]) -> dict[str, Any]:
    """The card's `image`, where it was asked for; UsageError where it does not fit the network."""
    from imgconv.engine.images import image_input

    rules = {key: value for key, value in (("input", image), ("layout", layout.upper())) if value}
    try:
        found = image_input(graph, {"image": rules})
    except InputError as problem:
        if rules or "mean" in card.get("prepare", {}):
            raise UsageError(str(problem)) from None
        return {}
    for key in ("mean", "std"):
        numbers = card.get("prepare", {}).get(key, [0.0])
        if len(numbers) not in (1, found.channels or len(numbers)):
            raise UsageError(
                f"--{key}: found {len(numbers)} numbers, allowed 1 or {found.channels}, one for "
                f"each channel of '{found.name}'"
            )
    return {"image": rules} if rules else {}


def image_lines(graph: Graph, card: dict[str, Any]) -> list[str]:
    """Which input is the image, how it is prepared, and what else is needed."""
    from imgconv.engine.images import image_input

    try:
        image = image_input(graph, card)
    except InputError:
        return ["takes no image: run it on .npy or .npz arrays"]
    height, width = ("any" if n is None else n for n in image.size)
    prepare = card.get("prepare", {})
    low, high = prepare.get("range", (0, 1))
    words = [f"black is {low:g} and white {high:g}"]
    words += [
        f"{word} {', '.join(f'{n:g}' for n in prepare[key])}"
        for key, word in (("mean", "minus"), ("std", "divided by"))
        if key in prepare
    ]
    shown = card.get("read", {}).get("range", [low, high])
    if list(shown) != [low, high]:
        words.append(f"its result from {shown[0]:g} to {shown[1]:g}")
    lines = [
        f"image: input '{image.name}', {image.layout}, {image.channels or 'any'} channels, height "
        f"{height}, width {width}; {', '.join(words)} (--image, --layout, --range, --scale, "
        "--mean, --std, --result-range say otherwise)"
    ]
    for name, shape in graph.inputs.items():
        if name != image.name:
            sizes = "x".join(str(n or "?") for n in shape) or "a number"
            lines.append(f"it also takes '{name}' ({sizes}): imgconv run --input {name}=VALUE")
    return lines


def is_open(graph: Graph) -> bool:
    """Whether an input may have any height or width."""
    return any(len(shape) == 4 and None in shape[2:] for shape in graph.inputs.values())


def target_of(source: str, output: str | None, force: bool) -> Path:
    """Where the model goes; UsageError where that is no name for one."""
    target = Path(output or Path(source).with_suffix(".safetensors"))
    if target.is_dir() or (output or "").endswith(("/", os.sep)):
        target = target / f"{Path(source).stem}.safetensors"
    if target.suffix.lower() != ".safetensors":
        raise UsageError(f"-o {output}: the name of a model ends in .safetensors")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already: -f overwrites, -o writes elsewhere")
    if not target.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {target.parent}")
    return target


def parse_size(text: str | None) -> Any:
    """(height, width), "any" or None."""
    if text is None or text == "any":
        return text
    from imgconv.steps.values import pair

    found = pair("size", text)
    if min(found) < 1:
        raise UsageError(f"--size {text}: sizes are 1 or more")
    return found


def shapes(texts: tuple[str, ...] | list[str]) -> dict[str, tuple[int | None, ...]]:
    """What "input=1,3,?,?" says: name -> sizes, None for an open one."""
    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        words = [word.strip() for word in sizes.replace("x", ",").split(",")]
        if not name or not all(w == "?" or (w.isdecimal() and int(w)) for w in words):
            raise UsageError(f"--shape {text}: write INPUT=N,C,H,W, ? for an open size")
        found[name] = tuple(None if word == "?" else int(word) for word in words)
    return found


def ranges(text: str, option: str = "--range") -> dict[str, list[float]]:
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high < float("inf") or low == float("-inf"):
        raise UsageError(f"{option} {text}: write what black and white are, such as -1,1")
    return {"range": [low, high]}


def origin(source: str) -> dict[str, Any]:
    """What the card says of where the model came from."""
    import hashlib

    from imgconv import __version__

    with Path(source).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "source": {"file": Path(source).name, "sha256": digest},
        "created_with": f"imgconv {__version__}",
    }


def summary(graph: Graph) -> str:
    from .model_facts import format_count
    from .model_show import sizes

    numbers = sum(t.size for t in graph.tensors.values() if t.dtype.kind == "f")
    inputs = ", ".join(f"{name} {sizes(list(shape))}" for name, shape in graph.inputs.items())
    return (
        f"{len(graph.nodes)} layers, {format_count(numbers).strip()} parameters, input {inputs}, "
        f"output {', '.join(graph.outputs)}"
    )
