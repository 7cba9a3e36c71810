"""The plugin's widgets: their fields are the parameters, and work is done beside the window.

Annotations are no texts here: magicgui, which makes the fields of them, finds no names of ours.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from napari.layers import Image, Labels
from napari.qt.threading import FunctionWorker, create_worker
from napari.types import LayerDataTuple

from imgconv_napari import layers

Worker = FunctionWorker[list[LayerDataTuple]]


def segment(
    image: Image,
    model: Literal["nuclei", "cells"] = "nuclei",
    diameter: float = 0,
    threshold: float = 0,
) -> Worker:
    """Find nuclei or cells. A diameter (in pixels) or threshold of 0 is the model's own."""
    work = partial(layers.segment_layer, model=model, diameter=diameter, threshold=threshold)
    return _beside(work, image, rgb=image.rgb)


def denoise(
    image: Image, model: Literal["micro", "photo", "crosshair"] = "micro", strength: float = 1
) -> Worker:
    """Take out noise, or a crosshair."""
    return _beside(
        partial(layers.denoise_layer, model=model, strength=strength), image, rgb=image.rgb
    )


def measure(
    labels: Labels, image: Image, features: Literal["", "all", "shape", "texture"] = ""
) -> Worker:
    """Measure labels on an image: a point for each object, its row of the table as features."""
    work = partial(layers.measure_layer, labels.data, features=features)
    return _beside(work, image, rgb=image.rgb)


def _beside(work: Callable[..., Any], layer: Any, **settings: Any) -> Worker:
    """A worker that has begun; napari adds what it returns, as `Worker` says."""
    return create_worker(
        work, layer.data, layer.name, layer.scale, **settings,
        _start_thread=True, _progress={"desc": "imgconv"},
    )  # fmt: skip
