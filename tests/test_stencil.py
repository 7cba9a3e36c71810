"""What may stand after --kernel, and what is said of what may not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imgconv.errors import InputError, UsageError
from imgconv.ops.catalogue import ALIASES, NAMED
from imgconv.ops.kernel_text import parse
from imgconv.ops.stencil import Stencil, stencil


def test_a_typed_matrix_keeps_its_fractions():
    (one,) = parse("1/9 1/9 1/9; 0 -1 2.5")
    assert one.denominator == 18
    assert one.numerators.tolist() == [[2, 2, 2], [0, -18, 45]]


@pytest.mark.parametrize("name", [*NAMED, *ALIASES, "gaussian:2", "box:5", "box:3x9", "log:1.4",
                                  "motion:15:30", "SHARPEN"])  # fmt: skip
def test_every_name_parses(name):
    assert 1 <= len(parse(name)) <= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sharpn", ["sharpn", "did you mean 'sharpen'", "imgconv kernels"]),
        ("1 2; 3", ["1 and 2 numbers", "equally long"]),
        ("1 x2", ["no kernel", "matrix"]),
        ("1/0 2", ["1/0", "fractions"]),
        ("gaussian:-1", ["gaussian:-1", "above 0"]),
        ("gaussian:two", ["gaussian:two", "gaussian:2"]),
        ("box:2.5", ["box:2.5", "whole pixels"]),
        ("sharpen:3", ["takes no number"]),
        ("", ["no kernel"]),
    ],
)
def test_a_wrong_kernel_is_answered_with_what_to_type(text, words):
    with pytest.raises(UsageError) as caught:
        parse(text)
    for word in words:
        assert word in str(caught.value)


def test_files_hold_the_same_kernel_as_the_command_line(tmp_path):
    values = [[0, -1, 0], [-1, 5, -1]]
    (tmp_path / "a.txt").write_text("# mine\n0 -1 0\n-1 5 -1\n")
    (tmp_path / "b.csv").write_text("0,-1,0\n-1,5,-1\n")
    np.save(tmp_path / "c.npy", np.array(values, np.float32))
    for name in ("a.txt", "b.csv", "c.npy"):
        (one,) = parse(str(tmp_path / name))
        assert one.numerators.tolist() == values and one.denominator == 1


def test_a_kernel_file_that_is_no_matrix_is_refused_by_name(tmp_path):
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    with pytest.raises(UsageError, match=r"cube.npy.*\(2, 2, 2\)"):
        parse(str(tmp_path / "cube.npy"))
    with pytest.raises(InputError, match=r"gone.csv.*No such file"):
        parse(str(tmp_path / "gone.csv"))
    (tmp_path / "bad.npy").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"bad\.npy"):
        parse(str(tmp_path / "bad.npy"))


def test_a_kernel_that_is_not_finite_is_refused():
    with pytest.raises(UsageError, match="not finite"):
        stencil([[1.0, np.nan]])


def test_ones_over_nine_in_floating_point_are_taken_as_a_ninth():
    one = stencil(np.ones((3, 3)) / 9)
    assert one.denominator == 9 and (one.numerators == 1).all()


@given(arrays(np.int64, (4, 1), elements=st.integers(-20, 20)),
       arrays(np.int64, (1, 5), elements=st.integers(-20, 20)))  # fmt: skip
@settings(deadline=None)
def test_a_product_of_a_column_and_a_row_is_found_exactly(column, row):
    product = column * row
    found = stencil(product.tolist()).factors()
    if not product.any():
        assert found is None
        return
    assert np.array_equal(found[0].numerators * found[1].numerators, product)


@given(arrays(np.float64, (3, 4), elements=st.floats(-5, 5, width=32)))
@settings(deadline=None)
def test_what_is_no_product_is_not_separated(matrix):
    found = Stencil(matrix).factors()
    if found is not None:
        assert np.allclose(found[0].weights * found[1].weights, matrix, atol=1e-10)
    elif np.linalg.matrix_rank(matrix) == 1:
        values = np.linalg.svd(matrix)[1]
        assert values[1] > 1e-13 * values[0]


def test_even_sizes_anchor_past_the_middle():
    assert stencil([[1, 2], [3, 4]]).anchor == (1, 1)
    assert stencil([[1, 2, 3, 4]]).anchor == (0, 2)


def test_flipping_turns_by_half_a_turn():
    one = stencil([[Fraction(1, 3), 2], [3, 4]]).flip()
    assert np.allclose(one.weights, [[4, 3], [2, 1 / 3]])
    assert one.numerators.tolist() == [[12, 9], [6, 1]]
