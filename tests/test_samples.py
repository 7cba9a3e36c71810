"""The committed sample pictures are what their script makes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

SAMPLES = Path(__file__).parent.parent / "samples"
sys.path.insert(0, str(SAMPLES))
import make_samples  # noqa: E402


def levels_apart(a: np.ndarray, b: np.ndarray) -> int:
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def pixels(path: Path) -> np.ndarray:
    return tifffile.imread(path) if path.suffix == ".tif" else np.asarray(Image.open(path))


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(one, marks=[pytest.mark.long] if one is make_samples.lake else [])
        for one in make_samples.RECIPES
        if one is not make_samples.fruit
    ],
)
def test_the_script_makes_the_committed_pixels(recipe, tmp_path):
    recipe(tmp_path)
    made = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert made == set(make_samples.RECIPES[recipe])
    for name in made:
        assert levels_apart(pixels(tmp_path / name), pixels(SAMPLES / name)) <= 1, name


def test_the_script_makes_the_committed_still_life_in_every_fifth_band():
    """JPEG at 4:4:4 codes blocks of 8x8 alone, so a band of 32 rows decodes as in the whole."""
    height = make_samples.make_still_life.__globals__["BAND"]
    tops = range(32, 512, 5 * height)
    file = io.BytesIO()
    Image.fromarray(make_samples.make_still_life(tops)).save(file, "jpeg", **make_samples.JPEG)
    whole = pixels(SAMPLES / "fruit.jpg")
    committed = np.concatenate([whole[top : top + height] for top in tops])
    assert levels_apart(np.asarray(Image.open(file)), committed) <= 1


def test_the_truth_labels_are_numbered_without_gaps_and_each_is_one_piece():
    for name in make_samples.FIELDS:
        labels = pixels(SAMPLES / "cells" / "truth" / f"{name}.tif")
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
        pieces = [ndimage.label(labels == i)[1] for i in range(1, labels.max() + 1)]
        assert pieces == [1] * labels.max()


def test_the_nuclei_of_the_truth_are_brighter_than_the_rest_of_their_field():
    for name in make_samples.FIELDS:
        field = pixels(SAMPLES / "cells" / f"{name}.tif").astype(float)
        inside = pixels(SAMPLES / "cells" / "truth" / f"{name}.tif") > 0
        assert np.median(field[inside]) > 1.5 * np.median(field[~inside])


def test_the_cell_files_carry_axes_and_pixel_size():
    with tifffile.TiffFile(SAMPLES / "cells" / "field-1.tif") as file:
        page = file.pages.first
        assert file.imagej_metadata["unit"] == "um"
        across, pixels_ = page.tags["XResolution"].value
        assert pixels_ / across == pytest.approx(0.325, rel=1e-5)
    with tifffile.TiffFile(SAMPLES / "cells" / "timelapse.ome.tif") as file:
        assert file.series[0].axes == "TCYX"
        assert file.series[0].shape == (4, 2, 128, 128)
        assert 'PhysicalSizeX="0.325"' in file.ome_metadata


def test_the_tiff_samples_open_in_every_imagej():
    """Before 1.53v it shows deflate with a predictor as noise."""
    for name in make_samples.SAMPLES:
        if name.endswith(".tif"):
            with tifffile.TiffFile(SAMPLES / name) as file:
                assert {page.predictor for page in file.pages} == {1}, name


def test_the_sample_pictures_stay_small():
    assert sum((SAMPLES / name).stat().st_size for name in make_samples.SAMPLES) < 3_000_000
