"""A named pipe as a file: who waits for its writer can be interrupted."""

from __future__ import annotations

import io
import os
from typing import Any

from imgconv.threads import check_abandoned

GLANCE = 200  # milliseconds from one look at whether the batch goes on to the next


class Pipe(io.RawIOBase):
    """Reads what others write into it; to open it does not wait for them."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        import select

        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        while not poll.poll(GLANCE):
            check_abandoned()
        return os.readv(self.descriptor, [buffer])

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        super().close()
