"""How much a file may ask for before it is refused, and as what its numbers are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgconv.errors import InputError

Values = Literal["shown", "described", "measured", "labels"]
"""What numbers are wanted: those that viewers show, with colour tables looked up, white up and the
range filled; the same to be described, integers of any width as they are; those that were measured,
which are behind ImageJ's colour tables and inversion; numbers of objects, which are behind every
colour table."""

Palette = Literal["auto", "numbers", "colours"]
"""Of an image of numbers with a colour table: which of the two it is."""

MAX_PIXELS = 1_000_000_000  # of one plane; 3 GB of 8-bit RGB
USUAL_SAMPLES = 4  # of a pixel; what a pixel has beyond them counts as more pixels
FILLED = 64  # times as long as what is there may a truncated file become
SLACK = 1 << 20  # bytes that any file may be filled up by
METADATA = 64 << 20  # bytes that the texts, tags and profiles of one file may take


@dataclass(frozen=True)
class Limits:
    """What may be read of a file, and how."""

    max_pixels: int = MAX_PIXELS
    allow_truncated: bool = False
    allow_rounding: bool = False  # of wide integers to float32
    values: Values = "shown"
    palette: Palette = "auto"
    channels: str = ""  # of an array: "grey" "greya" "rgb" "rgba"; "" for data without alpha
    inks: bytes | None = None  # the colour profile of CMYK, in place of the file's own

    @property
    def stored(self) -> bool:
        """Whether numbers are wanted as they stand in the file."""
        return self.values not in ("shown", "described")

    def check(self, name: str, height: int, width: int, samples: int = 1) -> None:
        """Refuse an empty plane, and one that is larger than the limit; a pixel of more than
        `USUAL_SAMPLES` samples counts as several."""
        if height < 1 or width < 1:
            raise InputError(f"{name}: the image is empty ({width}x{height} pixels)")
        if height * width > self.max_pixels:
            raise InputError(
                f"{name}: {width}x{height} is {height * width:,} pixels, the limit is "
                f"{self.max_pixels:,}; raise it with `max_pixels={height * width}`"
            )
        counted = height * width * samples // USUAL_SAMPLES
        if samples > USUAL_SAMPLES and counted > self.max_pixels:
            raise InputError(
                f"{name}: {width}x{height} pixels of {samples} samples take as much as "
                f"{counted:,} pixels, the limit is {self.max_pixels:,}; raise it with "
                f"`max_pixels={counted}`"
            )

    def refuse_truncated(self, name: str, format_name: str) -> None:
        if not self.allow_truncated:
            raise InputError(
                f"{name}: truncated {format_name}, the file ends before the image does; "
                "get a whole copy, or take what is readable with `allow_truncated=True`"
            )

    def check_held(self, name: str, format_name: str, needed: int, held: int) -> bool:
        """Whether a file that needs so many bytes is to be filled up: refused where next to nothing
        is left, which `allow_truncated` does not change, and where truncated ones are."""
        if held >= needed:
            return False
        if needed > FILLED * held + SLACK:
            raise InputError(
                f"{name}: damaged {format_name}: it holds {held:,} of the {needed:,} bytes that "
                "its header promises, too little to be filled up"
            )
        self.refuse_truncated(name, format_name)
        return True


class Room:
    """Bytes that something may still take of a file's share."""

    def __init__(self, size: int = METADATA) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        """Whether there was room for it."""
        fits = size <= self.left
        self.left -= size if fits else 0
        return fits
