"""Networks as they run, blocked, fused and planned, against each operator's plain formula."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_engine import evaluate
from random_graphs import Random

from imgconv import threads
from imgconv.engine import arena
from imgconv.engine.blocked.layer import V
from imgconv.engine.graph import Graph
from imgconv.engine.network import Network

ODD = [1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 24]


def error(graph: Graph, *arrays: np.ndarray, network: Network | None = None) -> float:
    """The largest difference from the formula, by the largest number of each output. The memory
    holds NaN before, as memory may."""
    inputs = dict(zip(graph.inputs, arrays, strict=True))
    network = network or Network(graph)
    numbers = network.plan({name: array.shape for name, array in inputs.items()}).numbers
    network.room = np.full(max(numbers, network.room.size), np.nan, np.float32)
    found, right = network(inputs), evaluate(graph, inputs)
    assert found.keys() == right.keys()
    for name in right:
        assert found[name].shape == right[name].shape
    return max(
        float(np.abs(found[k] - right[k]).max() / max(1e-6, np.abs(right[k]).max())) for k in right
    )


@settings(max_examples=60, deadline=None)
@given(
    C=st.sampled_from(ODD), K=st.sampled_from(ODD), H=st.integers(1, 20), W=st.integers(1, 20),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pads=st.tuples(*[st.integers(0, 3)] * 4), seed=st.integers(0, 99), batch=st.integers(1, 2),
)  # fmt: skip
def test_any_convolution_equals_its_formula(
    C, K, H, W, kernel, strides, dilations, pads, seed, batch
):
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if H + pads[0] + pads[2] < reach[0] or W + pads[1] + pads[3] < reach[1]:
        return
    b = Random(seed)
    y = b.add("conv", "x", b.weights(K, C, *kernel), b.numbers(K), strides=strides,
              dilations=dilations, pads=pads)  # fmt: skip
    x = b.rng.standard_normal((batch, C, H, W)).astype(np.float32)
    assert error(b.graph(b.add("relu", y)), x) <= 1e-5


@settings(max_examples=40, deadline=None)
@given(
    C=st.sampled_from(ODD), K=st.sampled_from(ODD), H=st.integers(1, 30), W=st.integers(1, 30),
    pads=st.tuples(*[st.integers(0, 2)] * 4), seed=st.integers(0, 99), added=st.booleans(),
)  # fmt: skip
def test_winograd_equals_the_formula_whatever_the_size(C, K, H, W, pads, seed, added):
    if H + pads[0] + pads[2] < 3 or W + pads[1] + pads[3] < 3:
        return
    b = Random(seed)
    y = b.add("conv", "x", b.weights(K, C, 3, 3), b.numbers(K), pads=pads)
    h, w = H + pads[0] + pads[2] - 2, W + pads[1] + pads[3] - 2
    arrays = [b.rng.standard_normal((1, C, H, W)).astype(np.float32)]
    if added:
        y = b.add("add", b.add("relu", "y"), y)
        arrays.append(b.rng.standard_normal((1, K, h, w)).astype(np.float32))
    graph = b.graph(b.add("leaky_relu", y, slope=0.2), inputs=len(arrays))
    network = Network(graph)
    chosen = {name: "winograd" for node in graph.nodes for name in node.outputs}
    inputs = dict(zip(graph.inputs, arrays, strict=True))
    plan = network.plan({n: a.shape for n, a in inputs.items()}, chosen)
    assert list(plan.algorithms.values()) == ["winograd"]
    found, right = network(inputs, chosen), evaluate(graph, inputs)
    for name in right:
        assert np.abs(found[name] - right[name]).max() <= 1e-5 * max(1, np.abs(right[name]).max())


@settings(max_examples=40, deadline=None)
@given(
    C=st.sampled_from(ODD), K=st.sampled_from(ODD), H=st.integers(1, 12), W=st.integers(1, 12),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4), more=st.integers(0, 1), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_transposed_convolution_equals_its_formula(
    C, K, H, W, kernel, strides, pads, more, seed
):
    sizes = [
        (n - 1) * s + k - pads[i] - pads[i + 2] + min(more, s - 1)
        for i, (n, s, k) in enumerate(zip((H, W), strides, kernel, strict=True))
    ]
    if min(sizes) < 1:
        return
    b = Random(seed)
    y = b.add(
        "conv_transpose", "x", b.weights(C, K, *kernel), b.numbers(K), strides=strides, pads=pads,
        output_padding=[min(more, s - 1) for s in strides],
    )  # fmt: skip
    x = b.rng.standard_normal((1, C, H, W)).astype(np.float32)
    assert error(b.graph(b.add("clip", y, low=-0.5, high=0.5)), x) <= 1e-5


@pytest.mark.parametrize(
    ("channels", "groups"), [(16, 2), (16, 8), (16, 16), (48, 2), (48, 3), (48, 16), (48, 48)]
)
def test_groups_of_channels_equal_the_formula_also_with_a_shortcut(channels, groups):
    b = Random(groups)
    y = b.add("conv", "x", b.weights(channels, channels // groups, 3, 3), pads=(1, 1, 1, 1),
              groups=groups)  # fmt: skip
    x = b.rng.standard_normal((1, channels, 19, 11)).astype(np.float32)
    assert error(b.graph(b.add("relu", b.add("add", y, "x"))), x) <= 1e-5


@settings(max_examples=30, deadline=None)
@given(
    operator=st.sampled_from(["max_pool", "average_pool"]), C=st.sampled_from(ODD),
    H=st.integers(1, 15), W=st.integers(1, 15), kernel=st.tuples(*[st.integers(1, 4)] * 2),
    strides=st.tuples(*[st.integers(1, 3)] * 2), pad=st.integers(0, 1), ceil=st.booleans(),
    counted=st.booleans(),
)  # fmt: skip
def test_any_pool_equals_its_formula(operator, C, H, W, kernel, strides, pad, ceil, counted):
    pad = min(pad, *(k // 2 for k in kernel))
    if H + 2 * pad < kernel[0] or W + 2 * pad < kernel[1]:
        return
    b = Random()
    more = {"count_include_pad": counted} if operator == "average_pool" else {}
    before = b.add("conv", "x", b.weights(C, C, 1, 1))  # so that its input is blocked
    y = b.add(operator, before, kernel=kernel, strides=strides, pads=(pad,) * 4, ceil=ceil, **more)
    x = b.rng.standard_normal((1, C, H, W)).astype(np.float32)
    assert error(b.graph(y), x) <= 1e-5


@settings(max_examples=30, deadline=None)
@given(
    mode=st.sampled_from(["nearest", "linear"]), C=st.sampled_from(ODD), H=st.integers(1, 12),
    W=st.integers(1, 12), to=st.tuples(st.integers(1, 25), st.integers(1, 25)),
    how=st.sampled_from(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]),
)  # fmt: skip
def test_any_resizing_equals_its_formula(mode, C, H, W, to, how):
    b = Random()
    before = b.add("conv", "x", b.weights(C, C, 1, 1))
    y = b.add("resize", before, sizes=(1, C, *to), mode=mode, coordinates=how)
    x = b.rng.standard_normal((1, C, H, W)).astype(np.float32)
    assert error(b.graph(y), x) <= 1e-5


def test_a_resizing_that_names_its_axes_is_done_in_blocks():
    """As training exports it. In plain NumPy it took a quarter of a large U-Net's time."""
    b = Random()
    before = b.add("conv", "x", b.weights(8, 8, 1, 1))
    y = b.add("resize", before, axes=(2, 3), scales=(2.0, 2.0), coordinates="asymmetric")
    plan = Network(b.graph(y)).plan({"x": (1, 8, 5, 6)})
    made = {key for step in plan.steps if step.stage for key in step.makes}
    assert (y, True) in made


