"""imgconv: convolutional image tools on compiled CPU kernels, for the shell and for Python.

>>> import imgconv, numpy as np
>>> imgconv.filter(np.eye(3, dtype=np.float32), "identity").trace()
np.float32(3.0)
"""

TYPE_CHECKING = False  # typing's own would be an import
if TYPE_CHECKING:
    from .api import (
        Difference,
        Image,
        Measurements,
        NamedKernel,
        Plate,
        Score,
        Scores,
        Segmentation,
        classify,
        colorize,
        convolve,
        denoise,
        diff,
        evaluate,
        filter,
        load_model,
        measure,
        named_kernels,
        open,
        plate,
        pool,
        run,
        save,
        segment,
        upsample,
    )
    from .errors import ImgconvError, InputError, OutputError, UsageError

__version__ = "0.1.0"
__all__ = [
    "Difference", "Image", "ImgconvError", "InputError", "Measurements", "NamedKernel",
    "OutputError", "Plate", "Score", "Scores", "Segmentation", "UsageError", "classify", "colorize",
    "convolve", "denoise", "diff", "evaluate", "filter", "load_model", "measure", "named_kernels",
    "open", "plate", "pool", "run", "save", "segment", "upsample",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """The names of `imgconv.api` and the errors, imported at their first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(".errors" if name.endswith("Error") else ".api", __name__)
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
