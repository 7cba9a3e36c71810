"""Pictures through a classification network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgconv import engine
from imgconv.engine import Model
from imgconv.errors import ImgconvError, InputError
from imgconv.images import Info
from imgconv.tasks.card import Card

from . import scan
from .card import CLASSIFY
from .glyph import SIDE
from .number import Numbers
from .prepare import grey, light, photo
from .read import Classes, rank, softmax
from .scan import Look

TOGETHER = 2**16  # numbers of the fields that the network is shown at once: 64 digits, one photo


def classifier(model: Model, classes: Sequence[str] = (), top: int = 3) -> Classifier:
    """The model with its card, or with these classes. InputError where it is no classifier."""
    rules = {key: model.card.get(key) or {} for key in ("prepare", "read")}
    card = CLASSIFY.card(rules["prepare"], rules["read"])
    if classes:
        card = replace(card, read={**card.read, "classes": list(classes)})
    try:
        CLASSIFY.check(model, card)
        return Classifier(model, card, top)
    except ImgconvError as error:
        raise type(error)(f"{model.path}: {error}") from None


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network as a function of a plane (H, W, C): its `top` likeliest classes."""

    model: Model
    card: Card
    top: int = 3

    def __call__(self, plane: np.ndarray, info: Info) -> Classes:
        seen = self.look(plane, info)
        return self.read(seen, self.scores(seen.fields))

    @property
    def names(self) -> list[str]:
        return list(self.card.read["classes"])

    def look(self, plane: np.ndarray, info: Info) -> Look:
        """What the network is shown of a plane."""
        colours = light(plane, info)
        if self.card.prepare["form"] == "mnist":
            return scan.look(grey(colours))
        _, channels, *size = next(iter(self.model.graph.inputs.values()))
        wanted = [n or int(self.card.prepare["size"]) for n in size]
        return Look(photo(colours, channels or 3, (wanted[0], wanted[1]), self.card.prepare))

    def read(self, seen: Look, scores: np.ndarray) -> Classes:
        """What its fields' scores (N, K) say."""
        if self.card.prepare["form"] != "mnist":
            return Classes(rank(scores[0], self.names, self.top))
        if not seen.lines and len(scores):
            best = rank(scores[0], self.names, self.top)
            return Classes(best, (((0, 0, SIDE, SIDE), *best[0]),))
        return Numbers(self.names, self.scores, self.top).read(seen, scores)

    def scores(self, fields: np.ndarray) -> np.ndarray:
        """(N, C, h, w) as the network takes it -> (N, K) probabilities."""
        size = 2 ** int(np.log2(max(1, TOGETHER // max(fields[:1].size, 1))))
        parts = [self._scores(fields[n : n + size]) for n in range(0, len(fields), size)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.names)), np.float32)

    def _scores(self, fields: np.ndarray) -> np.ndarray:
        (name,) = self.model.graph.inputs
        count = len(fields)
        open_axis = self.model.graph.inputs[name][0] is None
        if not open_axis and count != 1:
            return np.concatenate([self._scores(one[None]) for one in fields])
        given = _filled(fields) if open_axis else fields
        results = engine.prepare_network(self.model.graph)({name: given})
        chosen = self._chosen({n: r.reshape(len(r), -1) for n, r in results.items()})
        makers = {n: node.operator for node in self.model.graph.nodes for n in node.outputs}
        found = results[chosen].reshape(len(results[chosen]), -1)[:count]
        return found if makers.get(chosen) in ("softmax", "sigmoid") else softmax(found)

    def _chosen(self, results: Mapping[str, np.ndarray]) -> str:
        """The output that has a number for each class."""
        count, asked = len(self.names), str(self.card.read["output"])
        for name, found in results.items():
            if found.shape[1] == count and asked in ("", name):
                return name
        made = ", ".join(f"{name} {found.shape[1]}" for name, found in results.items())
        raise InputError(f"{count} classes are named, and the network's outputs are {made}")


def _filled(fields: np.ndarray) -> np.ndarray:
    """To a power of two of them, with zeros: the engine makes a plan for each number it meets."""
    count = 2 ** (len(fields) - 1).bit_length()
    return np.pad(fields, ((0, count - len(fields)), *3 * ((0, 0),)))
