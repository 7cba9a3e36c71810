"""A picture through any network: channels and values as it takes them, a picture again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from imgconv.engine import Model, run
from imgconv.engine.graph import Graph
from imgconv.engine.images import (
    NO_CONSTANTS,
    Constants,
    ImageInput,
    adapt,
    as_image,
    image_input,
    missing_pixels,
    one_output,
    open_sizes,
)
from imgconv.engine.operators import evaluate
from imgconv.engine.outputs import Axes, Side, output_axes
from imgconv.engine.runner import MEMORY, NO_MARGINS, Margins
from imgconv.engine.shapes import infer
from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.ops.alpha import fit, white, with_alpha
from imgconv.ops.interpolation import interpolate
from imgconv.text import Fact

KNOWN = {"range", "mean", "std"}  # keys of a card's `prepare` that are followed here


@dataclass(frozen=True, eq=False)
class Picture:
    """A network as a pure function of a plane (H, W, C); `result` names one of its outputs.

    Black and white are 0 and 1 to the network, or the card's prepare = {"range": [low, high],
    "mean": [...], "std": [...]} and, of its output, read = {"range": [low, high]}. Which input is
    the image, and in which layout, says the card's image = {"input": NAME, "layout": "NHWC"}, or a
    guess. memory: bytes that its values may take; larger images are done in tiles. given: numbers
    for further inputs; further: images (H, W, C) for them, of the plane's size.
    """

    model: Model
    result: str = ""
    memory: int = MEMORY
    given: Constants = NO_CONSTANTS
    further: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        outputs = self.model.graph.outputs
        if self.result and self.result not in outputs:
            raise InputError(
                f"{self.model.path}: there is no output '{self.result}', but {', '.join(outputs)}"
            )

    @property
    def name(self) -> str:
        """The output that becomes the picture."""
        return self.result or self.model.graph.outputs[0]

    def __call__(self, plane: np.ndarray, info: Info) -> np.ndarray:
        """The picture (H', W', K) of a plane (H, W, C), in its dtype.

        Its alpha comes along as one more channel, resized where the picture has another size.
        """
        colours = plane.shape[2] - (info.alpha != "none")
        view = plane[..., :colours]
        finish = partial(self._finish, dtype=plane.dtype)
        found = self._results(view, self.name, finish, self._margins(view.shape[:2]))
        results = [self._planes(one[self.name], view.shape[:2]) for one in found]
        values = np.concatenate(results) if len(results) > 1 else results[0]
        picture = np.ascontiguousarray(np.moveaxis(values, 0, 2))
        if colours == plane.shape[2]:
            return picture
        return with_alpha(picture, resize_alpha(plane[..., colours:], picture.shape[:2]))

    def notes(self, plane: np.ndarray) -> tuple[str, ...]:
        """What the user should hear of what is done to a plane (H, W, C) of this size."""
        size = self._fixed_size(plane.shape[:2])
        if size is None:
            return ()
        sizes = f"{format_shape(plane.shape[:2])} to {format_shape(size)}"
        why = "(height x width), the only size that the network takes"
        return (Fact(f"resized from {sizes} {why}"),)

    def describe(self, info: Info) -> Info:
        """The record of the result: pixels of another size, colours of another number."""
        known = self._sides(info)
        if known is None:
            return info
        rows, columns, batch, shape = known
        if rows.ratio != 1 or columns.ratio != 1:
            info = info.scale(float(rows.ratio), float(columns.ratio))
        sides = {batch, rows.axis, columns.axis}
        maps = math.prod(n for axis, n in enumerate(shape) if axis not in sides)
        grey = info.channels - (info.alpha != "none") == 1
        return replace(info, icc=None) if maps > 1 and grey else info

    def size(self, info: Info) -> tuple[int, int] | None:
        """Rows and columns of the result, rounded down; None where they do not follow the image."""
        known = self._sides(info)
        if known is None:
            return None
        rows, columns, *_ = known
        return int(info.height * rows.ratio), int(info.width * columns.ratio)

    def _sides(self, info: Info) -> tuple[Side, Side, int | None, tuple[int, ...]] | None:
        """The result's rows, columns, axis of the batch and shape; None where it is no image."""
        try:
            axes, shape = self._shape((info.height, info.width))
        except InputError:  # which the plane itself will meet, and say
            return None
        if axes.rows is None or axes.columns is None:
            return None
        return axes.rows, axes.columns, axes.batch, shape

    def outputs(self, plane: np.ndarray, info: Info) -> dict[str, np.ndarray]:
        """What the network gives for the plane (H, W, C), by name and as it gives it.

        With one axis more in front where the channels go through it one by one.
        """
        colours = plane.shape[2] - (info.alpha != "none")
        results = self._results(plane[..., :colours])
        if len(results) == 1:
            return dict(results[0])
        return {name: np.stack([one[name] for one in results]) for name in results[0]}

    def _results(
        self, plane: np.ndarray, only: str = "", finish: Any = None, around: Margins = NO_MARGINS
    ) -> list[Mapping[str, np.ndarray]]:
        """The outputs for all channels at once, or for each where the network takes one."""
        size, fixed = plane.shape[:2], self._fixed_size(plane.shape[:2])
        graph = self._graph(size)
        model = replace(self.model, graph=one_output(graph, only) if only else graph)
        prepare = partial(self._prepared, rules=self._know_rules())
        (name, *others), first = model.graph.inputs, self._images_of[0]
        further = {
            inner: self._further(outer.name, outer.channels, size)
            for inner, outer in zip(others, self._images_of[1:], strict=True)
        }
        results: list[Mapping[str, np.ndarray]] = []
        for one in self._images(np.moveaxis(plane, 2, 0), first.channels):
            inputs = {name: one, **further}
            if fixed is None:
                found = run(model, inputs, prepare=prepare, finish=finish, memory=self.memory,
                            around=around)  # fmt: skip
            else:
                inputs = {
                    key: resample(scale_to_unit(image), fixed) for key, image in inputs.items()
                }
                found = run(model, inputs, prepare=prepare, memory=self.memory)
                found = {
                    key: (finish or _as_it_is)(key, self._back(key, values, size))
                    for key, values in found.items()
                }
            results.append(found)
        return results

    @cached_property
    def _images_of(self) -> tuple[ImageInput, ...]:
        """The input that is the image, and those of `further`."""
        graph, card = self.model.graph, self.model.card
        try:
            first = image_input(graph, card)
            others = [as_image(name, graph.inputs[name]) for name in self.further]
        except InputError as problem:
            raise InputError(f"{self.model.path}: {problem}; give arrays as .npy or .npz") from None
        return (first, *(one for one in others if one))

    def _graph(self, size: tuple[int, int]) -> Graph:
        """With inputs (1, C, H, W); its sizes open where that makes no difference."""
        graph = adapt(self.model.graph, self._images_of, self.given)[0]
        fits = all(n in (None, have) for have, n in zip(size, self._images_of[0].size, strict=True))
        return graph if fits else open_sizes(graph, size) or graph

    def _fixed_size(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """The size to which an image of `size` has to be resized; None where it runs as it is."""
        shape = next(iter(self._graph(size).inputs.values()))
        wanted = tuple(n or have for n, have in zip(shape[2:], size, strict=True))
        return None if wanted == size else (wanted[0], wanted[1])

    def _margins(self, size: tuple[int, int]) -> Margins:
        """What a network without padding needs around the image to give all of it."""
        card = self.model.card
        grid = int(card.get("multiple") or 1), int(card.get("offset") or 0)
        graph = self._graph(size)
        if None not in next(iter(graph.inputs.values()))[2:]:
            return NO_MARGINS
        rows, columns = missing_pixels(graph, self.name, *grid)
        return rows // 2, columns // 2, rows - rows // 2, columns - columns // 2

    def _further(self, name: str, channels: int | None, size: tuple[int, int]) -> np.ndarray:
        """(C, H, W) of an image for a further input."""
        image = self.further[name]
        if image.shape[:2] != size:
            raise InputError(
                f"the image for '{name}' has {format_shape(image.shape[:2])} pixels (height x "
                f"width), allowed {format_shape(size)} as the image itself"
            )
        return self._images(np.moveaxis(image, 2, 0), channels)[0]

    def _planes(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The picture (K, h, w), wherever the network has its rows and columns."""
        places = self._shape(size)[0].places
        if places is None:
            raise InputError(
                f"the network's output '{self.name}' is {format_shape(values.shape)}, no image: "
                "write it to a .npy file (`output='NAME.npy'`)"
            )
        planes = np.moveaxis(values, places, (-2, -1))
        return planes.reshape(-1, *planes.shape[-2:])

    def _shape(self, size: tuple[int, int], name: str = "") -> tuple[Axes, tuple[int, ...]]:
        """An output's axes and shape for an image of this size."""
        graph, step = self._graph(size), int(self.model.card.get("multiple") or 1)
        more = int(self.model.card.get("offset") or 0)
        wide, (top, left, bottom, right) = self._fixed_size(size) or size, self._margins(size)
        needed = wide[0] + top + bottom, wide[1] + left + right
        H, W = (more + -(-max(n - more, 0) // step) * step for n in needed)
        shapes = {key: (1, shape[1] or 1, H, W) for key, shape in graph.inputs.items()}
        key = name or self.name
        return output_axes(graph, shapes)[key], infer(graph, shapes)[key]

    def _back(self, name: str, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """An image that came of a resized one, at the size of the picture."""
        axes = self._shape(size, name)[0]
        if axes.places is None or axes.rows is None or axes.columns is None:
            return values
        wanted = tuple(
            max(1, round(n * side.ratio))
            for n, side in zip(size, (axes.rows, axes.columns), strict=True)
        )
        planes = np.moveaxis(values, axes.places, (-2, -1))
        return np.moveaxis(resample(planes, (wanted[0], wanted[1])), (-2, -1), axes.places)

    def _images(self, image: np.ndarray, wanted: int | None) -> list[np.ndarray]:
        """(C, H, W) as the network takes it: as it is, grey three times, channels one by one."""
        found = len(image)
        if found == (wanted or found):
            return [image]
        if (found, wanted) == (1, 3):
            return [np.broadcast_to(image, (3, *image.shape[1:]))]
        if wanted == 1:
            return [image[c : c + 1] for c in range(found)]
        raise InputError(
            f"the image has {found} channels, the network takes {wanted} "
            "(grey is repeated for 3, channels go one by one through 1)"
        )

    def _know_rules(self) -> Mapping[str, Any]:
        """The card's prepare; InputError where it asks for what is not done here."""
        rules = self._rules("prepare")
        if unknown := sorted(set(rules) - KNOWN):
            task = self.model.card.get("task")
            raise InputError(
                f"{self.model.path} wants its input prepared ({', '.join(unknown)})"
                + (f": use imgconv {task}" if task else ": give it as .npy")
            )
        return rules

    def _prepared(self, image: np.ndarray, rules: Mapping[str, Any]) -> np.ndarray:
        """A piece (C, h, w) as float32, as the card says."""
        low, high = self._range("prepare")
        values = image.astype(np.float32)
        values *= np.float32((high - low) / white(image.dtype))
        values += np.float32(low)
        for key, operation in (("mean", np.subtract), ("std", np.divide)):
            if key in rules and np.size(rules[key]) in (1, len(values)):
                operation(values, np.asarray(rules[key], np.float32).reshape(-1, 1, 1), out=values)
        return values

    def _finish(self, name: str, values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
        """A piece of the output in the image's dtype."""
        low, high = self._range("read")
        scaled = (values - np.float32(low)) * np.float32(white(dtype) / (high - low))
        return fit(scaled, dtype)

    def _rules(self, key: str) -> Mapping[str, Any]:
        found = self.model.card.get(key) or {}
        return found if isinstance(found, dict) else {}

    def _range(self, key: str) -> tuple[float, float]:
        low, high = self._rules(key).get("range", (0.0, 1.0))
        return float(low), float(high)


def _as_it_is(_: str, values: np.ndarray) -> np.ndarray:
    return values


def scale_to_unit(image: np.ndarray) -> np.ndarray:
    """An image of any shape and type as float32, black 0 and white 1."""
    return image.astype(np.float32) / np.float32(white(image.dtype))


def resample(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(..., h, w) float32 of planes (..., H, W): linear, and smoothed where it becomes smaller.

    size: (h, w).
    """
    flat = planes.reshape(1, -1, *planes.shape[-2:]).astype(np.float32)
    sizes = [*flat.shape[:2], *size]
    (found,) = evaluate("resize", [flat], {"sizes": sizes, "mode": "linear", "antialias": True})
    return found.reshape(*planes.shape[:-2], *size)


def resize_alpha(alpha: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Alpha (H, W, 1) as (h, w, 1), for a picture of the size (h, w).

    Bilinear where no side becomes smaller, else the nearest pixels.
    """
    (H, W), (h, w) = alpha.shape[:2], size
    if (h, w) == (H, W):
        return alpha
    if h >= H and w >= W:
        factors = (Fraction(h, H), Fraction(w, W))
        return interpolate(np.ascontiguousarray(alpha), "bilinear", factors)
    rows, columns = ((np.arange(n) + 0.5) * full / n for n, full in ((h, H), (w, W)))
    return alpha[rows.astype(int)[:, None], columns.astype(int)]


def format_shape(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape) or "a single number"
