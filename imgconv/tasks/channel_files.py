"""Files of one field of view, one a channel, as one image with channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from imgconv.errors import InputError
from imgconv.images import Image, Source
from imgconv.images.info import Info

from .positions import Positions


def join_channels(sources: Sequence[Source], names: Sequence[str]) -> Positions:
    """The images of all sources as one, whose channels are called `names`.

    Raises InputError unless all have one channel, and the same size and axes.
    """
    first = sources[0]
    for other in sources:
        one, two = _shape(first.info), _shape(other.info)
        if one != two or other.info.channels > 1:
            raise InputError(
                f"{first.name} and {other.name} are no channels of one image: {one[0]} {one[1]} "
                f"and {two[0]} {two[1]}"
            )
    count = len(sources)
    axes, shape = f"{first.info.axes}S", (*first.info.shape, count)
    info = replace(first.info, channels=count, axes=axes, shape=shape)
    image = Image(info, lambda: _planes(sources))
    return Positions(first.name, (image,), info, channels=tuple(names))


def _shape(info: Info) -> tuple[str, tuple[int, ...], str]:
    return info.axes, info.shape, str(info.dtype)


def _planes(sources: Sequence[Source]) -> Iterator[np.ndarray]:
    for planes in zip(*(source.planes() for source in sources), strict=True):
        yield np.concatenate(planes, axis=2)
