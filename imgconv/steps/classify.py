"""What pictures show, and copies of them in folders by class."""

# ruff: noqa: PTH118, PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from imgconv.atomic import output
from imgconv.batch import Done, Item
from imgconv.batch.running import check_abandoned, make_folder
from imgconv.errors import InputError
from imgconv.images import open_image, show_name
from imgconv.tasks.classify.read import Classes
from imgconv.tasks.classify.run import Classifier


@dataclass(frozen=True, eq=False)
class ClassifyFile:
    """The step of `classify`: the likeliest classes of each plane; value: a list of Classes.

    into: the folder under which a copy of the file goes into a folder of its class's name (of a
    stack's first plane); "" for none.
    """

    imports: ClassVar = ("PIL.Image", "scipy.ndimage")  # when it works
    work: Classifier
    into: str = ""
    reading: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False

    def __call__(self, item: Item) -> Done:
        with open_image(item.source, **self.reading) as source:
            found = []
            for plane in source.planes():
                check_abandoned()
                found.append(self.work(plane, source.info))
            notes = tuple(source.notes)
        if not found:
            raise InputError(f"{show_name(item.source)}: holds no image")
        record = found[0].record() if len(found) == 1 else {"planes": [f.record() for f in found]}
        written = (self._copy(item.source, found[0].best),) if self.into else ()
        return Done(written, notes, record | ({"written": list(written)} if written else {}), found)

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
