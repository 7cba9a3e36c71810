"""Whatever libraries raise or warn about a damaged file, as the one line the user sees."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgconv.errors import ImgconvError, InputError

ODD = (AttributeError, TypeError, AssertionError, NotImplementedError)  # seldom the data's fault
PACKAGE = str(Path(__file__).parents[1])


@contextmanager
def translate_failures(name: str, what: str) -> Iterator[None]:
    """Turn every Exception within into an InputError about `name`; keep warnings quiet.

    Decoders meet damaged data in every state, and raise accordingly: IndexError, struct.error,
    zlib.error, SyntaxError (Pillow), RuntimeError (imagecodecs) and others. What may be a mistake
    of ours is not told as damage alone; a library that could not be loaded is none, and passes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImgconvError:
        raise
    except (NameError, ImportError):
        raise
    except MemoryError as error:
        raise InputError(f"{name}: not enough memory for its pixels") from error
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        reason = error.strerror or _one_line(error)
        raise InputError(f"{name}: cannot be read ({reason})") from error
    except Exception as error:
        if "start new thread" in str(error):
            raise InputError(f"{name}: no thread can be started: raise ulimit -u") from error
        if isinstance(error, ODD) and _is_ours(error):
            raise InputError(
                f"{name}: damaged {what}, or a mistake of imgconv ({_one_line(error)}); "
                "please report it with the file"
            ) from error
        raise InputError(f"{name}: damaged {what} ({_one_line(error)})") from error


def _is_ours(error: BaseException) -> bool:
    """Whether it was raised in a line of this package, not of a library that we called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(PACKAGE)


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split())[:160]
    printable = "".join(c if c.isprintable() else "?" for c in words)
    return printable or type(error).__name__
