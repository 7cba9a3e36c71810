"""Receptive fields against measured ones; tiles put together against the whole image."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from random_graphs import Whole

from imgconv.engine.graph import Graph
from imgconv.engine.operators import evaluate
from imgconv.engine.receptive_field import WINOGRAD, receptive_field
from imgconv.engine.shapes import propagate
from imgconv.engine.tiling import tile_size, tiles
from imgconv.errors import InputError

HALVE = {"kernel": (2, 2), "strides": (2, 2)}


def run(graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs, node by node with the plain operators."""
    values = {**graph.tensors, "x": x}
    for node in graph.nodes:
        given = [values[name] if name else None for name in node.inputs]
        values.update(
            zip(node.outputs, evaluate(node.operator, given, node.attributes), strict=False)
        )
    return {name: values[name] for name in graph.outputs}


def image(height: int, width: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (1, channels, height, width)).astype(np.float32)


def put_together(graph: Graph, x: np.ndarray, block: int, pixels: int) -> dict[str, np.ndarray]:
    """The outputs computed tile by tile; every sample is written once."""
    field = receptive_field(graph, {"x": x.shape}, block)
    shapes = propagate(graph, {"x": x.shape})[0]
    results = {name: np.full(shapes[name], np.nan, np.float32) for name in graph.outputs}
    for tile in tiles(field, pixels, block):
        rows, columns = tile.read
        assert rows.start % (field.stride * block) == columns.start % (field.stride * block) == 0
        assert (rows.stop - rows.start) * (columns.stop - columns.start) <= pixels
        part = run(graph, x[:, :, rows, columns])
        for name, result in results.items():
            assert np.isnan(result[:, :, *tile.write[name]]).all()
            result[:, :, *tile.write[name]] = part[name][:, :, *tile.keep[name]]
    return results


def smallest(graph: Graph, x: np.ndarray, block: int) -> int:
    """The fewest pixels a tile may have, from the error that says so."""
    with pytest.raises(InputError, match=r"this network needs (\d+)x(\d+)") as caught:
        tiles(receptive_field(graph, {"x": x.shape}, block), 0, block)
    words = str(caught.value).split("needs ")[1].split(":")[0].split("x")
    return int(words[0]) * int(words[1])


def assert_tiled_is_whole(graph: Graph, x: np.ndarray, blocks=(1, WINOGRAD)) -> int:
    """How many tiles there were with the smallest ones."""
    whole, count = run(graph, x), 0
    for block in blocks:
        least = smallest(graph, x, block)
        for pixels in (least, 3 * least):
            for name, result in put_together(graph, x, block, pixels).items():
                np.testing.assert_array_equal(result, whole[name])
        count = max(count, len(tiles(receptive_field(graph, {"x": x.shape}, block), least, block)))
    return count


def unet(depth: int, up: str, seed: int = 0, positive: bool = False, base: int = 2) -> Graph:
    b = Whole(seed, positive)
    x, c, skips = "x", 1, []
    for _ in range(depth):
        x = b.add("relu", b.conv(x, c, base))
        skips.append(x)
        x, c = b.add("max_pool", x, **HALVE), base
    x = b.conv(x, c, base)
    for skip in reversed(skips):
        if up == "conv_transpose":
            x = b.add(up, x, b.weights(base, base, 2, 2), strides=(2, 2))
        elif up == "pixel_shuffle":
            x = b.add(up, b.conv(x, base, 4 * base, 1), block=2)
        else:
            x = b.add("resize", x, scales=(1, 1, 2, 2), mode=up)
        x = b.add("relu", b.conv(b.add("concat", x, skip, axis=1), 2 * base, base))
    return b.graph(b.conv(x, base, 1, 1))


@pytest.mark.parametrize("up", ["nearest", "linear", "conv_transpose", "pixel_shuffle"])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_unet_in_tiles_is_the_whole(depth, up):
    assert assert_tiled_is_whole(unet(depth, up), image(64 * depth, 72 * depth)) > 4