@pytest.mark.parametrize(
    "operator", ["relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu", "clip"]
)
def test_activations_of_blocks_equal_their_formulas(operator):
    b = Random()
    limits = {"clip": {"low": -0.5, "high": 0.7}, "leaky_relu": {"slope": 0.3}}
    before = b.add("max_pool", b.add("conv", "x", 4 * b.weights(13, 3, 1, 1)), kernel=(1, 1))
    x = b.rng.standard_normal((1, 3, 21, 17)).astype(np.float32)
    x[0, :, 0, 0], x[0, :, 0, 1] = 90, -90
    graph = b.graph(b.add(operator, before, **limits.get(operator, {})))
    assert error(graph, x) <= 1e-6


@pytest.mark.parametrize("channels", [(8, 16), (5, 3), (16, 7, 9), (8, 8, 1)])
def test_values_are_made_where_a_concat_wants_them_or_copied_there(channels):
    b = Random()
    parts = [b.add("conv", "x", b.weights(c, 4, 3, 3), pads=(1, 1, 1, 1)) for c in channels]
    joined = b.add("concat", *parts, axis=1)
    twice = b.add("concat", joined, parts[0], joined, axis=1)
    last = b.add("conv", twice, b.weights(3, 2 * sum(channels) + channels[0], 1, 1))
    x = b.rng.standard_normal((1, 4, 10, 11)).astype(np.float32)
    assert error(b.graph(last, parts[0], joined), x) <= 1e-5


@pytest.mark.parametrize("channels", [6, 7, 14])
def test_nothing_is_left_behind_the_last_channel_of_a_concat(channels):
    b = Random()
    joined = b.add("concat", "x", b.add("conv", "x", b.weights(channels, 3, 1, 1)), axis=1)
    y = b.add("conv", joined, b.weights(4, 3 + channels, 3, 3), pads=(1, 1, 1, 1))
    assert error(b.graph(y), b.rng.standard_normal((1, 3, 8, 12)).astype(np.float32)) <= 1e-5


