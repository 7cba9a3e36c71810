"""Label images matched with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgconv.batch import Done, Item
from imgconv.images import show_name
from imgconv.tasks.labels.match import Match, match
from imgconv.tasks.labels.truth import doubt, label_planes


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
        notes = tuple(f"{show_name(name)}: {said}" for name, said in doubts.items() if said)
        return Done(notes=notes, value=named)

    def _match(self, labels: str, truth: str) -> tuple[list[Match], dict[str, str]]:
        """A match of each plane, and the first thing that is odd about each file."""
        found: list[Match] = []
        doubts = {labels: "", truth: ""}
        for mine, theirs in label_planes(labels, truth, self.reading):
            found.append(match(mine, theirs))
            doubts[labels] = doubts[labels] or doubt(mine)
            doubts[truth] = doubts[truth] or doubt(theirs)
        return found, doubts
