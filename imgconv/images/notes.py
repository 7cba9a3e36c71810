"""What the user should hear of a file."""

from __future__ import annotations


class Notes(list[str]):
    """Each thing once."""

    def add(self, words: str) -> None:
        if words not in self:
            self.append(words)
