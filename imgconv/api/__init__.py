"""The door for Python: arrays or paths in, arrays or records out; see docs/python.md.

`import imgconv` has all of it, and loads it when it is used.
"""

from imgconv.steps.diff import Difference

from .arrays import Image, ImageLike, Reading
from .differences import diff
from .files import open, save
from .filters import NamedKernel, convolve, filter, named_kernels, pool, upsample
from .models import ModelLike, classify, load_model, run
from .networks import colorize, denoise, evaluate, segment
from .records import Measurements, Plate, Score, Scores, Segmentation
from .tables import measure, plate

__all__ = [
    "Difference", "Image", "ImageLike", "Measurements", "ModelLike", "NamedKernel", "Plate",
    "Reading", "Score", "Scores", "Segmentation", "classify", "colorize", "convolve", "denoise",
    "diff", "evaluate", "filter", "load_model", "measure", "named_kernels", "open", "plate",
    "pool", "run", "save", "segment", "upsample",
]  # fmt: skip
