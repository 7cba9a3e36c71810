"""A plane encoded in bands side by side, joined by restart markers (ITU-T T.81, E.1.4).

At such a marker the coder begins anew, so the joined file decodes to the pixels of one that was
encoded as a whole. Bands are of one size whatever the threads: the same image gives the same file.
"""

from __future__ import annotations

import struct

import numpy as np

from imgconv import threads

from .segments import FRAMES, SCAN, Segments

BAND = 1 << 20  # pixels, about
MOST = 65535  # blocks between two markers
BLOCKS = {"444": (8, 8), "422": (8, 16), "420": (16, 16), "440": (16, 8), "411": (8, 32)}
DRI = b"\xff\xdd\0\4"  # the segment that says how many blocks lie between two markers


def encode(plane: np.ndarray, quality: int, subsampling: str | None) -> bytes:
    """A JPEG file of a plane (H, W) or (H, W, 3) of uint8; grey has no `subsampling`."""
    high, wide = BLOCKS[subsampling or "444"]
    across = -(-plane.shape[1] // wide)
    down = max(1, min(BAND // (across * high * wide), MOST // across))
    rows = high * down
    starts = range(0, len(plane), rows)
    parts = [b""] * len(starts)

    def work(begin: int, end: int) -> None:
        for n in range(begin, end):
            parts[n] = _encode(plane[starts[n] : starts[n] + rows], quality, subsampling)

    threads.run(work, len(starts))
    return parts[0] if len(parts) == 1 else _join(parts, len(plane), across * down)


def _encode(band: np.ndarray, quality: int, subsampling: str | None) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpeg8_encode(band, quality, subsampling=subsampling))


def _join(parts: list[bytes], height: int, interval: int) -> bytes:
    """One file of the bands' files, of which only the first one's head is kept."""
    first = Segments(parts[0])
    places = {marker: at for (marker, _), at in zip(first.all, first.starts, strict=True)}
    head = bytearray(parts[0][: places[SCAN] - 4])
    (frame,) = (at for marker, at in places.items() if marker in FRAMES)
    struct.pack_into(">H", head, frame + 1, height)
    scan = parts[0][places[SCAN] - 4 : _begin(parts[0])]
    bits = [part[_begin(part) : -2] for part in parts]  # without the end-of-image marker
    marked = [bits[0]]
    for n, more in enumerate(bits[1:]):
        marked += [bytes((0xFF, 0xD0 + n % 8)), more]
    return b"".join((head, DRI, struct.pack(">H", interval), scan, *marked, b"\xff\xd9"))


def _begin(part: bytes) -> int:
    """Where the bits of a file with one scan begin."""
    found = Segments(part)
    at = found.starts[-1]
    return at + len(found.all[-1][1])
