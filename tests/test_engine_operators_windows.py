"""Convolutions and pools of the engine against onnxruntime and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from engine_peers import error, onnxruntime_of, ours
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.engine.operators import evaluate
from imgconv.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
torch.set_num_threads(1)
functional = torch.nn.functional

LIMIT = 1e-5
few = settings(max_examples=40, deadline=None)
lengths = st.sampled_from([1, 2, 3, 5, 7, 8, 11, 13])


def listed(draw, count, values):
    return tuple(draw(values) for _ in range(count))


@st.composite
def convolutions(draw):
    axes = draw(st.sampled_from([1, 2, 2, 2, 3]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels, results = (groups * draw(st.integers(1, 4)) for _ in range(2))
    kernel = listed(draw, axes, st.integers(1, 4))
    return {
        "x": (draw(st.integers(1, 2)), channels, *listed(draw, axes, lengths)),
        "w": (results, channels // groups, *kernel),
        "strides": listed(draw, axes, st.integers(1, 5)),
        "dilations": listed(draw, axes, st.integers(1, 3)),
        "pads": listed(draw, 2 * axes, st.integers(0, 3)),
        "groups": groups,
        "bias": draw(st.booleans()),
        "seed": draw(st.integers(0, 999)),
    }


def fits(case):
    n = len(case["strides"])
    return all(
        size + case["pads"][i] + case["pads"][n + i] >= (k - 1) * d + 1
        for i, (size, k, d) in enumerate(
            zip(case["x"][2:], case["w"][2:], case["dilations"], strict=True)
        )
    )


def arrays(case, results):
    rng = np.random.default_rng(case["seed"])
    x, w = (rng.normal(size=case[name]).astype(np.float32) for name in ("x", "w"))
    return x, w, rng.normal(size=results).astype(np.float32) if case["bias"] else None


def onnx_windows(case):
    return {
        "strides": case["strides"],
        "dilations": case["dilations"],
        "pads": case["pads"],
    }


def padded(x, pads):
    """torch's own padding wants the last axis first."""
    n = len(pads) // 2
    return functional.pad(x, [p for i in reversed(range(n)) for p in (pads[i], pads[n + i])])


@few
@given(convolutions().filter(fits))
def test_convolution_is_that_of_onnxruntime_and_pytorch(case):
    x, w, b = arrays(case, case["w"][0])
    groups, windows = case["groups"], onnx_windows(case)
    found = ours("conv", x, w, b, groups=groups, **windows)
    assert error(found, onnxruntime_of("Conv", x, w, b, group=groups, **windows)[0]) <= LIMIT
    conv = getattr(functional, f"conv{len(case['strides'])}d")
    peer = conv(
        padded(torch.tensor(x), case["pads"]),
        torch.tensor(w),
        None if b is None else torch.tensor(b),
        case["strides"],
        0,
        case["dilations"],
        groups,
    )
    assert error(found, peer) <= LIMIT


@few
@given(st.integers(1, 6), st.integers(1, 2), convolutions())
def test_depthwise_convolution_is_that_of_onnxruntime(channels, times, case):
    case["x"] = (case["x"][0], channels, *case["x"][2:])
    case["w"] = (channels * times, 1, *case["w"][2:])
    if not fits(case):
        return
    x, w, b = arrays(case, case["w"][0])
    windows = onnx_windows(case)
    found = ours("conv", x, w, b, groups=channels, **windows)
    assert error(found, onnxruntime_of("Conv", x, w, b, group=channels, **windows)[0]) <= LIMIT


def test_a_large_convolution_is_the_same_in_bands_of_rows(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, (2, 6, 37, 41)).astype(np.float32)
    w = rng.integers(-9, 9, (4, 3, 3, 5)).astype(np.float32)
    attributes = {"strides": (2, 3), "pads": (1, 2, 3, 0), "groups": 2, "dilations": (2, 1)}
    whole = evaluate("conv", (x, w), attributes)[0]
    monkeypatch.setattr("imgconv.engine.operators.convolution.COLUMNS", 1)
    np.testing.assert_array_equal(evaluate("conv", (x, w), attributes)[0], whole)


