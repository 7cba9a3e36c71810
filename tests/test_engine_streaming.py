"""Networks from top to bottom, a few rows at a time, against the whole image: equal to the bit."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from random_graphs import Random
from test_engine_runner import needed, small_unet

from imgconv.engine import run, runner, streaming
from imgconv.engine.images import one_output
from imgconv.engine.network import Network
from imgconv.engine.rows import RowSource, run_rows
from imgconv.engine.schedule import Read, Task, order, rows_kept

PAIR = {"strides": (2, 2)}


def conv(b: Random, x: str, inputs: int, outputs: int, size: int = 3, **how) -> str:
    how.setdefault("pads", (size // 2,) * 4)
    groups = how.get("groups", 1)
    weights = b.weights(outputs, inputs // groups, size, size)
    return b.add("conv", x, weights, b.numbers(outputs), **how)


def chain(b: Random) -> str:
    x = b.add("relu", conv(b, "x", 2, 16))
    y = b.add("add", conv(b, x, 16, 16), x)  # reads x twice, at other rows
    y = b.add("relu", conv(b, y, 16, 16, dilations=(2, 2), pads=(2,) * 4))
    return conv(b, b.add("sigmoid", y), 16, 3, 1)


def valid(b: Random) -> str:
    x = conv(b, conv(b, "x", 2, 16, pads=(0,) * 4), 16, 16, 5, pads=(3, 0, 0, 2))
    return b.add("slice", x, starts=(1, 2), ends=(-2, -1), axes=(2, 3))


def pools(b: Random) -> str:
    x = b.add("max_pool", conv(b, "x", 2, 16), kernel=(3, 3), pads=(1,) * 4, **PAIR)
    x = b.add("average_pool", x, kernel=(2, 3), pads=(1, 1, 0, 1), count_include_pad=True)
    return b.add("max_pool", conv(b, x, 16, 8), kernel=(2, 2), ceil=True, **PAIR)


def ups(b: Random) -> str:
    x = conv(b, "x", 2, 16, **PAIR)
    x = b.add("conv_transpose", x, b.weights(16, 8, 5, 3), b.numbers(8), pads=(2, 1, 1, 0),
              output_padding=(0, 1), **PAIR)  # fmt: skip
    x = b.add("resize", x, scales=(1, 1, 2, 2), mode="linear")
    return b.add("resize", conv(b, x, 8, 8), scales=(1, 1, 0.5, 0.5), mode="linear")


def shuffles(b: Random) -> str:
    x = b.add("pixel_unshuffle", b.add("pad", "x", pads=(0, 0, 2, 1, 0, 0, 2, 3), mode="reflect"),
              block=2)  # fmt: skip
    x = conv(b, conv(b, x, 8, 16, groups=1), 16, 16, groups=16)
    return b.add("pixel_shuffle", conv(b, x, 16, 12), block=2)


def channels_last(b: Random) -> str:
    x = b.add("transpose", conv(b, "x", 2, 6), permutation=(0, 2, 3, 1))
    x = b.add("softmax", b.add("dense", x, b.weights(5, 6)), axis=-1)
    return conv(b, b.add("transpose", x, permutation=(0, 3, 1, 2)), 5, 3)


NETWORKS = (chain, valid, pools, ups, shuffles, channels_last)


def streamed(network: Network, x: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs, put together from rows; each row comes once and in order."""
    plan = network.plan({"x": x.shape})
    stream = streaming.stream(network, {"x": x.shape}, plan.algorithms)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in network.graph.outputs}
    done = dict.fromkeys(parts, 0)
    for name, begin, end, rows in stream.run(lambda _, begin, end: x[:, :, begin:end]):
        assert begin == done[name]
        done[name] = end
        parts[name].append(rows.copy())
    return {name: np.concatenate(rows, 2) for name, rows in parts.items()}


@pytest.mark.parametrize("pixels", [1, 2000])
@pytest.mark.parametrize("build", NETWORKS)
def test_rows_are_those_of_the_whole_image(build, pixels, monkeypatch):
    monkeypatch.setattr(streaming, "PIXELS", pixels)
    b = Random(3)
    network = Network(b.graph(build(b)))
    for size in ((70, 44), (37, 51)) if build is not shuffles else ((70, 44),):
        x = np.random.default_rng(0).random((1, 2, *size), np.float32)
        whole, rows = network({"x": x}), streamed(network, x)
        for name in whole:
            np.testing.assert_array_equal(rows[name], whole[name])


