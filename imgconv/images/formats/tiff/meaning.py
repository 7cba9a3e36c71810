"""What the samples of a page stand for, and how they become what is delivered.

Delivered are light from 0 (black) to the full range of the type, and straight alpha; of few bits
and of 12, their own white is the full range. Numbers stay what they are where they are the
measurement: floats and wide integers, and what stands under a pseudo-colour table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images import colour, samples
from imgconv.images.depth import full_range
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.notes import Notes
from imgconv.text import Detail, Fact

from . import lab, tags, ycbcr
from .palette import Palette

ALPHA = {1: "premultiplied", 2: "straight"}  # the ExtraSamples tag
COLOURS = {
    "miniswhite": 1, "minisblack": 1, "mask": 1, "palette": 1, "rgb": 3, "ycbcr": 3, "separated": 4,
    **dict.fromkeys(lab.NAMES, 3),
}  # fmt: skip
DATA = "minisblack"
INKSET, CMYK = 332, 1


class Meaning:
    """What the samples of tifffile's `page` mean, whose description is of `kind`.

    `apart`: each sample is a plane of its own.
    """

    def __init__(
        self, page: Any, kind: str, apart: bool, name: str, limits: Limits, notes: Notes
    ) -> None:
        self.page, self.apart, self.name, self.limits = page, apart, name, limits
        self.photometric = tags.photometric_name(page)
        self._check()
        if self._has_other_inks():
            notes.add(
                Fact(f"{page.samplesperpixel} inks that are not CMYK are read as channels of data")
            )
            self.photometric = DATA
        self.icc = tags.block(page, tags.ICC, notes)
        self.inks = limits.inks or self.icc
        unsigned = page.dtype.kind in "ub"
        self.bits = page.bitspersample
        self.narrow = unsigned and self.bits < 16 and self.bits != 8
        self.palette = Palette(page, kind, limits) if self.photometric == "palette" else None
        self.invert = self._inverts(unsigned)
        self.extra = tuple(int(e) for e in page.extrasamples)
        self.raw_ycbcr = self.photometric == "ycbcr" and ycbcr.is_raw(page)
        self._say(notes)

    def _check(self) -> None:
        page = self.page
        if self.photometric not in COLOURS:
            raise InputError(
                f"{self.name}: a TIFF of colour space {self.photometric} cannot be processed; "
                "convert it to grey or RGB first"
            )
        if page.dtype is None:
            raise InputError(
                f"{self.name}: samples of {page.bitspersample} bit (format {page.sampleformat}) "
                "cannot be read"
            )
        if self.photometric in lab.NAMES and (
            page.samplesperpixel < 3 or page.dtype.kind not in "uf"
        ):
            raise InputError(
                f"{self.name}: {page.samplesperpixel} channels of {page.dtype} are no "
                f"{lab.NAMES[self.photometric]}, which has 3, of 8 or 16 bit or floats"
            )

    def _has_other_inks(self) -> bool:
        """Whether nothing tells which colours its inks have."""
        other = int(self.page.tags.valueof(INKSET, default=CMYK)) != CMYK
        return self.photometric == "separated" and (self.page.samplesperpixel < 4 or other)

    def _inverts(self, unsigned: bool) -> bool:
        """One bit is never inverted to measure it: which of the two is white is a matter of how
        scanners write. Numbers that are no brightness (floats, signed) are not either."""
        white_is_0 = self.photometric == "miniswhite" and unsigned and self.bits <= 16
        return white_is_0 and (self.bits == 1 or not self.limits.stored)

    def _say(self, notes: Notes) -> None:
        stored, bits = self.limits.stored, self.bits
        if self.palette:
            notes.add(self.palette.note)
        if self.photometric == "miniswhite" and not self.invert:
            notes.add(Fact("numbers are read as they stand: the file shows 0 as white"))
        if self.photometric == "separated":
            notes.add(colour.note_of_inks(self.inks, self.limits.inks is not None))
        if self.photometric in lab.NAMES:
            notes.add(Detail(f"{lab.NAMES[self.photometric]} converted to sRGB"))
        if self.narrow and bits > 1 and not stored and not self.palette:
            notes.add(Detail(f"{bits}-bit samples scaled to {8 if bits < 8 else 16} bit"))
        elif not self.palette and (said := samples.note(self._stored_type, self.limits)):
            notes.add(said)

    @property
    def _stored_type(self) -> np.dtype[Any]:
        return np.dtype(bool) if self.bits == 1 else self.page.dtype.newbyteorder("=")

    @property
    def channels(self) -> int:
        if self.apart:
            return 1
        base, delivered = COLOURS[self.photometric], COLOURS[self.photometric]
        if self.palette and not self.palette.numbers:
            delivered = 3
        if self.photometric == "separated":
            delivered = 3
        return int(self.page.samplesperpixel) - base + delivered

    @property
    def alpha(self) -> str:
        """The delivered alpha: straight, or none where the tag does not say that it is alpha, or
        samples are numbers (of wide or signed integers) that have no white to be a share of."""
        last = self.extra[-1] if self.extra and not self.apart else 0
        light = self.bits <= 16 if self.page.dtype.kind in "ub" else self.page.dtype.kind == "f"
        return "straight" if last in ALPHA and light and self.channels in (2, 4) else "none"

    def apply_to(self, info: Info) -> Info:
        """The record with what is true of the delivered samples."""
        found = f"uint{self.bits}" if self.narrow else str(self._stored_type)
        dtype = samples.delivered_dtype(self._stored_type, self.name)
        lut = self.palette.table if self.palette and self.palette.numbers else None
        return replace(
            info, dtype=dtype, channels=self.channels, alpha=self.alpha, axes="", shape=(),
            source_dtype="" if found == str(dtype) else found, lut=lut,
            icc=None if self.photometric in ("separated", *lab.NAMES) else self.icc,
        )  # fmt: skip

    def __call__(self, plane: np.ndarray) -> np.ndarray:
        """The samples (H, W, S) as they are delivered (H, W, C); not yet turned upright."""
        if self.narrow:
            plane = plane.astype(np.uint8 if self.bits <= 8 else np.uint16, copy=False)
        if self.palette:
            return self.palette(plane)
        if self.invert:
            plane = self._inverted(plane)
        if self.narrow and not self.limits.stored:
            plane = full_range(plane, self.bits)
        plane = samples.convert(plane, self.name, self.limits)
        if self.raw_ycbcr:
            plane = ycbcr.to_rgb(plane, self.page)
        if self.photometric in lab.NAMES:
            plane = lab.to_rgb(plane, self.page, self.photometric)
        if self.photometric == "separated":
            plane = colour.rgb_of_inks(plane, self.inks)
        if self.alpha == "straight" and ALPHA[self.extra[-1]] == "premultiplied":
            plane = colour.straight(plane)
        return plane

    def _inverted(self, plane: np.ndarray) -> np.ndarray:
        """White up; samples beside the brightness stay."""
        plane = plane.copy()
        plane[..., 0] = (1 << self.bits) - 1 - plane[..., 0]
        return plane