@few
@given(convolutions(), st.data())
def test_transposed_convolution_is_that_of_onnxruntime_and_pytorch(case, data):
    case["w"] = (case["x"][1], case["w"][0] // case["groups"], *case["w"][2:])
    added = tuple(data.draw(st.integers(0, s - 1)) for s in case["strides"])
    x, w, b = arrays(case, case["w"][1] * case["groups"])
    windows, n = onnx_windows(case), len(added)
    extent = [(k - 1) * d + 1 for k, d in zip(case["w"][2:], case["dilations"], strict=True)]
    sizes = [
        (i - 1) * s + e + a - case["pads"][j] - case["pads"][n + j]
        for j, (i, s, e, a) in enumerate(
            zip(case["x"][2:], case["strides"], extent, added, strict=True)
        )
    ]
    attributes = {**windows, "output_padding": added}
    if min(sizes) < 1:
        with pytest.raises(InputError, match="allowed at least 1 an axis"):
            ours("conv_transpose", x, w, b, groups=case["groups"], **attributes)
        return
    found = ours("conv_transpose", x, w, b, groups=case["groups"], **attributes)
    peer = onnxruntime_of("ConvTranspose", x, w, b, group=case["groups"], **attributes)[0]
    assert error(found, peer) <= LIMIT
    symmetric = case["pads"][:n] == case["pads"][n:]
    if symmetric:
        function = getattr(functional, f"conv_transpose{n}d")
        peer = function(
            torch.tensor(x),
            torch.tensor(w),
            None if b is None else torch.tensor(b),
            case["strides"],
            case["pads"][:n],
            added,
            case["groups"],
            case["dilations"],
        )
        assert error(found, peer) <= LIMIT


@few
@given(convolutions(), st.sampled_from(["same_upper", "same_lower", "valid"]))
def test_automatic_padding_is_that_of_onnxruntime(case, auto_pad):
    case["dilations"] = (1,) * len(case["dilations"])  # onnxruntime ignores them here
    case["pads"] = (0,) * len(case["pads"])
    if auto_pad == "valid" and not fits(case):
        return
    if any(k < s for k, s in zip(case["w"][2:], case["strides"], strict=True)):
        return  # onnxruntime computes negative paddings, which TensorFlow holds at 0, and we
    x, w, b = arrays(case, case["w"][0])
    same = {"auto_pad": auto_pad, "strides": case["strides"]}
    theirs = {**same, "auto_pad": auto_pad.upper()}
    found = ours("conv", x, w, b, groups=case["groups"], **same)
    peer = onnxruntime_of("Conv", x, w, b, group=case["groups"], **theirs)[0]
    assert error(found, peer) <= LIMIT
    found = ours("max_pool", x, kernel=case["w"][2:], **same)
    peer = onnxruntime_of("MaxPool", x, kernel_shape=case["w"][2:], **theirs)[0]
    assert error(found, peer) <= LIMIT


@pytest.mark.parametrize("auto_pad", ["same_upper", "same_lower"])
@pytest.mark.parametrize(("size", "kernel", "stride"), [(5, 3, 2), (4, 4, 2), (7, 5, 3), (3, 3, 1)])
def test_a_transposed_convolution_with_automatic_padding_has_size_times_stride(
    auto_pad, size, kernel, stride
):
    rng = np.random.default_rng(size)
    x = rng.normal(size=(1, 2, size, size)).astype(np.float32)
    w = rng.normal(size=(2, 3, kernel, kernel)).astype(np.float32)
    found = ours("conv_transpose", x, w, auto_pad=auto_pad, strides=(stride, stride))
    assert found.shape[2:] == (size * stride,) * 2
    full = ours("conv_transpose", x, w, strides=(stride, stride))
    total = full.shape[2] - size * stride  # ONNX: the odd pixel goes to the end for same_upper
    begin = total // 2 if auto_pad == "same_upper" else total - total // 2
    cut = slice(begin, begin + size * stride)
    assert error(found, full[:, :, cut, cut]) == 0


def test_a_transposed_convolution_reaches_the_size_asked_for():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 1, 3, 3)).astype(np.float32)
    w = rng.normal(size=(1, 2, 3, 3)).astype(np.float32)
    attributes = {"strides": (3, 2), "output_shape": (10, 8), "output_padding": (1, 1)}
    peer = onnxruntime_of("ConvTranspose", x, w, **attributes)[0]
    assert error(ours("conv_transpose", x, w, **attributes), peer) <= LIMIT


