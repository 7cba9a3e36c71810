"""The segments of a JPEG file: ITU-T T.81, annex B."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, END, LINES = 0xDA, 0xD9, 0xDC  # SOS, EOI, DNL
ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without length: TEM, RSTn, SOI
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within entropy-coded data: not stuffed, not RST


class Segments:
    """Marker and content of each segment up to the end of the image, and what stands behind it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.all: list[tuple[int, memoryview]] = []
        self.starts: list[int] = []  # where the content of each is in the file
        self.ended = False  # whether the end-of-image marker was reached
        self.behind = b""  # what follows it
        self._walk()

    def _walk(self) -> None:
        view, at = memoryview(self.data), 2
        while at + 2 <= len(view):
            marker = view[at + 1]
            if view[at] != 0xFF or marker in (0, 0xFF):  # junk, as libjpeg skips it
                found = self.data.find(b"\xff", at + 1)
                at = found if found > 0 else len(view)
                continue
            if marker == END:
                self.ended, self.behind = True, self.data[at + 2 :]
                return
            if marker in ALONE:
                at += 2
                continue
            if at + 4 > len(view):
                return
            (length,) = struct.unpack_from(">H", view, at + 2)
            self.all.append((marker, view[at + 4 : at + 2 + length]))
            self.starts.append(at + 4)
            at += 2 + max(length, 2)
            if marker == SCAN:
                after = MARKER.search(self.data, at)
                if after is None:
                    return
                at = after.start()

    def of(self, *markers: int) -> Iterator[memoryview]:
        """The content of all segments of these kinds."""
        return (content for marker, content in self.all if marker in markers)

    def app(self, marker: int, prefix: bytes) -> list[bytes]:
        """What follows the prefix in all segments that begin with it."""
        begins = len(prefix)
        return [bytes(s[begins:]) for s in self.of(marker) if s[:begins] == prefix]

    def with_height(self) -> tuple[bytes, int]:
        """The file and its height, which a frame may leave to a segment behind the first scan."""
        frame = next(n for n, (marker, _) in enumerate(self.all) if marker in FRAMES)
        lines = next(self.of(LINES), memoryview(b""))
        (height,) = struct.unpack_from(">H", self.all[frame][1], 1)
        if height or len(lines) != 2:
            return self.data, height
        at = self.starts[frame] + 1
        return self.data[:at] + bytes(lines) + self.data[at + 2 :], int.from_bytes(lines, "big")

    def has_all_scans(self) -> bool:
        """Whether scans bring every coefficient of every component to its last bit."""
        frame = next(self.of(*FRAMES))
        wanted = {(frame[6 + 3 * n], k) for n in range(frame[5]) for k in range(64)}
        for scan in self.of(SCAN):
            count = scan[0] if len(scan) else 0
            if len(scan) < 4 + 2 * count:
                return False
            first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
            if not bits & 15:
                parts = (scan[1 + 2 * n] for n in range(count))
                wanted -= {(part, k) for part in parts for k in range(first, last + 1)}
        return not wanted
