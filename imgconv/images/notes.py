"""What the user should hear of a file."""

from __future__ import annotations

from imgconv.text import Detail

LOOK = "look for a whole copy of the file"
TRUNCATED = f"truncated: the missing part is black; {LOOK}"
PROFILE_DROPPED = (
    "the colour profile is damaged and was dropped: look whether the colours are right"
)
BITS = Detail("1-bit samples became 0 and 255 in 8 bit")


class Notes(list[str]):
    """Each thing once."""

    def add(self, words: str) -> None:
        if words not in self:
            self.append(words)
