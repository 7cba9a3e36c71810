"""The step of `run`: images by planes, arrays as they are."""

# ruff: noqa: PTH122
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imgconv import doing
from imgconv.atomic import output
from imgconv.batch import Done, Item
from imgconv.engine import prepare_network
from imgconv.engine.outputs import batch_axes
from imgconv.errors import InputError
from imgconv.images import Info, open_image, show_name
from imgconv.images.array_file import SINGLE, Shapes, read_arrays
from imgconv.tasks.image_to_image import Picture, format_shape
from imgconv.text import Fact, show_text

from .operation import Operation, Result
from .planes import EachPlane

ARRAYS = (".npy", ".npz")


def kind(name: str) -> str:
    return os.path.splitext(name)[1].lower()


@dataclass(frozen=True)
class RunPlane(Operation):
    """A network as an operation."""

    picture: Picture

    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        return Result(self.picture(plane, info), self.picture.notes(plane))

    def describe(self, info: Info) -> Info:
        return self.picture.describe(info)

    def size(self, info: Info) -> tuple[int, int] | None:
        return self.picture.size(info)

    def suffix(self, found: str) -> str:
        """Without -o, arrays become arrays."""
        return ".npy" if found.lower() in ARRAYS else found


@dataclass(frozen=True, eq=False)
class RunNetwork(EachPlane):
    """The step of `run`: image to image, image to arrays, or arrays to arrays."""

    operation: RunPlane
    outputs: tuple[str, ...]  # the first goes to the target, the others to item.also

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return ("zipfile", *super().imports)

    @property
    def picture(self) -> Picture:
        return self.operation.picture

    def __call__(self, item: Item) -> Done:
        to_array = kind(item.target) == ".npy" or self.writing.format == "npy"
        if kind(item.source) in ARRAYS and to_array:
            return self._written(item, self._of_arrays(item.source))
        if to_array:
            return self._of_image(item)
        return super().__call__(item)

    def _of_arrays(self, source: str) -> dict[str, np.ndarray]:
        """The outputs for the arrays of a file; an axis added to the inputs is taken off again."""
        network, shapes = prepare_network(self.picture.model.graph), self.picture.model.graph.inputs
        inputs = self._inputs(source)
        single = [name for name in inputs if inputs[name].ndim == len(shapes[name]) - 1]
        inputs = {name: array[None] if name in single else array for name, array in inputs.items()}
        results = network(inputs)
        if not single:
            return dict(results)
        axes = batch_axes(network.graph, {n: array.shape for n, array in inputs.items()}, single)
        return {
            name: array if axes[name] is None else array.take(0, axes[name])
            for name, array in results.items()
        }

    def _inputs(self, source: str) -> dict[str, np.ndarray]:
        """The arrays of a file by the network's names, read when it is known that they fit."""
        names = list(self.picture.model.graph.inputs)

        def check(shapes: Shapes) -> None:
            if list(shapes) != [SINGLE]:
                self._check(shapes)
            elif len(names) == 1:
                self._check({names[0]: shapes[SINGLE]})
            else:
                raise InputError(
                    f"{show_name(source)}: one array for the inputs {', '.join(names)}: give an "
                    ".npz with an array for each"
                )

        found = read_arrays(source, check)
        return found if isinstance(found, dict) else {names[0]: found}

    def _check(self, found: Shapes) -> None:
        """Raises InputError where the network does not take arrays of these shapes."""
        shapes, memory = self.picture.model.graph.inputs, self.picture.memory
        if set(found) != set(shapes):
            shown = ", ".join(map(show_text, found))
            raise InputError(f"found the arrays {shown}, allowed {', '.join(shapes)}")
        whole = {
            name: (1, *shape) if len(shape) == len(shapes[name]) - 1 else shape
            for name, shape in found.items()
        }
        need = prepare_network(self.picture.model.graph).plan(whole).peak
        if need > memory:
            megabytes = -(-need // 2**20)
            raise InputError(
                f"its arrays need {megabytes} MB in the network, allowed {memory >> 20}: give "
                f"`memory={megabytes}`"
            )

    def _of_image(self, item: Item) -> Done:
        """What the network gives for each plane; of a stack one after the other."""
        with open_image(item.source, **self.reading) as source:
            seen = self.frames(source)
            doing.say("computing")
            found = [self.picture.outputs(plane, info) for plane, info in seen]
            notes = tuple(source.notes)
        if item.paged:
            targets = [item.page(number) for number in range(1, len(found) + 1)]
            for target, results in zip(targets, found, strict=True):
                self._save(target, results[self.outputs[0]])
            return Done(tuple(targets), notes)
        together = {
            name: found[0][name] if len(found) == 1 else np.stack([one[name] for one in found])
            for name in self.outputs
        }
        return self._written(item, together, notes)

    def _written(
        self, item: Item, results: Mapping[str, np.ndarray], notes: tuple[str, ...] = ()
    ) -> Done:
        names = self.outputs[: 1 + len(item.also)]
        targets = (item.target, *item.also)
        for name, target in zip(names, targets, strict=True):
            self._save(target, results[name])
        shapes = {name: list(results[name].shape) for name in names}
        said = Fact(", ".join(f"{n} {format_shape(tuple(shape))}" for n, shape in shapes.items()))
        left = [name for name in self.outputs if name not in names]
        more = (f"left out: {', '.join(left)} (write .npy for all)",) if left else ()
        return Done(targets, (*notes, said, *more), {"outputs": shapes})

    def _save(self, target: str, array: np.ndarray) -> None:
        with output(target, force=self.force, seekable=False) as file:
            np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
