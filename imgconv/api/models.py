"""Networks by name or file, and what any of them says of an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from imgconv.engine import Model
from imgconv.errors import InputError
from imgconv.images import Info

from .arrays import ImageLike, Reading, source_of

ModelLike = str | os.PathLike[str] | Model
"""The name of a bundled model, a .safetensors file, or what `load_model` returned."""


def load_model(name: str | os.PathLike[str], task: str = "") -> Model:
    """Load a network once, to use it in several calls.

    Parameters
    ----------
    name : str or PathLike
        Of a bundled model (``imgconv models list``), or a .safetensors file.
    task : str, optional
        What it has to be made for: "segment", "denoise", "colorize".

    Returns
    -------
    imgconv.engine.Model
        Its `card` says what it was trained on, how good it is and where it fails.

    Raises
    ------
    UsageError, InputError
        There is no such model, the file is damaged, or it is made for another task.

    Examples
    --------
    >>> imgconv.load_model("nuclei").card["task"]
    'segment'
    """
    from imgconv import engine

    if not task:
        return engine.load(name)
    from imgconv.tasks.load import load

    return load(name, task)[0]


def run(image: ImageLike, model: ModelLike, **reading: Unpack[Reading]) -> dict[str, np.ndarray]:
    """Give an image to any network.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)`` or ``(H, W, C)``. Black and white are 0 and 1 to the network, or what its card
        says; alpha is left out.
    model : str, path or Model
        See `load_model`.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    dict
        Each output by its name, float32: ``(K, h, w)``, or of another shape.

    Raises
    ------
    InputError
        The network does not take such an image.

    Examples
    --------
    >>> from imgconv.engine import Model
    >>> from imgconv.engine.architectures import Random, build
    >>> lenet = Model(build("lenet5", Random(seed=0)), {}, "lenet5")
    >>> [scores.shape for scores in imgconv.run(np.zeros((32, 32), np.uint8), lenet).values()]
    [(10,)]
    """
    from imgconv.tasks.image_to_image import Picture

    picture = Picture(model if isinstance(model, Model) else load_model(model))
    return picture.outputs(*_only_plane(image, reading))


def classify(
    image: ImageLike,
    *,
    model: ModelLike = "digits",
    top: int = 3,
    classes: Sequence[str] = (),
    **reading: Unpack[Reading],
) -> list[tuple[str, float]]:
    """Say what a picture shows, or read a number from a scan.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)`` or ``(H, W, C)``; one plane.
    model : str, path or Model, default "digits"
        See `load_model`; any network whose card, or `classes`, names its classes.
    top : int, default 3
        How many classes to tell.
    classes : sequence of str, optional
        Names of the classes, in order. Default: as the model's card names them.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    list of (str, float)
        Classes and their probabilities, 0 to 1, the likeliest first.

    Raises
    ------
    InputError
        The network does not classify, or the image is a stack.

    Examples
    --------
    >>> imgconv.classify(np.full((40, 40), 255, np.uint8))
    [('no digit', 1.0)]
    """
    from imgconv.tasks.classify.run import classifier

    work = classifier(model if isinstance(model, Model) else load_model(model), classes, top)
    return list(work(*_only_plane(image, reading)).ranked)


def _only_plane(image: ImageLike, reading: Reading) -> tuple[np.ndarray, Info]:
    """The plane (H, W, C) of an image that is no stack, and its Info."""
    from imgconv.steps.planes import FileStep

    step = FileStep(to_srgb=reading.get("to_srgb", False))
    with source_of(image, reading) as source:
        if source.info.planes != 1:
            raise InputError(f"{source.name}: is a stack; give its planes one by one")
        (plane,) = step.planes(source)
        return plane, step.info(source)
