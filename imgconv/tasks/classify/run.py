"""Pictures through a classification network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgconv import engine
from imgconv.engine import Model
from imgconv.errors import ImgconvError, InputError
from imgconv.images import Info

from ..card import Card
from .card import CLASSIFY, NONE
from .glyph import BOX, SIDE, frame
from .ink import LONGEST, ink
from .marks import Mark, cut, cuts, lines
from .prepare import grey, light, photo
from .read import Classes, Reading, rank, softmax, texts

SURE = 0.75  # of the product of both probabilities: from here on a mark is cut in two


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
        colours = light(plane, info)
        if self.card.prepare["form"] == "mnist":
            return self._read(grey(colours))
        _, channels, *size = next(iter(self.model.graph.inputs.values()))
        wanted = [n or int(self.card.prepare["size"]) for n in size]
        image = photo(colours, channels or 3, (wanted[0], wanted[1]), self.card.prepare)
        return Classes(rank(self.scores(image)[0], self.names, self.top))

    @property
    def names(self) -> list[str]:
        return list(self.card.read["classes"])

    def scores(self, images: np.ndarray) -> np.ndarray:
        """(N, C, h, w) as the network takes it -> (N, K) probabilities."""
        (name,) = self.model.graph.inputs
        results = engine.prepare_network(self.model.graph)({name: images})
        chosen = self._chosen({n: r.reshape(len(images), -1) for n, r in results.items()})
        makers = {n: node.operator for node in self.model.graph.nodes for n in node.outputs}
        found = results[chosen].reshape(len(images), -1)
        return found if makers.get(chosen) in ("softmax", "sigmoid") else softmax(found)

    def _chosen(self, results: Mapping[str, np.ndarray]) -> str:
        """The output that has a number for each class."""
        count, asked = len(self.names), str(self.card.read["output"])
        for name, found in results.items():
            if found.shape[1] == count and asked in ("", name):
                return name
        made = ", ".join(f"{name} {found.shape[1]}" for name, found in results.items())
        raise InputError(f"{count} classes are named, and the network's outputs are {made}")

    def _read(self, image: np.ndarray) -> Classes:
        """A scan (H, W): the likeliest texts, or no digit."""
        written = _as_mnist(image)
        if written is not None:
            best = rank(self.scores(written[None, None])[0], self.names, self.top)
            return Classes(best, (((0, 0, SIDE, SIDE), *best[0]),))
        small, step = _reduce(image)
        amount = ink(small)
        found = [self._readings(line, step) for line in lines(amount)] if amount is not None else []
        every = [one for line in found for one in line]
        if not every:
            return Classes(((NONE, 1.0),))
        marks = tuple((one.box, *rank(one.scores, self.names, 1)[0]) for one in every)
        if len(every) == 1 or all(name == NONE for _, name, _ in marks):
            largest = max(every, key=lambda one: one.box[2] * one.box[3])
            return Classes(rank(largest.scores, self.names, self.top), marks)
        return Classes(texts(found, self.names, NONE, self.top), marks)

    def _readings(self, line: Sequence[Mark], step: float) -> list[Reading]:
        """The marks of a line with their scores, those cut in two that read better so."""
        fields = np.stack([frame(mark.ink) for mark in line])[:, None]
        found = [
            part
            for mark, scores in zip(line, self.scores(fields), strict=True)
            for part in self._parts(mark, scores)
        ]
        return [Reading(_box(mark, step), self._doubted(scores)) for mark, scores in found]

    def _doubted(self, scores: np.ndarray) -> np.ndarray:
        """No digit is at least as likely as that the likeliest digit is wrong."""
        none = self.names.index(NONE)
        doubted = scores.copy()
        doubted[none] = max(scores[none], 1 - float(np.delete(scores, none).max()))
        return np.asarray(doubted / doubted.sum())

    def _parts(self, mark: Mark, scores: np.ndarray) -> list[tuple[Mark, np.ndarray]]:
        """The mark, or what it is cut into: two digits that touch, each of which may be two."""
        whole = [(mark, scores)]
        places = cuts(mark) if self.names[int(scores.argmax())] == NONE else []
        if not places:
            return whole
        pairs = [cut(mark, place) for place in places]
        fields = np.stack([frame(one.ink) for pair in pairs for one in pair])[:, None]
        every = self.scores(fields).reshape(len(pairs), 2, -1)
        none = self.names.index(NONE)
        sure = [float(np.delete(two, none, 1).max(1).prod()) for two in every]
        best = int(np.argmax(sure))
        if sure[best] >= SURE:
            return [(one, every[best, n]) for n, one in enumerate(pairs[best])]
        return self._ends(pairs, every, none) or whole

    def _ends(
        self, pairs: Sequence[tuple[Mark, Mark]], every: np.ndarray, none: int
    ) -> list[tuple[Mark, np.ndarray]]:
        """Three or more digits: a sure one at the left, and what the rest reads as."""
        heads = [(float(np.delete(two[0], none).max()), n) for n, two in enumerate(every)]
        for sure, n in sorted(heads, reverse=True):
            rest = pairs[n][1]
            if sure < 0.8 or int(every[n, 1].argmax()) != none:
                continue
            parts = self._parts(rest, every[n, 1])
            if all(int(scores.argmax()) != none for _, scores in parts):
                return [(pairs[n][0], every[n, 0]), *parts]
        return []


def _box(mark: Mark, step: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (
        round(n * step) for n in (mark.left + 1, mark.top + 1, mark.right - 1, mark.bottom - 1)
    )
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _reduce(image: np.ndarray) -> tuple[np.ndarray, float]:
    """A large scan made smaller, and how many of its pixels one of those is."""
    from PIL import Image

    step = max(image.shape) / LONGEST
    if step <= 1:
        return image, 1.0
    size = [max(1, round(n / step)) for n in reversed(image.shape)]
    small = Image.fromarray(np.ascontiguousarray(image, np.float32), "F")
    return np.asarray(small.resize(tuple(size), Image.Resampling.BOX)), step


def _as_mnist(image: np.ndarray) -> np.ndarray | None:
    """The image itself where it is in MNIST's form already: on black, in its box, centred."""
    if image.shape != (SIDE, SIDE):
        return None
    frame = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    rows, columns = (np.flatnonzero((image >= 0.5).any(axis)) for axis in (1, 0))
    if frame.max() > 0.3 or not len(rows):
        return None
    sizes = [int(part[-1] - part[0] + 1) for part in (rows, columns)]
    weights = image / image.sum()
    centre = [float((weights.sum(1 - axis) * (np.arange(SIDE) + 0.5)).sum()) for axis in (0, 1)]
    fits = BOX - 3 <= max(sizes) <= BOX and all(abs(c - SIDE / 2) <= 1.5 for c in centre)
    return np.ascontiguousarray(image, np.float32) if fits else None