@st.composite
def poolings(draw):
    axes = draw(st.sampled_from([1, 2, 2, 2, 3]))
    kernel = listed(draw, axes, st.integers(1, 4))
    return {
        "x": (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *listed(draw, axes, lengths)),
        "w": (1, 1, *kernel),
        "strides": listed(draw, axes, st.integers(1, 5)),
        "dilations": listed(draw, axes, st.integers(1, 3)),
        "pads": tuple(draw(st.integers(0, k // 2)) for k in (*kernel, *kernel)),
        "ceil": draw(st.booleans()),
        "seed": draw(st.integers(0, 999)),
    }


def image(case):
    return np.random.default_rng(case["seed"]).normal(size=case["x"]).astype(np.float32)


@few
@given(poolings().filter(fits))
def test_maximum_pooling_is_that_of_pytorch(case):
    n, x = len(case["strides"]), image(case)
    case["pads"] = case["pads"][:n] * 2
    if not fits(case):
        return
    kernel = case["w"][2:]
    found = ours("max_pool", x, kernel=kernel, ceil=case["ceil"], **onnx_windows(case))
    pool = getattr(functional, f"max_pool{n}d")
    peer = pool(
        torch.tensor(x),
        kernel,
        case["strides"],
        case["pads"][:n],
        case["dilations"],
        case["ceil"],
    )
    assert error(found, peer) == 0


@few
@given(poolings().filter(fits))
def test_pooling_is_that_of_onnxruntime(case):
    if any(case["pads"]):  # a window of padding alone is the lowest float32 there, -inf in PyTorch
        case["dilations"] = (1,) * len(case["dilations"])
    x, kernel, windows = image(case), case["w"][2:], onnx_windows(case)
    theirs = {"kernel_shape": kernel, **windows}
    found = ours("max_pool", x, kernel=kernel, **windows)
    assert error(found, onnxruntime_of("MaxPool", x, **theirs)[0]) == 0
    for include in (False, True):
        found = ours("average_pool", x, kernel=kernel, count_include_pad=include, **windows)
        peer = onnxruntime_of("AveragePool", x, count_include_pad=int(include), **theirs)[0]
        assert error(found, peer) <= LIMIT
    for p in (1, 2, 3):
        found = ours("l2_pool", x, kernel=kernel, p=p, **windows)
        assert error(found, onnxruntime_of("LpPool", x, p=p, **theirs)[0]) <= LIMIT


@few
@given(poolings(), st.booleans())
def test_average_pooling_rounded_up_is_that_of_pytorch(case, include):
    n, x, kernel = len(case["strides"]), image(case), case["w"][2:]
    case["dilations"], case["pads"] = (1,) * n, case["pads"][:n] * 2
    if not fits(case) or any(k > i for k, i in zip(kernel, case["x"][2:], strict=True)):
        return  # PyTorch takes no pixel of padding for a small image in three dimensions
    found = ours(
        "average_pool",
        x,
        kernel=kernel,
        strides=case["strides"],
        pads=case["pads"],
        ceil=case["ceil"],
        count_include_pad=include,
    )
    pool = getattr(functional, f"avg_pool{n}d")
    peer = pool(torch.tensor(x), kernel, case["strides"], case["pads"][:n], case["ceil"], include)
    assert error(found, peer) <= LIMIT


def test_a_window_that_sees_padding_alone_is_minus_infinity_or_zero():
    x = np.ones((1, 1, 2), np.float32)
    windows = {"kernel": (2,), "dilations": (3,), "pads": (1, 1)}
    peer = functional.max_pool1d(torch.tensor(x), 2, 1, 1, 3)
    np.testing.assert_array_equal(ours("max_pool", x, **windows), peer)
    np.testing.assert_array_equal(ours("average_pool", x, **windows), [[[0.0]]])


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5, 7), (1, 4, 3, 1, 2)])
def test_global_pooling_is_that_of_onnxruntime(shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for name, theirs in (
        ("global_average_pool", "GlobalAveragePool"),
        ("global_max_pool", "GlobalMaxPool"),
        ("global_l2_pool", "GlobalLpPool"),
    ):
        assert error(ours(name, x), onnxruntime_of(theirs, x)[0]) <= LIMIT


def test_what_does_not_fit_a_convolution_is_said():
    x, w = np.zeros((1, 4, 5, 5), np.float32), np.zeros((2, 3, 3, 3), np.float32)
    with pytest.raises(InputError, match="found an input of 4 channels, its weights are for 3"):
        ours("conv", x, w)
    with pytest.raises(InputError, match="found 3 groups, allowed a divisor of 2"):
        ours("conv", np.zeros((1, 9, 5, 5), np.float32), w, groups=3)
    with pytest.raises(InputError, match="window reaching over 3x3 pixels"):
        ours("conv", np.zeros((1, 3, 2, 5), np.float32), w)
    with pytest.raises(InputError, match="found a bias of shape 3, allowed 2 numbers"):
        ours("conv", np.zeros((1, 3, 5, 5), np.float32), w, np.zeros(3, np.float32))
    with pytest.raises(InputError, match="found 3 paddings, allowed 4"):
        ours("conv", np.zeros((1, 3, 5, 5), np.float32), w, pads=(1, 1, 1))
    with pytest.raises(InputError, match="weights of shape 2x3x3, the input is 1x3x5x5"):
        ours("conv", np.zeros((1, 3, 5, 5), np.float32), np.zeros((2, 3, 3), np.float32))
