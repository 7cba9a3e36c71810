"""Operators that move numbers, resize and compute with sizes, against onnxruntime and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from engine_peers import error, onnxruntime_of, ours
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imgconv.engine.operators.resizing import COORDINATES, ROUNDING
from imgconv.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
torch.set_num_threads(1)
functional = torch.nn.functional

LIMIT = 1e-5
few = settings(max_examples=25, deadline=None)
lengths = st.sampled_from([1, 2, 3, 5, 7])
shapes = st.lists(lengths, min_size=1, max_size=5).map(tuple)


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def whole(*values):
    return np.array(values, np.int64)


@few
@given(shapes, st.data())
def test_flatten_transpose_and_reshape_are_those_of_onnxruntime(shape, data):
    x, rank = normal(shape), len(shape)
    axis = data.draw(st.integers(-rank, rank))
    found = ours("flatten", x, axis=min(axis, 7))
    assert error(found, onnxruntime_of("Flatten", x, axis=axis)[0]) == 0
    order = data.draw(st.permutations(range(rank)))
    found = ours("transpose", x, permutation=order)
    assert error(found, onnxruntime_of("Transpose", x, perm=order)[0]) == 0
    assert found.flags.c_contiguous
    wanted = [0] * rank
    wanted[data.draw(st.integers(0, rank - 1))] = -1
    wanted += [1] * data.draw(st.integers(0, 2))
    peer = onnxruntime_of("Reshape", x, whole(*wanted))[0]
    assert error(ours("reshape", x, whole(*wanted)), peer) == 0
    assert error(ours("reshape", x, shape=wanted), peer) == 0


def test_a_shape_that_does_not_hold_the_numbers_is_refused():
    x = normal((2, 3))
    for wanted in ([4], [-1, -1], [5, -1], [-2, 3], [0, 0, 0]):
        with pytest.raises(InputError, match="found"):
            ours("reshape", x, shape=wanted)
    assert ours("reshape", np.zeros((0, 3), np.float32), shape=[3, 0], allow_zero=True).shape == (
        3,
        0,
    )


@few
@given(shapes, st.data())
def test_concat_and_split_are_inverse_and_those_of_onnxruntime(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    parts = [
        normal(tuple(n if i == axis % len(shape) else s for i, s in enumerate(shape)), n)
        for n in sizes
    ]
    x = ours("concat", *parts, axis=axis)
    assert error(x, onnxruntime_of("Concat", *parts, axis=axis)[0]) == 0
    for back in (
        ours("split", x, sizes=sizes, axis=axis),
        ours("split", x, whole(*sizes), axis=axis),
    ):
        assert all(error(a, b) == 0 for a, b in zip(back, parts, strict=True))
    count = data.draw(st.integers(1, 3))
    length = x.shape[axis]
    assume((count - 1) * -(-length // count) < length)  # onnxruntime has no empty parts
    peers = onnxruntime_of("Split", x, axis=axis, num_outputs=count, outputs=count)
    for a, b in zip(ours("split", x, axis=axis, count=count), peers, strict=True):
        assert error(a, b) == 0


@few
@given(shapes, st.data())
def test_slices_are_those_of_onnxruntime(shape, data):
    rank, ends = len(shape), st.one_of(st.integers(-9, 9), st.sampled_from([-(1 << 62), 1 << 62]))
    axes = data.draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=1))
    starts, stops = ([data.draw(ends) for _ in axes] for _ in range(2))
    steps = [data.draw(st.sampled_from([1, 1, 2, 3, -1, -2])) for _ in axes]
    x, arguments = normal(shape), [whole(*v) for v in (starts, stops, axes, steps)]
    found = ours("slice", x, *arguments)
    assert error(found, onnxruntime_of("Slice", x, *arguments)[0]) == 0
    named = {"starts": starts, "ends": stops, "axes": axes, "steps": steps}
    assert error(ours("slice", x, **named), found) == 0


@few
@given(shapes, st.data())
def test_gather_takes_the_numbers_at_indices(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    n = shape[axis]
    index = data.draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=4))
    x = normal(shape)
    for indices in (whole(*index), whole(*index).reshape(-1, 1), np.array(index[0], np.int64)):
        found = ours("gather", x, indices, axis=axis)
        assert error(found, onnxruntime_of("Gather", x, indices, axis=axis)[0]) == 0
    with pytest.raises(InputError, match=f"found an index of {n}, allowed -{n} to {n - 1}"):
        ours("gather", x, whole(n), axis=axis)


@few
@given(shapes, st.sampled_from(["constant", "reflect", "edge", "wrap"]), st.data())
def test_padding_is_that_of_onnxruntime(shape, mode, data):
    most = [n - 1 if mode == "reflect" else 3 if mode == "constant" else n for n in shape]
    pads = [data.draw(st.integers(0, m)) for _ in range(2) for m in most]
    if mode == "constant":
        pads[0] -= shape[0] - 1
    x, value = normal(shape), np.float32(1.5)
    found = ours("pad", x, whole(*pads), np.array(value), mode=mode)
    assert error(found, onnxruntime_of("Pad", x, whole(*pads), np.array(value), mode=mode)[0]) == 0
    assert error(ours("pad", x, pads=pads, value=1.5, mode=mode), found) == 0
    last = whole(1, 2)
    if mode == "constant":
        found = ours("pad", x, last, None, whole(-1))
        assert error(found, onnxruntime_of("Pad", x, last, None, whole(-1))[0]) == 0


@few
@given(shapes, st.data())
def test_axes_of_one_come_and_go_like_in_onnxruntime(shape, data):
    rank = len(shape) + data.draw(st.integers(1, 2))
    axes = data.draw(st.permutations(range(rank)))[: rank - len(shape)]
    axes = [a - rank if data.draw(st.booleans()) else a for a in axes]
    x = normal(shape)
    found = ours("unsqueeze", x, axes=axes)
    assert error(found, onnxruntime_of("Unsqueeze", x, whole(*axes))[0]) == 0
    assert error(ours("squeeze", found, axes=axes), x) == 0
    assert error(ours("squeeze", found), np.squeeze(x)) == 0


@few
@given(shapes, st.data())
def test_expand_and_tile_are_those_of_onnxruntime(shape, data):
    wanted = [data.draw(st.sampled_from([1, n, 4 if n == 1 else n])) for n in shape]
    wanted = [data.draw(st.integers(1, 3)), *wanted]
    x = normal(shape)
    assert (
        error(ours("expand", x, whole(*wanted)), onnxruntime_of("Expand", x, whole(*wanted))[0])
        == 0
    )
    repeats = whole(*[data.draw(st.integers(1, 3)) for _ in shape])
    assert error(ours("tile", x, repeats), onnxruntime_of("Tile", x, repeats)[0]) == 0


@few
@given(st.integers(1, 2), st.integers(1, 3), lengths, lengths, st.integers(1, 4))
def test_pixel_shuffle_is_that_of_onnxruntime_and_pytorch(n, c, height, width, block):
    x = normal((n, c * block**2, height, width))
    for order in ("CRD", "DCR"):
        found = ours("pixel_shuffle", x, block=block, order=order)
        peer = onnxruntime_of("DepthToSpace", x, blocksize=block, mode=order)[0]
        assert error(found, peer) == 0
        assert error(ours("pixel_unshuffle", found, block=block, order=order), x) == 0
    assert (
        error(
            ours("pixel_shuffle", x, block=block), functional.pixel_shuffle(torch.tensor(x), block)
        )
        == 0
    )
    wide = normal((n, c, height * block, width * block))
    found = ours("pixel_unshuffle", wide, block=block)
    assert error(found, functional.pixel_unshuffle(torch.tensor(wide), block)) == 0
    found = ours("pixel_unshuffle", wide, block=block, order="DCR")
    assert error(found, onnxruntime_of("SpaceToDepth", wide, blocksize=block)[0]) == 0


def theirs(attributes):
    return {
        "mode": attributes["mode"],
        "coordinate_transformation_mode": attributes["coordinates"],
        **({"nearest_mode": attributes["rounding"]} if "rounding" in attributes else {}),
        **({"cubic_coeff_a": attributes["cubic"]} if "cubic" in attributes else {}),
        "exclude_outside": int(attributes.get("exclude_outside", 0)),
        "antialias": int(attributes.get("antialias", 0)),
    }


planes = st.tuples(st.just(1), st.integers(1, 2), lengths, lengths)
scales = st.sampled_from([0.5, 0.6, 0.75, 1.0, 1.3, 2.0, 2.5, 3.0, 4.0])


def changes(shape, factors):
    """onnxruntime copies where the size stays, even by a scale that the definition applies."""
    sizes = [int(n * f) for n, f in zip(shape[2:], factors, strict=True)]
    return sizes != list(shape[2:]) or factors == (1, 1)


# not half_pixel_symmetric: its formula makes ties that the last bit of float32 decides
DEFINITE = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


@settings(max_examples=150, deadline=None)
@given(planes, scales, scales, st.sampled_from(DEFINITE), st.sampled_from(ROUNDING))
def test_the_nearest_pixel_is_that_of_onnxruntime(shape, sy, sx, how, rounding):
    assume(int(shape[2] * sy) and int(shape[3] * sx))
    assume(changes(shape, (sy, sx)))
    x, factors = normal(shape), np.float32([1, 1, sy, sx])
    attributes = {"mode": "nearest", "coordinates": how, "rounding": rounding}
    found = ours("resize", x, factors, **attributes)
    assert error(found, onnxruntime_of("Resize", x, None, factors, **theirs(attributes))[0]) == 0


@settings(max_examples=100, deadline=None)
@given(planes, scales, scales, st.sampled_from(COORDINATES[:-2]), st.data())
def test_linear_and_cubic_resizing_are_those_of_onnxruntime(shape, sy, sx, how, data):
    sizes = whole(*shape[:2], int(shape[2] * sy), int(shape[3] * sx))
    assume(sizes.all() and changes(shape, (sy, sx)))
    attributes = {"mode": data.draw(st.sampled_from(["linear", "cubic"])), "coordinates": how}
    if attributes["mode"] == "cubic":
        attributes["cubic"] = data.draw(st.sampled_from([-0.75, -0.5]))
        attributes["exclude_outside"] = data.draw(st.booleans())
    x, factors = normal(shape), np.float32([1, 1, sy, sx])
    found = ours("resize", x, factors, **attributes)
    assert (
        error(found, onnxruntime_of("Resize", x, None, factors, **theirs(attributes))[0]) <= LIMIT
    )
    found = ours("resize", x, None, sizes, **attributes)
    peer = onnxruntime_of("Resize", x, None, None, sizes, **theirs(attributes))[0]
    assert error(found, peer) <= LIMIT


@few
@given(planes, lengths, lengths, st.booleans(), st.sampled_from(["nearest", "bilinear", "bicubic"]))
def test_resizing_is_that_of_pytorch(shape, height, width, corners, mode):
    x = normal(shape)
    sizes = (*shape[:2], height, width)
    if mode == "nearest":
        found = ours("resize", x, sizes=sizes, coordinates="asymmetric", rounding="floor")
        assert error(found, functional.interpolate(torch.tensor(x), (height, width))) == 0
        return
    how = "align_corners" if corners else "pytorch_half_pixel"
    if not corners and 1 in (height, width) and mode == "bicubic":
        return  # PyTorch's own bicubic takes half_pixel where the result is one pixel
    if not corners and 1 in (height, width):
        how = "half_pixel"
    ways = {"bilinear": "linear", "bicubic": "cubic"}
    found = ours("resize", x, sizes=sizes, mode=ways[mode], coordinates=how)
    peer = functional.interpolate(
        torch.tensor(x), (height, width), mode=mode, align_corners=corners
    )
    assert error(found, peer) <= LIMIT


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(("sy", "sx"), [(0.5, 0.25), (0.6, 0.8), (0.3, 1.0), (2.0, 1.5)])
def test_resizing_without_aliasing_is_that_of_onnxruntime(mode, outside, sy, sx):
    x, factors = normal((1, 2, 17, 20)), np.float32([1, 1, sy, sx])
    attributes = {
        "mode": mode,
        "coordinates": "half_pixel",
        "antialias": True,
        "exclude_outside": outside,
    }
    found = ours("resize", x, factors, **attributes)
    peer = onnxruntime_of("Resize", x, None, factors, **theirs(attributes))[0]
    assert error(found, peer) <= LIMIT


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_region_is_cropped_and_resized_like_in_onnxruntime(mode):
    x = normal((1, 1, 6, 8))
    roi = np.float32([0, 0, 0.2, -0.3, 1, 1, 0.7, 1.3])
    attributes = {"mode": mode, "coordinates": "tf_crop_and_resize"}
    found = ours("resize", x, None, whole(1, 1, 5, 9), roi, extrapolation=9.5, **attributes)
    peer = onnxruntime_of(
        "Resize", x, roi, None, whole(1, 1, 5, 9), extrapolation_value=9.5, **theirs(attributes)
    )[0]
    assert error(found, peer) <= LIMIT


def test_the_nearest_pixel_of_old_tensorflow_is_that_of_onnxruntime():
    x, none = normal((1, 1, 7, 9)), np.zeros(0, np.float32)
    attributes = {"mode": "nearest", "coordinates": "tf_half_pixel_for_nn", "rounding": "floor"}
    factors = np.float32([1, 1, 0.6, 2.5])
    peer = onnxruntime_of("Resize", x, none, factors, opset=11, mode="nearest",
                          coordinate_transformation_mode="tf_half_pixel_for_nn",
                          nearest_mode="floor")[0]  # fmt: skip
    assert error(ours("resize", x, factors, **attributes), peer) == 0


def test_volumes_and_lines_are_resized_like_in_pytorch():
    line, volume = normal((1, 2, 7)), normal((1, 2, 3, 4, 5))
    found = ours("resize", line, sizes=(1, 2, 12), mode="linear")
    peer = functional.interpolate(torch.tensor(line), 12, mode="linear")
    assert error(found, peer) <= LIMIT
    found = ours("resize", volume, scales=(1, 1, 2, 2, 2), mode="linear")
    peer = functional.interpolate(torch.tensor(volume), scale_factor=2, mode="trilinear")
    assert error(found, peer) <= LIMIT


@pytest.mark.parametrize("keep", ["not_larger", "not_smaller"])
def test_resizing_keeps_the_proportions_on_request_like_onnxruntime(keep):
    x = normal((1, 1, 5, 8))
    found = ours("resize", x, None, whole(7, 7), axes=(2, 3), keep=keep, mode="linear")
    peer = onnxruntime_of(
        "Resize",
        x,
        None,
        None,
        whole(7, 7),
        axes=[2, 3],
        mode="linear",
        keep_aspect_ratio_policy=keep,
    )[0]
    assert error(found, peer) <= LIMIT


def test_sizes_are_computed_like_in_onnxruntime():
    x = normal((2, 3, 5, 7))
    np.testing.assert_array_equal(ours("shape", x), x.shape)
    for start, end in ((0, None), (1, 3), (-2, None), (0, -1), (3, 1)):
        window = {"start": start} if end is None else {"start": start, "end": end}
        np.testing.assert_array_equal(
            ours("shape", x, **window), onnxruntime_of("Shape", x, **window)[0]
        )
    assert ours("size", x) == 210
    filled = ours("constant_of_shape", whole(2, 3), value=7, to="int64")
    np.testing.assert_array_equal(filled, np.full((2, 3), 7))
    for start, limit, delta in ((0, 5, 2), (5, 0, -2), (3, 3, 1)):
        scalars = [np.array(v, np.int64) for v in (start, limit, delta)]
        np.testing.assert_array_equal(ours("range", *scalars), onnxruntime_of("Range", *scalars)[0])
    np.testing.assert_array_equal(ours("cast", np.float32([-1.7, 0, 2.9]), to="int64"), [-1, 0, 2])
    np.testing.assert_array_equal(ours("cast", np.float32([-1.7, 0]), to="bool"), [True, False])


def test_what_does_nothing_gives_its_input():
    x = normal((2, 3))
    assert ours("identity", x) is x
    assert ours("dropout", x, ratio=0.3) is x