def test_outputs_of_several_sizes_and_few_rows_kept(monkeypatch):
    monkeypatch.setattr(streaming, "PIXELS", 1)
    network = Network(small_unet().graph)
    x = np.random.default_rng(0).random((1, 2, 640, 24), np.float32)
    whole, rows = network({"x": x}), streamed(network, x)
    assert all(np.array_equal(rows[name], whole[name]) for name in whole)
    shapes = {"x": x.shape}
    tall = {"x": (1, 2, 6400, 24)}
    memory = [streaming.stream(network, one, {}).memory for one in (shapes, tall)]
    assert memory[0] == memory[1] < network.plan(shapes).peak / 2


def test_an_image_too_wide_is_cut_into_strips(monkeypatch):
    """And where no layer can be streamed, into tiles."""
    model, image = small_unet(), np.random.default_rng(0).random((2, 120, 900), np.float32)
    memory = needed(model, *image.shape[1:]) // 4
    monkeypatch.setattr(streaming, "PIXELS", 1)
    whole, seen = run(model, {"x": image}, memory=2**40), []
    monkeypatch.setattr(
        runner, "streams", lambda *a: seen.extend(found := streaming.streams(*a)) or found
    )
    strips = run(model, {"x": image}, memory=memory)
    assert len(seen) > 1
    monkeypatch.setattr(runner, "streams", lambda *_: [])
    tiles = run(model, {"x": image}, memory=memory)
    for name in whole:
        assert np.array_equal(whole[name], strips[name])
        assert np.array_equal(whole[name], tiles[name])


def test_what_works_with_the_size_of_the_image_is_not_streamed():
    b = Random()
    y = b.add("reshape", conv(b, "x", 2, 4), shape=(1, 4, -1))
    network = Network(b.graph(y))
    with pytest.raises(streaming.CannotStream):
        streaming.stream(network, {"x": (1, 2, 40, 40)}, {})


def test_every_row_once_as_soon_as_it_can_be_and_nothing_waits_longer_than_needed():
    """Two inputs, a window of five rows over one, their sum over both."""
    slide = Read(0, [max(0, i - 2) for i in range(50)], [min(49, i + 2) for i in range(50)])
    tasks = [Task(50, 4), Task(50, 4), Task(50, 4, [slide]), Task(50, 8, [Read(1), Read(2)])]
    runs = list(order(tasks))
    for number, task in enumerate(tasks):
        rows = [row for n, begin, end in runs if n == number for row in range(begin, end)]
        assert rows == list(range(task.rows))
    done = [0] * 4
    for number, begin, end in runs:
        assert all(done[read.value] >= read.span(begin, end)[1] for read in tasks[number].reads)
        done[number] = end
    assert rows_kept(tasks) == [12, 8, 8, 8]


@pytest.mark.parametrize("size", [(410, 61), (110, 900)])
def test_rows_of_an_image_that_is_read_from_top_to_bottom(size, monkeypatch):
    """Whole, in rows, and in strips that are put together; the image is no multiple of four."""
    monkeypatch.setattr(streaming, "PIXELS", 1)
    monkeypatch.setattr("imgconv.engine.rows.TOGETHER", 16)
    model = small_unet()
    model = replace(model, graph=one_output(model.graph, model.graph.outputs[0]))
    image = np.random.default_rng(0).integers(0, 256, (2, *size)).astype(np.uint8)
    read: list[tuple[int, int]] = []

    @contextmanager
    def open_image():
        def rows(top: int, bottom: int) -> np.ndarray:
            assert not read or (top >= read[-1][0] and bottom >= read[-1][1])
            read.append((top, bottom))
            return image[:, top:bottom]

        read.clear()
        yield rows

    def scale(piece: np.ndarray) -> np.ndarray:
        return piece / np.float32(255)

    (whole,) = run(model, {"x": image}, prepare=scale, memory=2**40).values()
    counts = set()
    for share in (1, 2, 3, 4):
        source = RowSource(image.shape, open_image)
        memory = needed(model, *size) // share
        bands = list(run_rows(model, {"x": source}, prepare=scale, finish=np.abs, memory=memory))
        np.testing.assert_array_equal(np.concatenate(bands, 1), np.abs(whole))
        counts.add(len(bands))
    assert len(counts) > 1
