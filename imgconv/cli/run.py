"""`imgconv run`: images or arrays through any network."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated

from typer import Argument, Option

from imgconv.errors import UsageError

from .options import FileOptions

Inputs = Annotated[
    list[str] | None,
    Argument(
        metavar="MODEL FILE...",
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
) -> int:
    """Run any network: an image becomes an image, an array an array.

    imgconv run net.safetensors photo.png -o out.png

    imgconv run net.safetensors photos/ -o results/

    imgconv run net.safetensors photo.png -o scores.npy

    imgconv run net.safetensors batch.npy -o out.npy

    Black and white of an image are 0 and 1 to the network, or what its card says; 8, 16 bit
    and float stay what they are, alpha is kept aside. A .npy array is taken as it is, as
    (C, H, W) or (N, C, H, W), an .npz as several named inputs.
    """
    from imgconv import engine
    from imgconv.steps.run import RunNetwork, RunPlane
    from imgconv.tasks.image_to_image import Picture

    from .files import run_files

    name, *files = options.files or [""]
    if not name:
        raise UsageError(
            "run needs a model and files: imgconv run net.safetensors photo.png -o out.png"
        )
    budget = {"memory": memory << 20} if memory else {}
    picture = Picture(engine.load(name), result, **budget)
    # The network uses all threads for one image; more images at once would only take memory.
    rest = replace(options, files=files, jobs=options.jobs or 1)
    outputs = (result,) if result else picture.model.graph.outputs
    also = [f"-{re.sub(UNFIT, '_', further)}.npy" for further in outputs[1:]]
    step = RunNetwork(RunPlane(picture), outputs, **rest.access)
    further = also if to_arrays(rest) else ()
    return run_files("run", rest, step, suffix=step.operation.suffix, also=further)


UNFIT = r"[^\w.-]+"  # for a file's name


def to_arrays(options: RunOptions) -> bool:
    """Whether all that the network gives can be written: .npy is asked for, or comes in."""
    from imgconv.steps.run import ARRAYS, kind

    target = options.output or ""
    found = {kind(name) for name in options.files or ()}
    arrays_stay = not kind(target) and found <= set(ARRAYS)
    return options.format == "npy" or kind(target) == ".npy" or arrays_stay
