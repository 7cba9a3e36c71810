"""A picture through any network: channels and values as it takes them, a picture again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from imgconv.engine import Model, run
from imgconv.engine.runner import MEMORY
from imgconv.engine.shapes import infer
from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.ops.alpha import fit, white, with_alpha
from imgconv.ops.interpolation import interpolated

KNOWN = {"range", "mean", "std"}  # keys of a card's `prepare` that are followed here


@dataclass(frozen=True, eq=False)
class Picture:
    """A network as a pure function of a plane (H, W, C); `result` names one of its outputs.

    Black and white are 0 and 1 to the network, or the card's prepare = {"range": [low, high],
    "mean": [...], "std": [...]} and, of its output, read = {"range": [low, high]}. memory: bytes
    that its values may take; larger images are done in tiles.
    """

    model: Model
    result: str = ""
    memory: int = MEMORY

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
        """The plane's picture, in its dtype; alpha comes along unchanged, or enlarged."""
        colours = plane.shape[2] - (info.alpha != "none")
        finish = partial(self._finished, dtype=plane.dtype)
        results = [one[self.name] for one in self._results(plane[..., :colours], finish)]
        values = np.concatenate(results) if len(results) > 1 else results[0]
        picture = np.ascontiguousarray(np.moveaxis(values, 0, 2))
        if colours == plane.shape[2]:
            return picture
        return with_alpha(picture, resized(plane[..., colours:], picture.shape[:2]))

    def describe(self, info: Info) -> Info:
        """The record of the result: pixels of another size, colours of another number."""
        graph, step = self.model.graph, int(self.model.card.get("multiple") or 1)
        H, W = (n + -n % step for n in (info.height, info.width))
        shapes = {name: (1, shape[1] or 1, H, W) for name, shape in graph.inputs.items()}
        try:
            found = infer(graph, shapes)[self.name]
        except InputError:  # which the plane itself will meet, and say
            return info
        if len(found) == 4 and found[2:] != (H, W):
            info = info.scaled(found[2] / H, found[3] / W)
        grey = info.channels - (info.alpha != "none") == 1
        changed = len(found) == 4 and found[1] > 1 and grey
        return replace(info, icc=None) if changed else info

    def outputs(self, plane: np.ndarray, info: Info) -> dict[str, np.ndarray]:
        """What the network gives for the plane, as it gives it."""
        colours = plane.shape[2] - (info.alpha != "none")
        results = self._results(plane[..., :colours])
        if len(results) == 1:
            return dict(results[0])
        return {name: np.stack([one[name] for one in results]) for name in results[0]}

    def _results(self, plane: np.ndarray, finish: Any = None) -> list[Mapping[str, np.ndarray]]:
        """The outputs for all channels at once, or for each where the network takes one."""
        (name, shape), *others = self.model.graph.inputs.items()
        if others or len(shape) != 4:
            raise InputError(
                f"{self.model.path} takes no image, but arrays of shape {described(shape)}"
                f"{f' and {len(others)} more' if others else ''}: give them as .npy or .npz"
            )
        self._check_size(plane.shape[:2], shape[2:])
        prepare = partial(self._prepared, rules=self._known_rules())
        return [
            run(self.model, {name: one}, prepare=prepare, finish=finish, memory=self.memory)
            for one in self._images(np.moveaxis(plane, 2, 0), shape[1])
        ]

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

    def _check_size(self, found: tuple[int, ...], wanted: tuple[int | None, ...]) -> None:
        if any(n not in (None, have) for have, n in zip(found, wanted, strict=True)):
            raise InputError(
                f"the image has {described(found)} pixels (height x width), the network takes "
                f"{described(wanted)}: resize it, or import the network with --size any"
            )

    def _known_rules(self) -> Mapping[str, Any]:
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
            if key in rules:
                operation(values, np.asarray(rules[key], np.float32).reshape(-1, 1, 1), out=values)
        return values

    def _finished(self, name: str, values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
        """A piece (K, h, w) of the output in the image's dtype; nothing of other outputs."""
        if name != self.name:
            return values[:0]
        if values.ndim != 3:
            raise InputError(
                f"the network's output '{name}' is {described(values.shape)}, no image: write it "
                "to a .npy file (-o NAME.npy)"
            )
        low, high = self._range("read")
        scaled = (values - np.float32(low)) * np.float32(white(dtype) / (high - low))
        return fit(scaled, dtype)

    def _rules(self, key: str) -> Mapping[str, Any]:
        found = self.model.card.get(key) or {}
        return found if isinstance(found, dict) else {}

    def _range(self, key: str) -> tuple[float, float]:
        low, high = self._rules(key).get("range", (0.0, 1.0))
        return float(low), float(high)


def resized(alpha: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Alpha (H, W, 1) for a picture of another size."""
    (H, W), (h, w) = alpha.shape[:2], size
    if (h, w) == (H, W):
        return alpha
    if h >= H and w >= W:
        factors = (Fraction(h, H), Fraction(w, W))
        return interpolated(np.ascontiguousarray(alpha), "bilinear", factors)
    rows, columns = ((np.arange(n) + 0.5) * full / n for n, full in ((h, H), (w, W)))
    return alpha[rows.astype(int)[:, None], columns.astype(int)]


def described(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape) or "a single number"
