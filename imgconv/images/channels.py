"""What an image's metadata call its channels."""

from __future__ import annotations

import re

from .info import Info
from .metadata import imagej


def names_in(info: Info, count: int) -> list[str]:
    """The names that OME or ImageJ give the channels, where there is one for each."""
    if info.tiff is None or count < 2:
        return []
    if info.tiff.kind == "imagej":
        return imagej.channel_names(info.tiff, count)
    return _of_ome(info.tiff.description, count) if info.tiff.kind == "ome" else []


def _of_ome(text: str, count: int) -> list[str]:
    import html  # seldom needed: images/formats/tiff names it

    image = text.partition("</Image>")[0]
    tags = re.findall(r"<(?:\w+:)?Channel\b[^>]*>", image)
    found = [re.search(r"""\bName=["']([^"']+)""", tag) for tag in tags]
    names = [html.unescape(name[1]) for name in found if name]
    return names if len(names) == count else []
