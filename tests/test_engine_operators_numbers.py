"""Activations, arithmetic, reductions and normalisations against onnxruntime and PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_peers import error, onnxruntime_of, ours
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.engine.operators import OPERATORS, evaluate
from imgconv.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
torch.set_num_threads(1)
functional = torch.nn.functional

LIMIT = 1e-5
few = settings(max_examples=25, deadline=None)
shapes = st.lists(st.sampled_from([1, 2, 3, 5, 7]), min_size=1, max_size=5).map(tuple)


def normal(shape, seed=0, scale=3.0):
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32)


ACTIVATIONS = [
    ("relu", {}, "Relu", {}, functional.relu),
    ("leaky_relu", {"slope": 0.2}, "LeakyRelu", {"alpha": 0.2},
     lambda x: functional.leaky_relu(x, 0.2)),
    ("elu", {"alpha": 1.3}, "Elu", {"alpha": 1.3}, lambda x: functional.elu(x, 1.3)),
    ("selu", {}, "Selu", {}, functional.selu),
    ("celu", {"alpha": 0.7}, "Celu", {"alpha": 0.7}, lambda x: functional.celu(x, 0.7)),
    ("sigmoid", {}, "Sigmoid", {}, torch.sigmoid),
    ("tanh", {}, "Tanh", {}, torch.tanh),
    ("gelu", {}, "Gelu", {}, functional.gelu),
    ("gelu", {"approximate": "tanh"}, "Gelu", {"approximate": "tanh"},
     lambda x: functional.gelu(x, approximate="tanh")),
    ("softplus", {}, "Softplus", {}, functional.softplus),
    ("softsign", {}, "Softsign", {}, functional.softsign),
    ("mish", {}, "Mish", {}, functional.mish),
    ("hard_sigmoid", {"alpha": 1 / 6}, "HardSigmoid", {"alpha": 1 / 6}, functional.hardsigmoid),
    ("hard_swish", {}, "HardSwish", {}, functional.hardswish),
    ("thresholded_relu", {"alpha": 0.5}, "ThresholdedRelu", {"alpha": 0.5},
     lambda x: functional.threshold(x, 0.5, 0.0)),
    ("erf", {}, "Erf", {}, torch.erf),
    ("softmax", {"axis": 0}, "Softmax", {"axis": 0}, lambda x: functional.softmax(x, 0)),
    ("log_softmax", {}, "LogSoftmax", {}, lambda x: functional.log_softmax(x, -1)),
]  # fmt: skip


@pytest.mark.parametrize("case", ACTIVATIONS, ids=lambda case: f"{case[0]}-{len(case[1])}")
@settings(max_examples=10, deadline=None)
@given(shapes, st.integers(0, 99), st.sampled_from([0.01, 1, 4, 20]))
def test_an_activation_is_that_of_onnxruntime_and_pytorch(case, shape, seed, scale):
    name, attributes, theirs, their_attributes, peer = case
    x = normal(shape, seed, scale)
    x.flat[0] = scale  # an error is measured by the largest result: one is not near zero
    found = ours(name, x, **attributes)
    assert found.dtype == np.float32
    assert error(found, onnxruntime_of(theirs, x, **their_attributes)[0]) <= LIMIT
    assert error(found, peer(torch.tensor(x))) <= LIMIT


def test_silu_is_that_of_pytorch():
    x = normal((4, 5, 6), 1, 20)
    assert error(ours("silu", x), functional.silu(torch.tensor(x))) <= LIMIT


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "softplus", "softmax", "elu"])
def test_an_activation_of_the_largest_numbers_is_finite(name):
    x = np.array([-3e38, -200, -88, 0, 88, 200], np.float32)
    assert np.isfinite(ours(name, x)).all()


def test_erf_is_right_to_seven_digits():
    x = np.linspace(-6, 6, 4001, dtype=np.float32)
    exact = np.array([math.erf(value) for value in x.tolist()])
    found = ours("erf", x).astype(np.float64)
    assert np.abs(found - exact).max() <= 2.5e-7
    small = np.abs(x) < 1
    relative = np.abs(found - exact)[small] / np.maximum(np.abs(exact[small]), 1e-30)
    assert relative.max() <= 2e-7


@few
@given(st.integers(1, 5), shapes, st.integers(0, 99))
def test_prelu_is_that_of_pytorch(channels, rest, seed):
    x = normal((2, channels, *rest), seed)
    slope = normal((channels,), seed + 1)
    found = ours("prelu", x, slope.reshape(-1, *(1,) * len(rest)))
    assert error(found, functional.prelu(torch.tensor(x), torch.tensor(slope))) == 0


def test_clip_takes_its_limits_as_attributes_or_inputs():
    x = normal((3, 4))
    low, high = np.float32(-1), np.float32(2)
    wanted = onnxruntime_of("Clip", x, np.array(low), np.array(high))[0]
    assert error(ours("clip", x, low=-1, high=2), wanted) == 0
    assert error(ours("clip", x, np.array(low), np.array(high)), wanted) == 0
    assert error(ours("clip", x, None, np.array(high)), np.minimum(x, 2)) == 0
    assert error(ours("clip", x, None, np.array(high), low=-1), wanted) == 0
    assert error(ours("clip", x), x) == 0


TWO = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div",
    "equal": "Equal", "greater": "Greater", "greater_or_equal": "GreaterOrEqual",
    "less": "Less", "less_or_equal": "LessOrEqual",
}  # fmt: skip


@pytest.mark.parametrize("name", TWO)
@settings(max_examples=10, deadline=None)
@given(shapes, st.data())
def test_arithmetic_broadcasts_like_onnxruntime(name, shape, data):
    other = tuple(data.draw(st.sampled_from([1, n])) for n in shape)
    other = other[data.draw(st.integers(0, len(other))) :]
    x, y = (np.round(normal(s, seed)) + 0.5 for seed, s in enumerate((shape, other)))
    for a, b in ((x, y), (y, x), (np.int64(1) * x.astype(np.int64), (y - 0.5).astype(np.int64))):
        b = np.where(b == 0, np.asarray(1, b.dtype), b)
        wanted = onnxruntime_of(TWO[name], a, b)[0]
        found = ours(name, a, b)
        assert found.dtype == wanted.dtype
        assert error(found, wanted) <= 1e-6


def test_powers_and_remainders_are_those_of_onnxruntime():
    x, y = np.abs(normal((3, 4))), normal((4,), 1, 1)
    assert error(ours("pow", x, y), onnxruntime_of("Pow", x, y)[0]) <= LIMIT
    squared = ours("pow", normal((3, 4)), np.array(2, np.int64))
    assert error(squared, onnxruntime_of("Pow", normal((3, 4)), np.array(2, np.int64))[0]) <= LIMIT
    a, b = np.array([-7, 7, -7, 7], np.int64), np.array([3, -3, -3, 3], np.int64)
    assert error(ours("mod", a, b), onnxruntime_of("Mod", a, b)[0]) == 0
    assert error(ours("mod", a, b, truncated=True), onnxruntime_of("Mod", a, b, fmod=1)[0]) == 0
    assert error(ours("pow", a, np.array(2.0)), onnxruntime_of("Pow", a, np.array(2.0))[0]) == 0


ONE = {
    "abs": "Abs", "ceil": "Ceil", "cos": "Cos", "exp": "Exp", "floor": "Floor", "neg": "Neg",
    "round": "Round", "sign": "Sign", "sin": "Sin", "reciprocal": "Reciprocal",
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_a_function_of_one_number_is_that_of_onnxruntime(name):
    x = np.concatenate([normal((50,)), np.float32([-2.5, -0.5, 0.5, 1.5, 2.5])])
    assert error(ours(name, x), onnxruntime_of(ONE[name], x)[0]) <= LIMIT


def test_logarithms_and_roots_make_infinities_and_nan_without_a_warning():
    x = np.float32([0, 1, 4, -1])
    np.testing.assert_array_equal(ours("log", x), onnxruntime_of("Log", x)[0])
    np.testing.assert_array_equal(ours("sqrt", x), onnxruntime_of("Sqrt", x)[0])
    np.testing.assert_array_equal(ours("div", x, x * 0), onnxruntime_of("Div", x, x * 0)[0])


def test_logic_is_that_of_numpy():
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    np.testing.assert_array_equal(ours("and", a, b), a & b)
    np.testing.assert_array_equal(ours("or", a, b), a | b)
    np.testing.assert_array_equal(ours("xor", a, b), a ^ b)
    np.testing.assert_array_equal(ours("not", a), ~a)
    x, y = normal((3, 1)), normal((4,), 1)
    np.testing.assert_array_equal(ours("where", a, x, y), np.where(a, x, y))
    np.testing.assert_array_equal(ours("where", a.astype(np.int64), x, y), np.where(a, x, y))


@pytest.mark.parametrize("name", ["min", "max"])
def test_the_least_and_the_greatest_of_many_are_those_of_onnxruntime(name):
    x = [normal((3, 4)), normal((4,), 1), normal((3, 1), 2)]
    for many in (x, x[:1]):
        assert error(ours(name, *many), onnxruntime_of(name.title(), *many)[0]) == 0


REDUCTIONS = {
    "reduce_mean": "ReduceMean", "reduce_sum": "ReduceSum", "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin", "reduce_prod": "ReduceProd", "reduce_l1": "ReduceL1",
    "reduce_l2": "ReduceL2", "reduce_sum_square": "ReduceSumSquare",
    "reduce_log_sum_exp": "ReduceLogSumExp", "reduce_log_sum": "ReduceLogSum",
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@settings(max_examples=12, deadline=None)
@given(shapes, st.booleans(), st.booleans(), st.data())
def test_a_reduction_is_that_of_onnxruntime(name, shape, keepdims, none, data):
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
    axes = [a - len(shape) if data.draw(st.booleans()) else a for a in axes]
    x = np.abs(normal(shape)) + 0.1 if name == "reduce_log_sum" else normal(shape, 1, 1)
    given_axes = np.array(axes, np.int64)
    flags = {"keepdims": keepdims, "none_is_none": none}
    theirs = {"keepdims": int(keepdims), "noop_with_empty_axes": int(none)}
    if none and not axes:  # onnxruntime disagrees with itself on what is left of the formula
        assert ours(name, x, given_axes, **flags).shape == shape
        return
    wanted = onnxruntime_of(REDUCTIONS[name], x, given_axes, **theirs)[0]
    assert error(ours(name, x, given_axes, **flags), wanted) <= LIMIT
    if axes:
        assert error(ours(name, x, axes=axes, **flags), wanted) <= LIMIT


def test_a_mean_of_many_numbers_far_from_zero_keeps_its_digits():
    x = (np.random.default_rng(0).random((1, 2, 512, 512)) + 1000).astype(np.float32)
    exact = x.astype(np.float64).mean((2, 3), keepdims=True)
    assert error(ours("reduce_mean", x, axes=(2, 3)), exact) <= 1e-7
    assert error(ours("global_average_pool", x), exact) <= 1e-7


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_place_of_the_maximum_is_that_of_onnxruntime(axis, last):
    x = np.round(normal((4, 5, 6), 1, 1))
    wanted = onnxruntime_of("ArgMax", x, axis=axis, select_last_index=int(last), keepdims=0)[0]
    found = ours("arg_max", x, axis=axis, last=last, keepdims=False)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)


channels_first = st.tuples(
    st.integers(1, 2), st.integers(1, 7), st.integers(1, 7), st.integers(1, 7)
)


@few
@given(channels_first, st.integers(0, 99), st.sampled_from([1e-5, 1e-3, 0.5]))
def test_batch_norm_is_that_of_onnxruntime_and_pytorch(shape, seed, epsilon):
    x = normal(shape, seed) + 50
    scale, bias, mean = (normal((shape[1],), seed + i) for i in (1, 2, 3))
    mean, variance = mean + 50, np.abs(normal((shape[1],), seed + 4)) + 0.01
    found = ours("batch_norm", x, scale, bias, mean, variance, epsilon=epsilon)
    vectors = (scale, bias, mean, variance)
    peer = functional.batch_norm(
        torch.tensor(x).double(),
        *(torch.tensor(v).double() for v in (mean, variance, scale, bias)),
        eps=epsilon,
    )
    assert error(found, peer) <= LIMIT
    x = normal(shape, seed)
    vectors = (scale, bias, mean - 50, variance)
    found = ours("batch_norm", x, *vectors, epsilon=epsilon)
    peer = onnxruntime_of("BatchNormalization", x, *vectors, epsilon=epsilon)[0]
    assert error(found, peer) <= LIMIT


@few
@given(channels_first, st.integers(0, 99), st.sampled_from([1, 2, 3]))
def test_norms_over_space_are_those_of_pytorch(shape, seed, groups):
    shape = (shape[0], shape[1] * groups, *shape[2:])
    x = normal(shape, seed) + 2
    scale, bias = normal((shape[1],), seed + 1), normal((shape[1],), seed + 2)
    wide = [torch.tensor(a).double() for a in (x, scale, bias)]
    found = ours("group_norm", x, scale, bias, groups=groups, epsilon=1e-3)
    if found.size > groups:  # PyTorch takes it for training and refuses a single number
        assert error(found, functional.group_norm(wide[0], groups, *wide[1:], 1e-3)) <= LIMIT
    found = ours("group_norm", x, scale, bias, groups=shape[1], epsilon=1e-3)
    assert error(found, ours("instance_norm", x, scale, bias, epsilon=1e-3)) <= 1e-6
    # onnxruntime sums in float32: a larger epsilon keeps its own errors small
    peer = onnxruntime_of("InstanceNormalization", x, scale, bias, epsilon=0.5)[0]
    assert error(ours("instance_norm", x, scale, bias, epsilon=0.5), peer) <= LIMIT
    peer = onnxruntime_of("GroupNormalization", x, scale, bias, num_groups=groups, epsilon=0.5)[0]
    assert error(ours("group_norm", x, scale, bias, groups=groups, epsilon=0.5), peer) <= LIMIT


@few
@given(shapes, st.data())
def test_layer_norm_is_that_of_onnxruntime_and_pytorch(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    inner = shape[axis:]
    x, scale, bias = normal(shape), normal(inner, 1), normal(inner, 2)
    wide = [torch.tensor(a).double() for a in (x, scale, bias)]
    found = ours("layer_norm", x, scale, bias, axis=axis, epsilon=1e-3)
    assert error(found, functional.layer_norm(wide[0], inner, *wide[1:], 1e-3)) <= LIMIT
    for vectors in ((scale, bias), (scale,)):
        found = ours("layer_norm", x, *vectors, axis=axis, epsilon=0.5)
        peer = onnxruntime_of("LayerNormalization", x, *vectors, axis=axis, epsilon=0.5)[0]
        assert error(found, peer) <= LIMIT


@few
@given(channels_first, st.sampled_from([1, 3, 5, 9]), st.integers(0, 99))
def test_local_response_norm_is_that_of_onnxruntime_and_pytorch(shape, size, seed):
    x = normal(shape, seed)
    attributes = {"size": size, "alpha": 0.2, "beta": 0.7, "bias": 1.5}
    found = ours("local_response_norm", x, **attributes)
    assert error(found, onnxruntime_of("LRN", x, **attributes)[0]) <= LIMIT
    peer = functional.local_response_norm(torch.tensor(x), size, 0.2, 0.7, 1.5)
    assert error(found, peer) <= LIMIT


@pytest.mark.parametrize("size", [2, 4])
def test_an_even_local_response_norm_follows_the_definition_of_onnx(size):
    x = normal((1, 7, 2, 3))
    wanted = np.empty_like(x)
    for c in range(7):
        low, high = max(0, c - (size - 1) // 2), min(7, c + math.ceil((size - 1) / 2) + 1)
        wanted[:, c] = x[:, c] / (1 + 0.2 / size * (x[:, low:high] ** 2).sum(1)) ** 0.75
    assert error(ours("local_response_norm", x, size=size, alpha=0.2), wanted) <= LIMIT


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [1, -1])
def test_vectors_of_length_one_are_those_of_onnxruntime(axis, p):
    x = normal((2, 5, 4))
    found = ours("lp_norm", x, axis=axis, p=p)
    assert error(found, onnxruntime_of("LpNormalization", x, axis=axis, p=p)[0]) <= LIMIT
    assert not ours("lp_norm", x * 0, axis=axis, p=p).any()


@few
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_dense_layers_and_matrix_products_are_those_of_pytorch(n, c, k, bias):
    x, w = normal((n, c)), normal((k, c), 1)
    b = normal((k,), 2) if bias else None
    peer = functional.linear(
        torch.tensor(x), torch.tensor(w), None if b is None else torch.tensor(b)
    )
    assert error(ours("dense", x, w, b), peer) <= LIMIT
    stack = normal((2, 1, n, c)), normal((3, c, k))
    assert error(ours("matmul", *stack), onnxruntime_of("MatMul", *stack)[0]) <= LIMIT
    assert error(ours("matmul", x, w.T[:, 0].copy()), x @ w[0]) <= LIMIT


def test_sizes_that_do_not_fit_are_said():
    x = np.zeros((1, 3, 4, 4), np.float32)
    with pytest.raises(InputError, match="shapes 1x3x4x4 and 5x1 do not fit together"):
        ours("add", x, np.zeros((5, 1), np.float32))
    with pytest.raises(InputError, match="found 2 groups, allowed a divisor of 3 channels"):
        ours("group_norm", x, np.zeros(3, np.float32), np.zeros(3, np.float32), groups=2)
    with pytest.raises(InputError, match="found 4 numbers for 3 channels"):
        ours("instance_norm", x, np.zeros(4, np.float32), np.zeros(4, np.float32))
    with pytest.raises(InputError, match="found axis 4, allowed -4 to 3 for 4 axes"):
        evaluate("reduce_mean", (x,), {"axes": (4,)})
    with pytest.raises(InputError, match=r"found an input of shape 1x3x4x4 and weights of 2x3"):
        ours("dense", x, np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_says_its_formula(name):
    assert OPERATORS[name].apply.__doc__.strip().endswith((".", ")"))
