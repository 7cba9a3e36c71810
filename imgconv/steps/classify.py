"""What pictures show, and copies of them in folders by class."""

# ruff: noqa: PTH118, PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from imgconv.atomic import output
from imgconv.batch import Done, Item, Step
from imgconv.batch.running import make_folder
from imgconv.errors import InputError
from imgconv.images import open_image, show_name
from imgconv.tasks.classify.read import Classes
from imgconv.tasks.classify.run import Classifier
from imgconv.tasks.classify.scan import Look
from imgconv.threads import check_abandoned


class Seen(NamedTuple):
    """What the network is shown of each plane of a file, and what reading it said."""

    looks: tuple[Look, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ClassifyFile:
    """The step of `classify`: the likeliest classes of each plane; value: a list of Classes.

    into: the folder under which a copy of the file goes into a folder of its class's name (of a
    stack's first plane); "" for none.
    """

    imports: ClassVar = ("PIL.Image", "scipy.ndimage")  # when it works
    together: ClassVar = 32  # small images cost a network less when it sees several
    work: Classifier
    into: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False

    def __call__(self, item: Item) -> Done:
        seen = self._look(item)
        return self._read(item, seen, self._scores(seen))

    def prepare(self, items: Sequence[Item]) -> Step:
        """A step for these items, one after another, which the network has seen together."""
        seen = [self._tried(item) for item in items]
        looks = [look for one in seen if isinstance(one, Seen) for look in one.looks]
        scores = iter(self._scores(Seen(tuple(looks))))
        order = iter(seen)

        def step(item: Item) -> Done:
            one = next(order)
            if isinstance(one, Exception):
                raise one
            return self._read(item, one, list(islice(scores, len(one.looks))))

        return step

    def _tried(self, item: Item) -> Seen | Exception:
        try:
            return self._look(item)
        except Exception as error:
            return error

    def _look(self, item: Item) -> Seen:
        looks = []
        with open_image(item.source, **self.reading) as source:
            for plane in source.planes():
                check_abandoned()
                looks.append(self.work.look(plane, source.info))
            notes = tuple(source.notes)
        if not looks:
            raise InputError(f"{show_name(item.source)}: holds no image")
        return Seen(tuple(looks), notes)

    def _scores(self, seen: Seen) -> list[np.ndarray]:
        """Of each look, (N, K)."""
        check_abandoned()
        fields = [look.fields for look in seen.looks]
        ends = np.cumsum([len(one) for one in fields])
        return np.split(self.work.scores(np.concatenate(fields)), ends[:-1]) if fields else []

    def _read(self, item: Item, seen: Seen, scores: Sequence[np.ndarray]) -> Done:
        found = [self.work.read(*pair) for pair in zip(seen.looks, scores, strict=True)]
        record = found[0].record() if len(found) == 1 else {"planes": [f.record() for f in found]}
        written = (self._copy(item.source, found[0].best),) if self.into else ()
        record |= {"written": list(written)} if written else {}
        return Done(written, seen.notes, record, found)

    def _copy(self, source: str, name: str) -> str:
        """The file's copy in the folder of the class; a file that is there stays, or is refused."""
        folder = re.sub(r"[^\w.() -]+", "_", name).strip(". ") or "unnamed"
        target = os.path.join(self.into, folder, os.path.basename(source))
        data = Path(source).read_bytes()
        if Path(target).is_file() and Path(target).read_bytes() == data:
            return target
        make_folder(target)
        with output(target, force=self.force, seekable=False) as file:
            file.write(data)
        return target


def rows(source: str, found: Sequence[Classes]) -> Iterator[dict[str, Any]]:
    """A row of the table for each plane: the classes and their probabilities from left to right."""
    for number, one in enumerate(found, 1):
        row: dict[str, Any] = {"image": source, "plane": number}
        for rank, (name, probability) in enumerate(one.ranked, 1):
            end = f"_{rank}" if rank > 1 else ""
            row[f"class{end}"], row[f"probability{end}"] = name, probability
        yield row
