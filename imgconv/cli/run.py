"""`imgconv run`: images or arrays through any network."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import UsageError

from . import complete
from .options import FileOptions

if TYPE_CHECKING:
    import numpy as np

    from imgconv.engine.graph import Graph

Inputs = Annotated[
    list[str] | None,
    Argument(
        metavar="MODEL FILE...",
        autocompletion=complete.model_first,
        show_default=False,
        help="A model (its name, or a .safetensors file), then images, folders, 'quoted "
        "patterns', - for standard input, or .npy and .npz arrays.",
    ),
]


@dataclass(frozen=True, eq=False, repr=False)
class RunOptions(FileOptions):
    """Files come after the model."""

    files: Inputs = None


def command(
    options: RunOptions,
    result: Annotated[
        str,
        Option(
            "--result",
            metavar="NAME",
            autocompletion=complete.results,
            help="The output to write, where the network has several. [default: the first to an "
            "image; to .npy all, the further ones as STEM-NAME.npy]",
        ),
    ] = "",
    memory: Annotated[
        int | None,
        Option(
            "--memory",
            min=16,
            metavar="MB",
            help="What the network's values may take; larger images are done in tiles, with the "
            "same result. [default: 1024]",
        ),
    ] = None,
    given: Annotated[
        list[str] | None,
        Option(
            "--input",
            metavar="NAME=VALUE",
            help="For a further input: a number, several with commas, a .npy file, or an image of "
            "the size of the others. Repeat it for more inputs.",
        ),
    ] = None,
) -> int:
    """Run any network: an image becomes an image, an array an array.

    imgconv run net.safetensors photo.png -o out.png

    imgconv run net.safetensors photos/ -o results/

    imgconv run net.safetensors photo.png -o scores.npy

    imgconv run net.safetensors batch.npy -o out.npy

    Black and white of an image are 0 and 1 to the network, or what its card says; 8, 16 bit
    and float stay what they are, alpha is kept aside. A .npy array is taken as it is, as
    (C, H, W) or (N, C, H, W), an .npz as several named inputs. A network made for one size
    of image runs in tiles where that gives the same, else the image is resized, and a note says so.
    """
    from imgconv import engine
    from imgconv.engine.images import Constants
    from imgconv.engine.runner import MEMORY
    from imgconv.steps.run import RunNetwork, RunPlane
    from imgconv.tasks.image_to_image import Picture

    from .files import run_files

    name, *files = options.files or [""]
    if not name:
        raise UsageError(
            "run needs a model and files: imgconv run net.safetensors photo.png -o out.png"
        )
    model = engine.load(name)
    constants, further = further_inputs(given or [], model.graph, options.reading)
    picture = Picture(
        model, result, memory << 20 if memory else MEMORY, Constants(constants), further
    )
    # The network uses all threads for one image; more images at once would only take memory.
    rest = replace(options, files=files, jobs=options.jobs or 1)
    outputs = (result,) if result else picture.model.graph.outputs
    also = [f"-{re.sub(UNFIT, '_', further)}.npy" for further in outputs[1:]]
    step = RunNetwork(RunPlane(picture), outputs, **rest.access)
    others = also if to_arrays(rest) else ()
    return run_files("run", rest, step, suffix=step.operation.suffix, also=others)


def further_inputs(
    texts: Sequence[str], graph: Graph, reading: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What --input gives: numbers, and images (H, W, C), by the names of inputs."""
    constants, images = {}, {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in graph.inputs:
            raise UsageError(
                f"--input {text}: write NAME=VALUE; the network's inputs are "
                f"{', '.join(graph.inputs)}"
            )
        numbers = _numbers(value)
        if numbers is not None:
            constants[name] = _shape(text, numbers, graph.inputs[name])
        elif value.lower().endswith(".npy"):
            constants[name] = _array(text, value)
        else:
            images[name] = _image(value, reading)
    return constants, images


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        return None


def _shape(text: str, numbers: list[float], shape: tuple[int | None, ...]) -> np.ndarray:
    """Numbers in the shape of an input, each open size 1 or as many as there are numbers."""
    import numpy as np

    sizes = [n or 1 for n in shape]
    if math.prod(sizes) != len(numbers) and shape.count(None) == 1:
        sizes[shape.index(None)] = len(numbers) // math.prod(sizes)
    if len(numbers) not in (1, math.prod(sizes)):
        raise UsageError(
            f"--input {text}: found {len(numbers)} numbers, allowed 1 or {math.prod(sizes)}"
        )
    return np.broadcast_to(np.array(numbers, np.float32), math.prod(sizes)).reshape(sizes).copy()


def _array(text: str, path: str) -> np.ndarray:
    import numpy as np

    from imgconv.errors import InputError
    from imgconv.images.array_file import read_arrays

    try:
        found = read_arrays(path)
    except InputError as problem:
        raise UsageError(f"--input {text}: {problem}") from None
    if isinstance(found, dict):
        raise UsageError(f"--input {text}: found an .npz of several arrays, allowed is one .npy")
    return np.asarray(found, np.float32) if found.dtype.kind == "f" else found.astype(np.int64)


def _image(path: str, reading: Mapping[str, Any]) -> np.ndarray:
    """The first plane of a file, without alpha."""
    from imgconv.images import open_image

    with open_image(path, **reading) as source:
        plane = next(iter(source.planes()))
        return plane[..., : plane.shape[2] - (source.info.alpha != "none")]


UNFIT = r"[^\w.-]+"  # for a file's name


def to_arrays(options: RunOptions) -> bool:
    """Whether all that the network gives can be written: .npy is asked for, or comes in."""
    from imgconv.steps.run import ARRAYS, kind

    target = options.output or ""
    found = {kind(name) for name in options.files or ()}
    arrays_stay = not kind(target) and found <= set(ARRAYS)
    return options.format == "npy" or kind(target) == ".npy" or arrays_stay
