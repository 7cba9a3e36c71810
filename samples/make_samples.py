"""Makes every sample picture of this folder: python samples/make_samples.py [FOLDER].

NumPy, SciPy, Pillow and tifffile, fixed seeds, no photo and no data set: the same pixels each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from recipes.cells import PIXEL_UM, make_field
from recipes.chart import make_chart, make_checker
from recipes.grainy import make_grainy
from recipes.lake import make_lake
from recipes.leaf import make_leaf
from recipes.reticle import make_reticle
from recipes.still_life import make_still_life
from recipes.timelapse import MINUTES, make_timelapse
from recipes.writing import make_digit, make_number

JPEG = {"quality": 92, "subsampling": 0, "optimize": True}
# Without a predictor: ImageJ before 1.53v, Debian's among them, shows its differences as noise.
ZIP = {"compression": "zlib", "compressionargs": {"level": 9}}
PER_UM = {"resolution": (1 / PIXEL_UM, 1 / PIXEL_UM)}
FIELDS = {  # seed, nuclei thrown in, their radius in pixels, brightness in electrons
    "field-1": (1, 75, 17.0, 900.0),
    "field-2": (2, 190, 11.5, 150.0),
}


def lake(folder: Path) -> None:
    picture = Image.fromarray(make_lake())
    picture.save(folder / "lake.png", optimize=True)
    Image.fromarray(make_grainy(picture)).save(folder / "grainy.png", optimize=True)


def fruit(folder: Path) -> None:
    Image.fromarray(make_still_life()).save(folder / "fruit.jpg", **JPEG)


def leaf(folder: Path) -> None:
    Image.fromarray(make_leaf()).save(folder / "leaf.png", optimize=True)


def charts(folder: Path) -> None:
    Image.fromarray(make_chart()).save(folder / "chart.png", optimize=True)
    Image.fromarray(make_checker()).save(folder / "checker-small.png", optimize=True)


def writing(folder: Path) -> None:
    Image.fromarray(make_digit()).save(folder / "digit.png", optimize=True)
    Image.fromarray(make_number()).save(folder / "number.png", optimize=True)


def cells(folder: Path) -> None:
    (folder / "cells" / "truth").mkdir(parents=True, exist_ok=True)
    for name, (seed, count, radius, bright) in FIELDS.items():
        image, labels = make_field(seed, count, radius, bright)
        _write_imagej(folder / "cells" / f"{name}.tif", image)
        _write_imagej(folder / "cells" / "truth" / f"{name}.tif", labels)
        if name == "field-1":
            make_reticle(image).save(folder / "cells" / "reticle.png", optimize=True)


def timelapse(folder: Path) -> None:
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    metadata = {
        "axes": "TCYX",
        "PhysicalSizeX": PIXEL_UM,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": PIXEL_UM,
        "PhysicalSizeYUnit": "µm",
        "TimeIncrement": MINUTES,
        "TimeIncrementUnit": "min",
        "Channel": {"Name": ["nuclei", "cytoplasm"]},
        "UUID": "6c1f3c5e-7b7e-4d0c-9a34-5a0f6d2b9e11",  # fixed: the same file each time
    }
    target = folder / "cells" / "timelapse.ome.tif"
    tifffile.imwrite(target, make_timelapse(), ome=True, metadata=metadata, **ZIP)


def _write_imagej(target: Path, image: np.ndarray) -> None:
    tifffile.imwrite(
        target, image, imagej=True, metadata={"unit": "um", "axes": "YX"}, **PER_UM, **ZIP
    )


RECIPES: dict[Callable[[Path], None], tuple[str, ...]] = {
    fruit: ("fruit.jpg",),
    lake: ("lake.png", "grainy.png"),
    leaf: ("leaf.png",),
    cells: (
        *(f"cells/{name}.tif" for name in FIELDS),
        *(f"cells/truth/{name}.tif" for name in FIELDS),
        "cells/reticle.png",
    ),
    timelapse: ("cells/timelapse.ome.tif",),
    writing: ("digit.png", "number.png"),
    charts: ("chart.png", "checker-small.png"),
}
"""What makes a sample, and the files that it writes below the folder."""
SAMPLES = tuple(name for names in RECIPES.values() for name in names)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        for work in [pool.submit(recipe, folder) for recipe in RECIPES]:
            work.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
