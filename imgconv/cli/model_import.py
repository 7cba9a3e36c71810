"""`imgconv models import`: an ONNX file to a model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import UsageError

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
    range: Annotated[
        str,
        Option(
            "--range",
            metavar="LOW,HIGH",
            help="What black and white are to the network, for example -1,1 or 0,255.",
        ),
    ] = "0,1",
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

    What cannot be imported is named, operator by operator. Needs the package onnx:
    pip install 'imgconv[onnx]'
    """
    from imgconv.engine.model_file import save
    from imgconv.engine.onnx import import_file
    from imgconv.engine.onnx.multiples import step_of_sizes

    target = target_of(source, output, force)
    card = {"prepare": ranges(range), "read": ranges(range)} if range != "0,1" else {}
    graph = import_file(source, shapes(shape or ()), asked_size(size))
    words = {"name": name or Path(source).stem, "description": description, "licence": licence}
    found = step_of_sizes(graph)
    step = {"multiple": found} if found else {}
    model = save(target, graph, {**words, **card, **step, **origin(source)}, half=half)
    current().out(f"{target}\n")
    current().say(f"imgconv: {summary(model.graph)}")
    if not found and is_open(graph):
        current().say(f"imgconv: {target}: {NO_SIZE}")
    return 0


NO_SIZE = (
    "its size is open, but it runs at none of those that were tried: import it with --size HxW, "
    "the size that it was made for"
)


def is_open(graph: Graph) -> bool:
    """Whether an input may have any height or width."""
    return any(len(shape) == 4 and None in shape[2:] for shape in graph.inputs.values())


def target_of(source: str, output: str | None, force: bool) -> Path:
    """Where the model goes; UsageError where that is no name for one."""
    target = Path(output or Path(source).with_suffix(".safetensors"))
    if target.is_dir() or (output or "").endswith("/"):
        target = target / f"{Path(source).stem}.safetensors"
    if target.suffix.lower() != ".safetensors":
        raise UsageError(f"-o {output}: the name of a model ends in .safetensors")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already: -f overwrites, -o writes elsewhere")
    if not target.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {target.parent}")
    return target


def asked_size(text: str | None) -> Any:
    """(height, width), "any" or None."""
    if text is None or text == "any":
        return text
    from .pairs import pair

    found = pair("--size", text)
    if min(found) < 1:
        raise UsageError(f"--size {text}: sizes are 1 or more")
    return found


def shapes(texts: tuple[str, ...] | list[str]) -> dict[str, tuple[int | None, ...]]:
    """Of "input=1,3,?,?": name -> sizes, None for an open one."""
    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        words = [word.strip() for word in sizes.replace("x", ",").split(",")]
        if not name or not all(w == "?" or (w.isdecimal() and int(w)) for w in words):
            raise UsageError(f"--shape {text}: write INPUT=N,C,H,W, ? for an open size")
        found[name] = tuple(None if word == "?" else int(word) for word in words)
    return found


def ranges(text: str) -> dict[str, list[float]]:
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high < float("inf") or low == float("-inf"):
        raise UsageError(f"--range {text}: write what black and white are, such as -1,1")
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
    from .model_facts import counted
    from .model_show import sizes

    numbers = sum(t.size for t in graph.tensors.values() if t.dtype.kind == "f")
    inputs = ", ".join(f"{name} {sizes(list(shape))}" for name, shape in graph.inputs.items())
    return (
        f"{len(graph.nodes)} layers, {counted(numbers).strip()} parameters, input {inputs}, "
        f"output {', '.join(graph.outputs)}"
    )
