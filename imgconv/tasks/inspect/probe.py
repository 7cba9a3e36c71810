"""A network that can be asked for the value of any layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from imgconv.engine import Model, Network
from imgconv.engine.fields import image_input, part
from imgconv.errors import InputError, UsageError
from imgconv.images import Info
from imgconv.tasks.classify.prepare import grey, light

SIDE = 256  # pixels of an open side, where there is no image


@dataclass(frozen=True, eq=False)
class Probe:
    """A model and an image as it takes it: inputs by name, (1, C, h, w) each."""

    model: Model
    inputs: dict[str, np.ndarray]

    @property
    def image(self) -> np.ndarray:
        """(1, C, h, w), what the network sees."""
        return self.inputs[image_input(self.model.graph)]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of what it sees."""
        return self.image.shape[2], self.image.shape[3]

    def cut(self, window: tuple[slice, slice]) -> Probe | None:
        """The probe of a part of the image; None where the network takes no such size."""
        sizes = self.model.graph.inputs.values()
        if any(None not in size[2:] for size in sizes if len(size) == 4):
            return None
        inputs = {n: a[:, :, *window] if a.ndim == 4 else a for n, a in self.inputs.items()}
        return Probe(self.model, {n: np.ascontiguousarray(a) for n, a in inputs.items()})

    def layer(self, name: str) -> str:
        """The value of a layer by its name, or by its own. UsageError names some that there are."""
        nodes = self.model.graph.nodes
        for node in nodes:
            if name in (node.outputs[0], node.name):
                return node.outputs[0]
        some = ", ".join((node.name or node.outputs[0]) for node in nodes[:8])
        raise UsageError(
            f"there is no layer '{name}'; layers are {some}, ... (`show='layers'` names all)"
        )

    def values(self, names: Sequence[str], image: np.ndarray | None = None) -> list[np.ndarray]:
        """The values of these names, of the image or of others (N, C, h, w) in its place."""
        network = self._network(tuple(names))
        given = dict(self.inputs)
        if image is not None:
            batch = {n: a.repeat(len(image), 0) for n, a in given.items() if a.ndim == 4}
            given |= {**batch, image_input(self.model.graph): image}
        given = {name: array for name, array in given.items() if name in network.graph.inputs}
        found = network(given)
        return [found[name] for name in names]

    @cached_property
    def _networks(self) -> dict[tuple[str, ...], Network]:
        return {}

    def _network(self, names: tuple[str, ...]) -> Network:
        if names not in self._networks:
            graph = part(self.model.graph, names)
            self._networks[names] = Network(graph)
        return self._networks[names]


def probe(model: Model, plane: np.ndarray | None = None, info: Info | None = None) -> Probe:
    """The model with an image (H, W, C) as its input; without one, with noise."""
    shapes = model.graph.inputs
    main = image_input(model.graph)
    if not main:
        raise InputError(f"{model.path}: takes no image, so there is nothing to look at")
    step, more = int(model.card.get("multiple") or 1), int(model.card.get("offset") or 0)
    if plane is None or info is None:
        wanted = tuple(n or more + -(-(SIDE - more) // step) * step for n in shapes[main][2:])
        image = np.random.default_rng(0).random((*wanted, 3), np.float32)
    else:
        image = light(plane, info)
    size = tuple(
        n or more + -(-max(have - more, 1) // step) * step
        for n, have in zip(shapes[main][2:], image.shape, strict=False)
    )
    return Probe(model, {n: _input(model, image, s, size) for n, s in shapes.items()})


def _input(
    model: Model, image: np.ndarray, shape: tuple[int | None, ...], size: tuple[int, ...]
) -> np.ndarray:
    """An image (H, W, 1 or 3), white 1, as an input of this shape wants it."""
    if len(shape) != 4:
        return np.zeros([n or 1 for n in shape], np.float32)
    rules: Any = model.card.get("prepare") or {}
    if rules.get("form") == "mnist":
        return _digit(image)
    if model.card.get("task") == "segment":
        return _field_of_cells(image, rules, size)
    channels = shape[1] or image.shape[2]
    planes = [image[..., c] for c in range(image.shape[2])] if channels > 1 else [grey(image)]
    planes = (planes * channels)[:channels]
    high, wide = (n or have for n, have in zip(shape[2:], size, strict=True))
    values = np.stack([_fitted(one, (high, wide)) for one in planes])
    if "range" in rules:
        low, top = rules["range"]
        values = values * np.float32(top - low) + np.float32(low)
    for key, operation in (("mean", np.subtract), ("std", np.divide)):
        if rules.get(key) is not None and np.size(rules[key]) in (1, channels):
            values = operation(values, np.asarray(rules[key], np.float32).reshape(-1, 1, 1))
    return np.ascontiguousarray(values[None], np.float32)


def _digit(image: np.ndarray) -> np.ndarray:
    """The largest mark, in MNIST's form."""
    from imgconv.tasks.classify.glyph import frame
    from imgconv.tasks.classify.ink import ink
    from imgconv.tasks.classify.marks import lines

    amount = ink(grey(image))
    marks = [mark for line in (lines(amount) if amount is not None else []) for mark in line]
    if not marks:
        return _fitted(grey(image), (28, 28))[None, None]
    return frame(max(marks, key=lambda mark: mark.size).ink)[None, None]


def _field_of_cells(image: np.ndarray, rules: Any, size: tuple[int, ...]) -> np.ndarray:
    """As segment shows it to its networks, at the levels of the canvas."""
    from imgconv.tasks.segment.card import PREPARE
    from imgconv.tasks.segment.prepare import prepare

    planes = np.stack([_fitted(image[..., c], size) for c in range(image.shape[2])], 2)
    return prepare(planes, {**PREPARE, **rules})[None]


def _fitted(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(H, W) at a size: continued by reflection where that is a little more, else resized."""
    H, W = values.shape
    if tuple(size) == (H, W):
        return values
    if all(0 <= n - have < min(have, 64) for n, have in zip(size, (H, W), strict=True)):
        return np.pad(values, ((0, size[0] - H), (0, size[1] - W)), "reflect")
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values, np.float32), "F")
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
