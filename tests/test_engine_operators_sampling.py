"""Samples at places that are given, against onnxruntime and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from engine_peers import error, onnxruntime_of, ours
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.errors import InputError

pytest.importorskip("onnxruntime")
few = settings(max_examples=60, deadline=None)
sides = st.integers(1, 6)


@few
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), sides, sides),
    st.tuples(sides, sides),
    st.sampled_from(["nearest", "linear", "cubic"]),
    st.sampled_from(["zeros", "border", "reflection"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_grid_samples_are_those_of_onnxruntime(shape, size, mode, padding, corners, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape).astype(np.float32)
    grid = rng.uniform(-2.5, 2.5, (shape[0], *size, 2)).astype(np.float32)
    found = ours("grid_sample", x, grid, mode=mode, padding=padding, corners=corners)
    peer = onnxruntime_of(
        "GridSample", x, grid, mode=mode, padding_mode=padding, align_corners=int(corners)
    )[0]
    assert error(found, peer) < 1e-4


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_grid_samples_are_those_of_pytorch(padding, corners):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 3, 7, 5)).astype(np.float32)
    grid = rng.uniform(-3, 3, (2, 9, 8, 2)).astype(np.float32)
    for mode, theirs in (("linear", "bilinear"), ("cubic", "bicubic")):
        peer = torch.nn.functional.grid_sample(
            torch.tensor(x), torch.tensor(grid), theirs, padding, align_corners=corners
        )
        found = ours("grid_sample", x, grid, mode=mode, padding=padding, corners=corners)
        assert error(found, peer.numpy()) < 1e-5


def test_the_grid_of_all_middles_gives_the_image_and_places_nowhere_give_nothing():
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 6)).astype(np.float32)
    rows, columns = (np.linspace(-1, 1, n, dtype=np.float32) for n in (4, 6))
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)[None]
    assert error(ours("grid_sample", x, grid, corners=True), x) < 1e-6
    lost = ours("grid_sample", x, np.full((1, 1, 1, 2), np.nan, np.float32))
    assert np.isnan(lost).all()
    far = ours("grid_sample", x, np.full((1, 1, 1, 2), 3e38, np.float32), padding="border")
    assert error(far[0, :, 0, 0], x[0, :, -1, -1]) == 0


def test_places_that_do_not_fit_the_image_are_refused():
    x = np.zeros((2, 3, 4, 4), np.float32)
    for shape in ((1, 2, 2, 2), (2, 2, 2, 3), (2, 2, 2), (2, 2, 2, 2, 2), (2,), ()):
        with pytest.raises(InputError, match="allowed NxCxHxW"):
            ours("grid_sample", x, np.zeros(shape, np.float32))
