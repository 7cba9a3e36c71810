"""What the plugin does with a layer's data: arrays in, napari's layer tuples out, no window."""

from __future__ import annotations

from typing import Any

import numpy as np

Layer = tuple[Any, dict[str, Any], str]
"""Data, settings and kind of a layer, as napari takes it."""
LEADING = "TZ"  # what comes before Y and X in a stack; each plane is looked at on its own


def segment_layer(
    data: Any, name: str, scale: Any, *, rgb: bool, model: str, diameter: float, threshold: float
) -> list[Layer]:
    """Labels of nuclei or cells, and a point for each with its measurements.

    `data` is ([T,] [Z,] Y, X), with colours last if `rgb`; a `diameter` (pixels) or `threshold`
    of 0 is the model's own.
    """
    import imgconv

    image, axes = _image(data, rgb)
    found = imgconv.segment(
        image, axes=axes, model=model, diameter=diameter or None, threshold=threshold or None
    )
    labels = found.labels.reshape(image.shape[: image.ndim - rgb])
    scale = _scale(scale, labels.ndim)
    layer: Layer = (labels, {"name": f"{name} labels", "scale": scale}, "labels")
    return [layer, _table(found.measurements, f"{name} objects", scale, labels.shape)]


def denoise_layer(
    data: Any, name: str, scale: Any, *, rgb: bool, model: str, strength: float
) -> list[Layer]:
    """The image without its noise."""
    import imgconv

    image, axes = _image(data, rgb)
    clean = imgconv.denoise(
        image, axes=axes, model=model, strength=strength, channels="rgb" if rgb else None
    ).reshape(image.shape)
    settings = {"name": f"{name} without noise", "scale": _scale(scale, image.ndim - rgb)}
    return [(clean, settings | {"rgb": rgb}, "image")]


def measure_layer(
    labels: Any, data: Any, name: str, scale: Any, *, rgb: bool, features: str
) -> list[Layer]:
    """A point for each object, with its measurements on the image."""
    import imgconv

    image, axes = _image(data, rgb)
    numbers, _ = _image(labels, False)
    table = imgconv.measure(numbers, image, axes=axes, features=features or None)
    return [_table(table, f"{name} objects", _scale(scale, numbers.ndim), numbers.shape)]


def _image(data: Any, rgb: bool) -> tuple[np.ndarray, str | None]:
    """One array of the layer (the finest of a pyramid), and what its axes are, if it is a stack."""
    levels = isinstance(data, (list, tuple)) or type(data).__name__ == "MultiScaleData"
    image = np.asarray(data[0] if levels else data)
    leading = image.ndim - 2 - rgb
    if leading > len(LEADING):
        raise ValueError(
            f"{image.ndim} dimensions: allowed are at most time, depth, height and width; show "
            "each channel as a layer"
        )
    axes = LEADING[len(LEADING) - leading :] + "YX" + "S" * rgb if leading > 0 else None
    return image, axes


def _scale(scale: Any, dimensions: int) -> tuple[float, ...]:
    return tuple(float(one) for one in scale)[-dimensions:]


def _table(table: Any, name: str, scale: tuple[float, ...], shape: tuple[int, ...]) -> Layer:
    """A table as points at its objects' centres (plane, y, x), each row a point's features."""
    plane = np.asarray(table["plane"], int) - 1 if "plane" in table else np.zeros(table.rows, int)
    leading = np.unravel_index(plane, shape[:-2]) if shape[:-2] else ()
    centre = (np.asarray(table[f"centroid_{axis}_px"]) - 0.5 for axis in "yx")  # 0 is a middle here
    points = np.stack([*leading, *centre], axis=-1)
    settings = {
        "name": name, "features": dict(table), "scale": scale, "size": 5,
        "face_color": "transparent",
    }  # fmt: skip
    return points, settings, "points"
