"""Cells without data: through filters, pooling and enlargement, against means of the valid cells
computed here."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from imgconv.ops.filter import Filter
from imgconv.ops.kernel_text import parse_operator
from imgconv.ops.nodata import find_empty, leave_out
from imgconv.ops.pool import METHODS, Pool
from imgconv.ops.upsample import Interpolation

RNG = np.random.default_rng(43)
HIDDEN = RNG.random((20, 24)) < 0.2
HIDDEN[3:9, 4:11] = True
VALUES = RNG.random((20, 24)) * 100 + 500
KINDS = [(np.float32, -9999.0), (np.float32, np.nan), (np.uint16, 0.0), (np.uint8, 255.0)]


def raster(dtype, empty):
    values = VALUES if dtype != np.uint8 else VALUES - 450
    return np.where(HIDDEN, np.asarray(empty).astype(dtype), values.astype(dtype))[..., None]


def near(dtype):
    return 0.501 if dtype != np.float32 else 1e-3


def valid(pixels):
    return np.where(HIDDEN, np.nan, pixels[..., 0].astype(float))


@pytest.mark.parametrize(("dtype", "empty"), KINDS)
def test_a_blur_is_the_mean_of_valid_cells(dtype, empty):
    pixels = raster(dtype, empty)
    found = leave_out(Filter((parse_operator("box:3"),), "constant"), pixels, empty)[1:-1, 1:-1, 0]
    windows = np.lib.stride_tricks.sliding_window_view(valid(pixels), (3, 3))
    hidden = HIDDEN[1:-1, 1:-1]
    wanted = np.nanmean(np.where(hidden[..., None, None], 0, windows), axis=(2, 3))
    assert np.abs(found[~hidden] - wanted[~hidden]).max() <= (
        0.501 if dtype != np.float32 else 1e-3
    )
    assert find_empty(found, empty)[hidden].all()


@pytest.mark.parametrize(("dtype", "empty"), KINDS[:2])
@pytest.mark.parametrize("kernel", ["sharpen", "median:5", "max:3", "laplacian", "gaussian:2"])
def test_nothing_of_the_number_is_seen(dtype, empty, kernel):
    work = Filter((parse_operator(kernel),))
    one = leave_out(work, raster(dtype, empty), empty)
    other = leave_out(work, raster(dtype, 123456.0), 123456.0)
    np.testing.assert_array_equal(one[~HIDDEN], other[~HIDDEN])
    flat = np.where(HIDDEN, np.float32(empty), np.float32(7))[..., None]
    constant = work(np.full((20, 24, 1), 7, np.float32))[0, 0, 0]
    np.testing.assert_allclose(
        leave_out(work, flat, empty)[~HIDDEN], constant, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(("dtype", "empty"), KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_pooling_takes_the_valid_cells(dtype, empty, method):
    pixels = raster(dtype, empty)
    found = leave_out(Pool(method, (2, 2)), pixels, empty)[..., 0]
    cells = valid(pixels).reshape(10, 2, 12, 2).swapaxes(1, 2).reshape(10, 12, 4)
    bare = np.isnan(cells).all(axis=2)
    cells[bare] = 0
    means = {"max": np.nanmax, "min": np.nanmin, "average": np.nanmean, "median": np.nanmedian}
    means["l2"] = lambda a, axis: np.sqrt(np.nanmean(a**2, axis=axis))
    wanted = means[method](cells, axis=2)
    assert np.abs(found[~bare] - wanted[~bare]).max() <= near(dtype)
    np.testing.assert_array_equal(find_empty(found, empty), bare)


def test_enlarging_keeps_them_apart():
    pixels = raster(np.float32, -9999.0)
    found = leave_out(Interpolation("bilinear", (2, 2)), pixels, -9999.0)[..., 0]
    known = found[found != -9999]
    assert known.min() >= 499 and known.max() <= 601
    near = np.kron(HIDDEN, np.ones((2, 2), bool))
    assert ((found == -9999) == near).mean() > 0.9


def test_the_command_reads_the_tag_and_keeps_it(tmp_path, capfd):
    from imgconv import cli

    tags = [(42113, 2, 0, "-9999", True), (33550, 12, 3, (10.0, 10.0, 0.0), True)]
    tifffile.imwrite(tmp_path / "a.tif", raster(np.float32, -9999.0)[..., 0], extratags=tags)
    names = [str(tmp_path / "a.tif"), "-o", str(tmp_path / "b.tif")]
    assert cli.main(["pool", "--method", "average", "--size", "2", *names]) == 0
    assert "cells without data (-9999)" in capfd.readouterr().err
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        page = tiff.pages[0]
        assert page.tags.valueof(42113) == "-9999"
        assert page.tags.valueof(33550) == (20.0, 20.0, 0.0)
        assert set(page.asarray()[page.asarray() < 400]) == {-9999}


@pytest.mark.parametrize("command", ["filter -k box:3", "filter -k sharpen", "pool --size 2"])
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_beside_alpha_and_in_light_they_stay_out_too(tmp_path, command, linear, alpha):
    from imgconv import cli

    found = []
    for number in (0, 255):  # nothing of it is seen
        grey = np.where(HIDDEN, number, 100 + VALUES % 7).astype(np.uint8)
        plane = np.stack([grey, np.full_like(grey, 255)], 2) if alpha else grey
        tifffile.imwrite(
            tmp_path / "a.tif", plane, photometric="minisblack", metadata=None,
            extrasamples=[2] if alpha else None, planarconfig="contig" if alpha else None,
            extratags=[(42113, 2, 0, str(number), True)],
        )  # fmt: skip
        words = [*command.split(), *["--linear"][:linear], "-q", "-f"]
        words += [str(tmp_path / "a.tif"), "-o", str(tmp_path / "b.tif")]
        assert cli.main(words) == 0
        out = tifffile.imread(tmp_path / "b.tif")
        found.append(np.ma.masked_equal(out[..., 0] if alpha else out, number))
    assert np.array_equal(found[0].mask, found[1].mask)
    assert np.array_equal(found[0].compressed(), found[1].compressed())
    empty = HIDDEN if "filter" in command else HIDDEN.reshape(10, 2, 12, 2).all(axis=(1, 3))
    np.testing.assert_array_equal(found[0].mask, empty)