def test_the_last_tile_may_be_of_any_size():
    b = Whole()
    graph = b.graph(b.conv(b.conv("x", 1, 2, strides=(2, 2)), 2, 1))
    for height, width in itertools.product((41, 42, 43, 44), (37, 50)):
        assert_tiled_is_whole(graph, image(height, width), blocks=(1 + width % 2 * 3,))


def test_outputs_of_several_sizes_are_put_together():
    b = Whole()
    fine = b.conv("x", 1, 2)
    coarse = b.conv(b.add("max_pool", fine, **HALVE), 2, 2)
    finer = b.add("resize", fine, scales=(1, 1, 3, 3))
    small = b.conv(fine, 2, 2, 9, pads=(0,) * 4)
    assert_tiled_is_whole(b.graph(fine, coarse, finer, small), image(50, 62))


def test_without_padding_the_result_is_smaller_and_the_same():
    b = Whole()
    x = b.conv("x", 1, 2, 5, pads=(0,) * 4)
    x = b.conv(x, 2, 1, 3, pads=(2, 0, 0, 1))
    assert_tiled_is_whole(b.graph(x), image(44, 51))


def test_a_crop_by_computed_sizes_and_padding_by_reflection_are_followed():
    b = Whole()
    wide = b.add("pad", "x", pads=(0, 0, 3, 2, 0, 0, 1, 4), mode="reflect")
    x = b.conv(wide, 1, 2, 3, pads=(0,) * 4)
    sizes = b.add("shape", "x", start=2)
    stop = b.add("add", sizes, b.constant([2, 2]))
    x = b.add("slice", x, b.constant([2, 2]), stop, b.constant([2, 3]))
    x = b.add("add", x, "x")
    assert_tiled_is_whole(b.graph(x), image(41, 52))


def test_a_resize_to_the_size_of_another_value_is_followed():
    b = Whole()
    low = b.conv("x", 1, 2, strides=(2, 2))
    sizes = b.add("shape", "x", start=2)
    up = b.add("resize", low, "", sizes, axes=(2, 3), mode="linear")
    assert_tiled_is_whole(b.graph(b.add("add", up, "x")), image(64, 72))
    field = receptive_field(b.graph(up), {"x": (1, 1, 63, 72)})
    assert "resizes 32 to 63, which is no whole factor" in field.reasons[0]


def test_channels_last_and_back_are_followed():
    b = Whole()
    x = b.add("transpose", b.conv("x", 1, 4), permutation=(0, 2, 3, 1))
    x = b.add("dense", x, b.weights(3, 4))
    x = b.add("transpose", b.add("softmax", x), permutation=(0, 3, 1, 2))
    top = b.add("reduce_max", x, axes=(1,), keepdims=False)
    assert_tiled_is_whole(
        b.graph(b.add("add", x, b.add("unsqueeze", top, axes=(1,)))), image(30, 33)
    )


