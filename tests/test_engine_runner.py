"""Images of any size: padded, tiled, cropped; tiled equals untiled."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Random

from imgconv import threads
from imgconv.engine import Model, run
from imgconv.engine.network import Network
from imgconv.errors import InputError


def small_unet(seed: int = 0) -> Model:
    """Two levels down: strides, pools, transposed convolution, resizing, joins."""
    b = Random(seed)

    def block(x, inputs, outputs):
        for channels in (inputs, outputs):
            x = b.add("conv", x, b.weights(outputs, channels, 3, 3), b.numbers(outputs),
                      pads=(1, 1, 1, 1))  # fmt: skip
            x = b.add("relu", x)
        return x

    first = block("x", 2, 16)
    second = block(b.add("max_pool", first, kernel=(2, 2), strides=(2, 2)), 16, 24)
    third = block(b.add("conv", second, b.weights(24, 24, 2, 2), strides=(2, 2)), 24, 24)
    up = b.add("conv_transpose", third, b.weights(24, 24, 2, 2), strides=(2, 2))
    up = block(b.add("concat", up, second, axis=1), 48, 24)
    up = b.add("resize", up, scales=(1, 1, 2, 2), mode="nearest", coordinates="asymmetric")
    last = b.add("concat", block(up, 24, 16), first, axis=1)
    graph = b.graph(b.add("conv", last, b.weights(3, 32, 1, 1)), second)
    return Model(graph, {"multiple": 4}, "")


def needed(model: Model, H: int, W: int) -> int:
    """Bytes for an image that is not tiled."""
    return Network(model.graph).plan({"x": (1, 2, -(-H // 4) * 4, -(-W // 4) * 4)}).peak


@pytest.mark.parametrize("size", [(400, 360), (384, 384), (301, 617)])
def test_tiled_equals_untiled_to_the_bit(size):
    model = small_unet()
    image = np.random.default_rng(0).random((2, *size), np.float32)
    whole = run(model, {"x": image}, memory=2**40)
    for share in (2, 4):
        tiled = run(model, {"x": image}, memory=needed(model, *size) // share)
        for name in whole:
            assert np.array_equal(whole[name], tiled[name])


@settings(max_examples=15, deadline=None)
@given(H=st.integers(1, 40), W=st.integers(1, 40))
def test_odd_sizes_are_padded_and_cropped_back(H, W):
    model = small_unet()
    image = np.random.default_rng(0).random((2, H, W), np.float32)
    outputs = list(run(model, {"x": image}).values())
    assert outputs[0].shape == (3, H, W)
    assert outputs[1].shape == (24, -(-H // 2), -(-W // 2))


def test_a_padded_image_is_continued_by_reflection():
    model = small_unet()
    image = np.random.default_rng(0).random((2, 30, 21), np.float32)
    by_hand = np.pad(image, ((0, 0), (0, 2), (0, 3)), mode="reflect")
    ours, right = run(model, {"x": image}), run(model, {"x": by_hand})
    (name, *_) = ours
    assert np.array_equal(ours[name], right[name][:, :30, :21])


def test_pieces_are_prepared_and_finished_one_by_one():
    model, seen = small_unet(), []
    image = np.random.default_rng(0).integers(0, 256, (2, 400, 360)).astype(np.uint8)

    def prepare(piece):
        seen.append(piece.shape)
        return piece.astype(np.float32) / 255

    def finish(name, piece):
        return np.clip(piece * 20 + 128, 0, 255).astype(np.uint8)

    tiled = run(
        model, {"x": image}, prepare=prepare, finish=finish, memory=needed(model, 400, 360) // 4
    )
    assert len(seen) > 1 and max(h * w for _, h, w in seen) < 400 * 360
    whole = run(model, {"x": image / np.float32(255)}, memory=2**40)
    for name in whole:
        assert np.array_equal(tiled[name], finish(name, whole[name]))


def test_a_network_that_sees_everything_is_not_tiled_and_says_why():
    b = Random()
    y = b.add("global_average_pool", b.add("conv", "x", b.weights(8, 2, 3, 3)))
    y = b.add("mul", b.add("conv", "x", b.weights(8, 2, 3, 3)), y)
    model = Model(b.graph(y), {}, "")
    image = np.zeros((2, 100, 100), np.float32)
    assert run(model, {"x": image})[y].shape == (8, 98, 98)
    with pytest.raises(InputError, match="global_average_pool") as caught:
        run(model, {"x": image}, memory=2**16)
    assert "\n" not in str(caught.value)


def test_threads_that_share_a_model_get_their_own_results():
    model = small_unet()
    rng = np.random.default_rng(0)
    images = [rng.random((2, *size), np.float32) for size in [(64, 80), (50, 33), (64, 80)] * 4]
    alone = [run(model, {"x": image}) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: run(model, {"x": image}), images))
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_network_has_all_threads_and_the_others_wait():
    model, inside = small_unet(), []

    def prepare(piece):
        inside.append((threading.get_ident(), threads.count()))
        time.sleep(0.01)
        inside.append((threading.get_ident(), threads.count()))
        return piece

    image = np.zeros((2, 16, 16), np.float32)
    threads.use(4, jobs=4)
    try:
        assert threads.count() == 1
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: run(model, {"x": image}, prepare=prepare), range(8)))
        assert threads.count() == 1
    finally:
        threads.use(None)
    assert all(one == other for one, other in zip(inside[::2], inside[1::2], strict=True))
    assert {granted for _, granted in inside} == {4}
    assert threading.active_count() < 20


def test_a_network_is_pickled_as_its_graph_and_computes_the_same():
    model = small_unet()
    image = np.random.default_rng(0).random((1, 2, 32, 24), np.float32)
    network = Network(model.graph)
    before = network({"x": image})
    after = pickle.loads(pickle.dumps(network))({"x": image})
    assert all(np.array_equal(before[name], after[name]) for name in before)
