"""Arrays of a wrong shape, type or layout are refused before compiled loops see them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from imgconv.errors import UsageError
from imgconv.ops.bank import Bank
from imgconv.ops.convolve import Layer
from imgconv.ops.correlation import correlate
from imgconv.ops.interpolation import interpolate
from imgconv.ops.kernel_text import parse, parse_operator
from imgconv.ops.transposed import correlate_transposed

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
WHOLE = np.zeros((12, 20, 3), np.uint8)
LOCKED = np.zeros((12, 10, 3), np.uint8)
LOCKED.flags.writeable = False
OUTS = [WHOLE, WHOLE[:, ::2], WHOLE[:2, :2], WHOLE[..., 0], LOCKED]
STENCILS = ["sharpen", "box:3", "gaussian:1", "gaussian:20", "sobel-x"]


@pytest.mark.parametrize("out", OUTS)
def test_a_wrong_array_to_write_into_is_refused(out):
    half = (Fraction(1), Fraction(1))
    for call in (
        *(lambda s=s: correlate(PIXELS, *parse(s), out=out) for s in STENCILS),
        lambda: parse_operator("median:3")(PIXELS, out=out),
        lambda: parse_operator("max:5")(PIXELS, out=out),
        lambda: interpolate(PIXELS, "bilinear", half, out),
        lambda: interpolate(PIXELS, "nearest", half, out),
        lambda: correlate_transposed(PIXELS, parse("identity")[0], (1, 1), (1, 1), out=out),
    ):
        with pytest.raises(UsageError, match="needed is a writable, contiguous array"):
            call()


@pytest.mark.parametrize("fill", [np.zeros(2), np.zeros((3, 1)), np.array(["a"] * 3), 7])
def test_wrong_values_beyond_the_border_are_refused(fill):
    for call in (
        *(lambda s=s: correlate(PIXELS, *parse(s), border="constant", fill=fill) for s in STENCILS),
        lambda: parse_operator("median:3")(PIXELS, "constant", fill),
    ):
        with pytest.raises(UsageError, match="a number for each of the 3 channels"):
            call()


@pytest.mark.parametrize(
    ("weights", "biases"),
    [
        (np.zeros((2, 1, 3, 3), np.float32), np.zeros(3, np.float32)),
        (np.zeros((2, 1, 3, 3), np.float32), np.zeros(2)),
        (np.zeros((2, 1, 3, 3)), np.zeros(2, np.float32)),
        (np.zeros((2, 3, 3), np.float32), np.zeros(2, np.float32)),
        (np.zeros((2, 1, 0, 3), np.float32), np.zeros(2, np.float32)),
    ],
)
def test_a_bank_of_wrong_arrays_is_refused(weights, biases):
    with pytest.raises(UsageError, match="needed is float32"):
        Bank(weights, biases, ("a", "b"))


def test_maps_of_a_wrong_type_are_not_written_into():
    bank = Bank(np.ones((2, 1, 3, 3), np.float32), np.zeros(2, np.float32), ("a", "b"))
    layer = Layer(bank)
    right = layer(PIXELS)
    with pytest.raises(UsageError, match="needed is a writable"):
        layer(PIXELS, out=right.astype(np.float64))
    assert layer(PIXELS, out=np.empty_like(right)).shape == right.shape
