"""The door: files to pixels and back, nothing lost on the way.

with open_image("photo.png") as source:
    write_image("copy.png", source.planes(), source.info)
"""

from imgconv.text import SOFTWARE, show_name

from .colour import is_srgb, srgb_info, to_srgb
from .depth import to_depth
from .formats import find_format, folder_format, format_for, is_url, of_suffix
from .image import Image
from .info import Info
from .limits import MAX_PIXELS
from .marks import is_ours
from .options import WriteOptions
from .source import Source, open_image
from .target import write_image, write_images

__all__ = [
    "MAX_PIXELS",
    "SOFTWARE",
    "Image",
    "Info",
    "Source",
    "WriteOptions",
    "find_format",
    "folder_format",
    "format_for",
    "is_ours",
    "is_srgb",
    "is_url",
    "of_suffix",
    "open_image",
    "show_name",
    "srgb_info",
    "to_depth",
    "to_srgb",
    "write_image",
    "write_images",
]  # fmt: skip
