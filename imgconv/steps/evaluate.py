"""Label images matched with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgconv import doing
from imgconv.batch import Done, Item
from imgconv.images import open_image, show_name
from imgconv.tasks.labels.match import Match, match
from imgconv.tasks.labels.truth import doubt, doubt_of_file, planes_together


@dataclass(frozen=True)
class MatchLabels:
    """The step: matches the planes of a label file with those of the truth (item.also).

    `value` of what it returns: the name and the Match of each plane.
    """

    reading: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, item: Item) -> Done:
        found, doubts = self._match(item.source, item.also[0])
        several = len(found) > 1
        named = [
            (f"{item.source}:{n}" if several else item.source, one)
            for n, one in enumerate(found, 1)
        ]
        mine, true = (doubts[path] for path in (item.source, item.also[0]))
        truth = (f"the truth, {show_name(item.also[0])}: {true}",) if true else ()
        notes = (*((mine,) if mine else ()), *truth)
        return Done(notes=notes, value=named)

    def _match(self, labels: str, truth: str) -> tuple[list[Match], dict[str, str]]:
        """A match of each plane, and the first thing that is odd about each file."""
        found: list[Match] = []
        with open_image(labels, **self.reading) as mine, open_image(truth, **self.reading) as true:
            doubts = {labels: doubt_of_file(mine), truth: doubt_of_file(true)}
            types = [one.info.source_dtype or str(one.info.dtype) for one in (mine, true)]
            doing.say("comparing")
            for pair in doing.count("plane", planes_together(mine, true), mine.info.planes):
                found.append(match(*pair))
                for name, plane, dtype in zip((labels, truth), pair, types, strict=True):
                    doubts[name] = doubts[name] or doubt(plane, dtype)
        return found, doubts
