"""Whatever libraries raise or warn about a damaged file, as the one line the user sees."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from imgconv.errors import ImgconvError, InputError


@contextmanager
def translate_failures(name: str, what: str) -> Iterator[None]:
    """Turn every Exception within into an InputError about `name`; keep warnings quiet.

    Decoders meet damaged data in every state, and raise accordingly: IndexError, struct.error,
    zlib.error, SyntaxError (Pillow), RuntimeError (imagecodecs) and others.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImgconvError:
        raise
    except MemoryError as error:
        raise InputError(f"{name}: not enough memory for its pixels") from error
    except OSError as error:
        reason = error.strerror or _one_line(error)
        raise InputError(f"{name}: cannot be read ({reason})") from error
    except Exception as error:
        raise InputError(f"{name}: damaged {what} ({_one_line(error)})") from error


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split())[:160]
    printable = "".join(c if c.isprintable() else "?" for c in words)
    return printable or type(error).__name__
