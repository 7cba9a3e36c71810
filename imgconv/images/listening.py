"""What libraries log about a file, heard by whoever reads it instead of the terminal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE = logging.NullHandler()


def is_heard(level: int) -> bool:
    return level >= logging.WARNING


@contextmanager
def listening(name: str) -> Iterator[list[str]]:
    """What the library of this name logs in this thread; nothing of it reaches the terminal."""
    logger, heard, here = logging.getLogger(name), [], threading.get_ident()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                heard.append(record.getMessage())

    ear = Ear()
    logger.addHandler(SILENCE)
    logger.addHandler(ear)
    logger.propagate = logger.disabled = False
    logger.isEnabledFor = is_heard  # type: ignore[method-assign]  # whatever the program around set
    try:
        yield heard
    finally:
        logger.removeHandler(ear)