def residual(b: Random) -> Graph:
    """A few layers with all that plans do: norms, joins, shortcuts, pools, scales."""
    x = b.add("conv", "x", b.weights(12, 3, 5, 5), strides=(2, 2), pads=(2, 2, 2, 2))
    x = b.add("batch_norm", x, *(b.numbers(12) for _ in range(3)), abs(b.numbers(12)) + 0.5)
    x = first = b.add("relu", x)
    for _ in range(2):
        y = b.add("relu", b.add("conv", x, b.weights(12, 12, 3, 3), pads=(1, 1, 1, 1)))
        y = b.add("conv", y, b.weights(12, 12, 3, 3), b.numbers(12), pads=(1, 1, 1, 1))
        x = b.add("relu", b.add("add", x, y))
    y = b.add(
        "prelu", b.add("max_pool", x, kernel=(2, 2), strides=(2, 2)), b.numbers(12)[:, None, None]
    )
    y = b.add("conv_transpose", y, b.weights(12, 9, 2, 2), strides=(2, 2))
    x = b.add("concat", b.add("sigmoid", y), first, axis=1)
    squeezed = b.add("global_average_pool", x)
    gate = b.add("sigmoid", b.add("conv", squeezed, b.weights(21, 21, 1, 1)))
    x = b.add("mul", x, gate)
    return b.graph(b.add("softmax", b.add("conv", x, b.weights(5, 21, 1, 1)), axis=1), first)


def test_a_network_with_everything_equals_its_formula():
    b = Random(3)
    graph = residual(b)
    for size in ((24, 40), (8, 8)):
        assert error(graph, b.rng.standard_normal((1, 3, *size)).astype(np.float32)) <= 1e-5


def test_the_same_network_runs_images_of_many_sizes_in_turn():
    b = Random(4)
    network = Network(residual(b))
    for size in ((24, 40), (8, 8), (24, 40), (100, 60), (12, 12), (8, 8)):
        x = b.rng.standard_normal((1, 3, *size)).astype(np.float32)
        assert error(network.graph, x, network=network) <= 1e-5


def test_the_result_is_the_same_to_the_bit_for_any_number_of_threads():
    b = Random(5)
    x = b.rng.standard_normal((1, 3, 200, 136)).astype(np.float32)
    graph, results = residual(b), []
    try:
        for granted in (1, 2, 3, 7):
            threads.use(granted)
            results.append(Network(graph)({"x": x}))
    finally:
        threads.use(None)
    for other in results[1:]:
        assert all(np.array_equal(results[0][name], other[name]) for name in other)


def test_what_is_not_a_number_stays_so_and_infinity_too():
    b = Random()
    graph = b.graph(b.add("relu", b.add("conv", "x", np.ones((8, 1, 1, 1), np.float32))))
    x = np.ones((1, 1, 3, 8), np.float32)
    x[0, 0, 0, :3] = np.nan, np.inf, -np.inf
    (found,) = Network(graph)({"x": x}).values()
    assert np.isnan(found[0, :, 0, 0]).all() and np.isposinf(found[0, :, 0, 1]).all()
    assert (found[0, :, 0, 2] == 0).all() and (found[0, :, 1:] == 1).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 12), st.integers(0, 6)), max_size=20))
def test_values_that_live_together_never_share_memory(lives):
    spans = [arena.Span(size, first, first + more) for size, first, more in lives]
    places, total = arena.place(spans)
    for i, (a, at) in enumerate(zip(spans, places, strict=True)):
        assert at % arena.LINE == 0 and at + a.size <= total
        for b, other in zip(spans[:i], places[:i], strict=True):
            together = a.first <= b.last and b.first <= a.last
            assert not together or at + a.size <= other or other + b.size <= at
    assert total <= sum(span.size + arena.LINE for span in spans)


def test_a_chain_of_layers_needs_the_memory_of_two():
    b = Random()
    x = "x"
    for _ in range(10):
        x = b.add("conv", x, b.weights(8, 8, 3, 3), pads=(1, 1, 1, 1))
    plan = Network(b.graph(x)).plan({"x": (1, 8, 64, 64)})
    assert plan.numbers == 2 * max(8, V) * 64 * 64  # in whole blocks of V channels


NARROW = """
import numpy as np
from random_graphs import Random
from test_engine_network import error, residual
from imgconv.engine.blocked.layer import V
b = Random(3)
assert V == 4, V
print(error(residual(b), b.rng.standard_normal((1, 3, 24, 40)).astype(np.float32)))
"""


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="x86 only")
@pytest.mark.long
def test_vectors_of_four_give_the_same_results(tmp_path):
    narrow = {
        "NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2,+sse4.1",
        "IMGCONV_CACHE": str(tmp_path),
    }  # fmt: skip
    command = [sys.executable, "-c", NARROW]
    done = subprocess.run(
        command, env={**os.environ, **narrow}, cwd=Path(__file__).parent, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert float(done.stdout) <= 1e-5
