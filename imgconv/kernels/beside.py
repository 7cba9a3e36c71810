"""`python -m imgconv.kernels.beside MODULE NAME`: a kernel into the cache (Kernel.warm_beside)."""

from __future__ import annotations

import sys

from imgconv import doing

from . import native

if __name__ == "__main__":
    doing.alone, native.announce = True, False
    native.Kernel(*sys.argv[1:]).warm()