@st.composite
def networks(draw, positive=False):
    """A chain of random layers, with a skip connection where the size allows it."""
    b = Whole(draw(st.integers(0, 99)), positive)
    x, kept = b.conv("x", 1, 2), None
    kinds = st.sampled_from(
        ["conv", "stride", "pool", "up", "transposed", "shuffle", "pad", "skip"]
    )
    for kind in draw(st.lists(kinds, min_size=1, max_size=5)):
        k, s = draw(st.sampled_from([1, 2, 3, 4, 5])), draw(st.integers(1, 3))
        if kind == "conv":
            dilation = 1 if positive else draw(st.integers(1, 2))
            pads = tuple(draw(st.integers(0, 2)) for _ in range(4))
            x = b.conv(x, 2, 2, k, pads=pads, dilations=(dilation,) * 2)
        elif kind == "stride":
            x = b.conv(x, 2, 2, max(k, s), pads=(1, 0, 1, 1), strides=(s, s))
        elif kind == "pool":
            k = max(k, 2)
            name = draw(st.sampled_from(["max_pool", "average_pool"]))
            x = b.add(
                name, x, kernel=(k, k), strides=(2, 2), pads=(k // 2,) * 4, ceil=draw(st.booleans())
            )
        elif kind == "up":
            x = b.add(
                "resize", x, scales=(1, 1, 2, 2), mode=draw(st.sampled_from(["nearest", "linear"]))
            )
        elif kind == "transposed":
            w = b.weights(2, 2, max(k, s), max(k, s))
            x = b.add("conv_transpose", x, w, strides=(s, s), pads=(0, 0, 0, 0))
        elif kind == "shuffle":
            x = (
                b.add("pixel_shuffle", b.add("tile", x, repeats=(1, 4, 1, 1)), block=2)
                if positive
                else (b.conv(b.add("pixel_unshuffle", x, block=1), 2, 2, 1))
            )
        elif kind == "pad":
            x = b.add(
                "pad",
                x,
                pads=(0, 0, 1, 2, 0, 0, 2, 1),
                mode=draw(st.sampled_from(["edge", "constant"])),
            )
        else:
            kept = x
            x = b.add("relu", b.conv(x, 2, 2, 3))
            x = b.add("add", x, kept)
    return b.graph(x)


@settings(max_examples=25, deadline=None)
@given(networks(), st.integers(0, 3), st.integers(0, 3))
def test_a_random_network_in_tiles_is_the_whole(graph, more, other):
    x = image(64 + more, 80 + other)
    shape = {"x": x.shape}
    try:
        made = propagate(graph, shape)[0][graph.outputs[0]]
    except InputError:  # strides have left less than a window
        reject()
    assume(max(made) < 1000)
    field = receptive_field(graph, shape)
    assume(not field.reasons)
    whole = run(graph, x)
    assume(np.abs(whole[graph.outputs[0]]).max() < 1 << 20)
    block = WINOGRAD if more % 2 else 1
    for name, result in put_together(graph, x, block, max(1000, smallest(graph, x, block))).items():
        np.testing.assert_allclose(result, whole[name], rtol=1e-6, atol=1e-4)


def measured(graph: Graph, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last row of the input that changes each row of the output, by trying each."""
    x = image(size, size)
    before = run(graph, x)[graph.outputs[0]]
    low, high = np.full(before.shape[2], size), np.full(before.shape[2], -1)
    for row in range(size):
        changed = x.copy()
        changed[:, :, row] += 1000
        rows = (run(graph, changed)[graph.outputs[0]] != before).any((0, 1, 3))
        low[rows], high[rows] = np.minimum(low[rows], row), np.maximum(high[rows], row)
    return low, high


@pytest.mark.parametrize("up", ["nearest", "linear", "conv_transpose", "pixel_shuffle"])
def test_the_receptive_field_of_a_unet_is_the_one_measured(up):
    graph = unet(2, up, positive=True)
    field = receptive_field(graph, {"x": (1, 1, 64, 64)})
    low, high = measured(graph, 64)
    side = field.outputs[graph.outputs[0]].rows
    np.testing.assert_array_equal(side.low, low)
    np.testing.assert_array_equal(side.high, high)
    rows = np.arange(64)
    assert field.reach[::2] == ((rows - low).max(), (high - rows).max())
    assert receptive_field(graph).reach == field.reach
    assert field.stride == 4


@settings(max_examples=20, deadline=None)
@given(networks(positive=True))
def test_the_receptive_field_of_a_random_network_holds_the_one_measured(graph):
    shape = {"x": (1, 1, 32, 32)}
    try:
        out = propagate(graph, shape)[0][graph.outputs[0]]
    except InputError:
        assume(False)
    assume(max(out) < 400)
    field = receptive_field(graph, shape)
    assume(not field.reasons)
    low, high = measured(graph, 32)
    side = field.outputs[graph.outputs[0]].rows
    depends = high >= 0
    assert (side.low[depends] <= low[depends]).all() and (side.high[depends] >= high[depends]).all()


def test_known_receptive_fields():
    b = Whole()
    x = "x"
    for _ in range(17):
        x = b.conv(x, 1, 1)
    assert receptive_field(b.graph(x)).reach == (17,) * 4
    assert receptive_field(b.graph(x), block=WINOGRAD).reach[0] == 17 * 4
    b = Whole()
    graph = b.graph(b.conv("x", 1, 1, 5, pads=(4, 3, 4, 3), dilations=(2, 1)))
    assert receptive_field(graph).reach == (4, 3, 4, 1)


SEEING = [
    ("global_average_pool", {}, ()),
    ("instance_norm", {}, (2, 2)),
    ("group_norm", {"groups": 1}, (2, 2)),
    ("layer_norm", {"axis": 1}, (1,)),
    ("softmax", {"axis": 3}, ()),
    ("flatten", {}, ()),
    ("reshape", {"shape": (1, -1)}, ()),
    ("reduce_mean", {"axes": (2, 3)}, ()),
    ("reduce_mean", {}, ()),
    ("concat", {"axis": 2}, ()),
    ("resize", {"scales": (1, 1, 1.5, 1.5)}, ()),
    ("resize", {"scales": (1, 1, 2, 2), "mode": "linear", "coordinates": "align_corners"}, ()),
    ("resize", {"sizes": (1, 2, 64, 64)}, ()),
    ("pad", {"pads": (0, 0, 1, 1, 0, 0, 1, 1), "mode": "wrap"}, ()),
    ("slice", {"starts": (-1,), "ends": (-(1 << 60),), "axes": (2,), "steps": (-1,)}, ()),
    ("conv", {"strides": (2, 2), "auto_pad": "same_upper"}, (2, 2, 3, 3)),
    ("tile", {"repeats": (1, 1, 2, 2)}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "attributes", "weights"), SEEING)
def test_what_sees_more_than_a_neighbourhood_refuses_tiles_by_layer(operator, attributes, weights):
    b = Whole()
    given = [b.weights(2, 2, 3, 3)] if operator == "conv" else []
    if operator != "conv" and weights:
        given = [b.weights(n) for n in weights]
    x = b.add(operator, b.conv("x", 1, 2), *given, **attributes)
    field = receptive_field(b.graph(x), {"x": (1, 1, 33, 33)})
    assert len(field.reasons) == 1 and f"({operator})" in field.reasons[0], field.reasons
    with pytest.raises(InputError, match="cannot be computed in tiles: layer"):
        tiles(field, 10_000)


def test_numbers_for_fixed_pixels_or_sizes_in_the_sums_refuse_tiles():
    b = Whole()
    table = b.graph(b.add("add", "x", b.weights(1, 1, 32, 32)))
    field = receptive_field(table, {"x": (1, 1, 32, 32)})
    assert "joins the image with numbers for fixed pixels" in field.reasons[0]
    b = Whole()
    size = b.add("cast", b.add("shape", "x", start=3), to="float32")
    field = receptive_field(b.graph(b.add("mul", "x", size)), {"x": (1, 1, 32, 32)})
    assert "computes with the size of the image" in field.reasons[0]


def test_a_layer_behind_a_reason_adds_none():
    b = Whole()
    pooled = b.add("sigmoid", b.conv(b.add("global_average_pool", "x"), 1, 1, 1))
    field = receptive_field(b.graph(b.add("mul", "x", pooled)), {"x": (1, 1, 32, 32)})
    assert len(field.reasons) == 1 and "global_average_pool" in field.reasons[0]


def test_a_network_for_one_size_refuses_tiles():
    b = Whole()
    x = b.conv("x", 1, 1)
    fixed = Graph({"x": (1, 1, 32, 32)}, (x,), tuple(b.nodes), b.tensors)
    assert "takes images of one size only" in receptive_field(fixed).reasons[0]


def test_large_images_have_few_tiles_of_few_shapes_quickly():
    field = receptive_field(unet(2, "linear"), {"x": (1, 1, 10_000, 9_000)}, WINOGRAD)
    found = tiles(field, 1 << 20)
    shapes = {tuple(side.stop - side.start for side in tile.read) for tile in found}
    assert len(shapes) <= 4
    total = sum(h * w for tile in found for h, w in [[s.stop - s.start for s in tile.read]])
    assert total < 1.4 * 9e7
    height, width = tile_size(field, 1 << 20)
    assert height * width <= 1 << 20
