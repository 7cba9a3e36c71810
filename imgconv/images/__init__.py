"""The door: files to pixels and back, nothing lost on the way.

with open_image("photo.png") as source:
    write_image("copy.png", source.planes(), source.info)
"""

from imgconv.text import SOFTWARE, shown

from .colour import is_srgb, srgb_info, to_srgb
from .depth import to_depth
from .formats import format_for, named, of_suffix
from .image import Image
from .info import Info
from .limits import MAX_PIXELS
from .marks import is_ours
from .options import WriteOptions
from .source import Source, open_image
from .target import write_image, write_images

__all__ = [
    "MAX_PIXELS", "SOFTWARE", "Image", "Info", "Source", "WriteOptions",
    "format_for", "is_ours", "is_srgb", "named", "of_suffix", "open_image", "shown", "srgb_info",
    "to_depth", "to_srgb", "write_image", "write_images",
]  # fmt: skip
