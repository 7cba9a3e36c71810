"""A source JPEG's quantisation, found again as a libjpeg quality or used as it is."""

from __future__ import annotations

import functools
import io

import numpy as np

from imgconv.images.formats.raster import pillow_image
from imgconv.images.info import JpegTables

# ITU-T T.81 tables K.1 and K.2, which libjpeg scales by the quality.
LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
) + (99,) * 32  # fmt: skip
SUBSAMPLING = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
PILLOW = {"444": 0, "422": 1, "420": 2}


@functools.lru_cache  # the photos of a batch are often from one camera
def quality(tables: JpegTables) -> int | None:
    """The libjpeg quality (1 to 100) that gives these tables, None if there is none."""
    luminance, *chrominance = (tables.quantisation[n] for n in tables.components)
    for number in range(100, 0, -1):
        if luminance == _scale(LUMINANCE, number):
            wanted = _scale(CHROMINANCE, number)
            return number if all(table == wanted for table in chrominance) else None
    return None


def nearest(tables: JpegTables) -> int:
    """The libjpeg quality whose table for the brightness is most like this one's."""
    luminance = np.array(tables.quantisation[tables.components[0]], float)

    def away(number: int) -> float:
        return float(np.abs(np.log(luminance / _scale(LUMINANCE, number))).sum())

    return min(range(100, 0, -1), key=away)


def subsampling(tables: JpegTables) -> str:
    """ "444", "422", "420", "440" or "411"; "444" for what is none of these."""
    if len(set(tables.sampling[1:])) > 1 or (1, 1) not in tables.sampling[1:]:
        return "444"
    return SUBSAMPLING.get(tables.sampling[0], "444")


def encode(plane: np.ndarray, tables: JpegTables) -> bytes:
    """Encode a plane (H, W, 1 or 3) with the very tables, through Pillow."""
    used = [list(tables.quantisation[n]) for n in tables.components[:2]]
    file = io.BytesIO()
    image = pillow_image(plane)
    image.save(file, "JPEG", qtables=used, subsampling=PILLOW.get(subsampling(tables), 0))
    return file.getvalue()


def _scale(table: tuple[int, ...], number: int) -> tuple[int, ...]:
    """jpeg_add_quant_table with force_baseline."""
    scale = 5000 // number if number < 50 else 200 - 2 * number
    return tuple(min(max((value * scale + 50) // 100, 1), 255) for value in table)
