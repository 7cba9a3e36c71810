"""What there is to say of a file: its images, the range of their values, and what is odd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from imgconv import doing
from imgconv.batch import Done, Item
from imgconv.images import Image, open_image

from .describe import describe
from .oddities import odd_about, odd_about_file


@dataclass(frozen=True)
class DescribeFile:
    """The step of `info`: read the file, return its record; `values`: with the range of them.

    The record is that of all planes; a file of several images has a record of each as `images`.
    """

    imports: ClassVar = ("PIL.ExifTags", "PIL.ImageCms")  # when it works
    reading: Mapping[str, Any] = field(default_factory=dict)
    values: bool = True

    def __call__(self, item: Item) -> Done:
        with open_image(item.source, **self.reading) as source:
            each = [self._record(image) for image in source.images]
            record = describe(source.info)
            record |= join_ranges(each) if self.values else {}
            odd = [*odd_about_file([image.info for image in source.images]), *_odd_of_each(each)]
            record |= {"odd": odd} if odd else {}
            record |= {"images": each} if len(each) > 1 else {}
            return Done(notes=tuple(source.notes), record=record)

    def _record(self, image: Image) -> dict[str, Any]:
        record = describe(image.info)
        if self.values:
            record |= value_range(doing.count("plane", image.planes(), image.info.planes))
        odd = odd_about(image.info, record)
        return record | ({"odd": odd} if odd else {})


def _odd_of_each(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """With the number of the image, where there are several."""
    return [
        f"image {number}: {words}" if len(records) > 1 else words
        for number, one in enumerate(records, 1)
        for words in one.get("odd", ())
    ]


def value_range(planes: Iterable[np.ndarray]) -> dict[str, Any]:
    """The smallest and largest finite value of planes of any shape, and how many are not finite.

    `min` and `max`, where there are any; `not_finite`, where it is not 0.
    """
    low, high, odd = np.inf, -np.inf, 0
    for plane in planes:
        if plane.dtype.kind == "f":
            finite = np.isfinite(plane)
            odd += plane.size - int(np.count_nonzero(finite))
            plane = plane[finite]
        if plane.size:
            low, high = min(low, plane.min().item()), max(high, plane.max().item())
    known = {"min": low, "max": high} if low <= high else {}
    return known | ({"not_finite": odd} if odd else {})


def join_ranges(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The range of several images' values."""
    known = [one for one in records if "min" in one]
    ends = known and {"min": min(o["min"] for o in known), "max": max(o["max"] for o in known)}
    odd = sum(one.get("not_finite", 0) for one in records)
    return dict(ends or {}) | ({"not_finite": odd} if odd else {})
