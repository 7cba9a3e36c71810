"""A file's bytes as a sequence that is not in memory."""

from __future__ import annotations

import os
from typing import BinaryIO


class Content:
    """The bytes of a file, read where they are asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.length = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(self.length)
        self.file.seek(begin)
        return self.file.read(max(0, end - begin))
