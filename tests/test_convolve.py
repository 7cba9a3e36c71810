"""The layer against PyTorch, SciPy, plain loops and the lecture."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal

from imgconv.errors import InputError, UsageError
from imgconv.ops.bank import Bank, bank
from imgconv.ops.convolve import Layer

DTYPES = (np.uint8, np.uint16, np.float32)


def image(seed: int, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def random_bank(seed: int, maps: int, channels: int, h: int, w: int) -> Bank:
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((maps, channels, h, w)).astype(np.float32)
    biases = rng.standard_normal(maps).astype(np.float32)
    return Bank(weights, biases, tuple(map(str, range(maps))), shared=False)


def naive(pixels, weights, biases, stride, before, shape, dilation):
    """The formula, number by number, in float64."""
    H, W, C = pixels.shape
    K, _, h, w = weights.shape
    out = np.zeros((K, *shape))
    for k, i, j in np.ndindex(K, *shape):
        out[k, i, j] = biases[k]
        for c, u, v in np.ndindex(C, h, w):
            y = i * stride[0] + u * dilation[0] - before[0]
            x = j * stride[1] + v * dilation[1] - before[1]
            if 0 <= y < H and 0 <= x < W:
                out[k, i, j] += float(weights[k, c, u, v]) * float(pixels[y, x, c])
    return out


def close(found: np.ndarray, wanted: np.ndarray, scale: float = 1.0) -> bool:
    """Equal but for the rounding of float32 sums of numbers as large as `scale`."""
    return found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-4, atol=1e-4 * scale)


small = st.integers(1, 3)
pairs = st.tuples(small, small)
windows = st.tuples(st.integers(1, 5), st.integers(1, 5))
sizes = st.tuples(st.integers(1, 20), st.integers(1, 70))


@given(sizes, st.integers(1, 4), st.integers(1, 9), windows, pairs, pairs,
       st.tuples(st.integers(0, 6), st.integers(0, 6)), st.sampled_from(DTYPES),
       st.integers(0, 99))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_values_and_shapes_are_those_of_pytorch(
    size, channels, maps, window, stride, dilation, zeros, dtype, seed
):
    torch = pytest.importorskip("torch")
    pixels = image(seed, (*size, channels), dtype)
    layer = Layer(random_bank(seed, maps, channels, *window), stride, zeros, dilation)
    assume(all(n + 2 * z >= d for n, z, d in zip(size, zeros, layer.window, strict=True)))
    expected = torch.nn.functional.conv2d(
        torch.tensor(pixels.astype(np.float32)).permute(2, 0, 1)[None],
        torch.tensor(layer.bank.weights), torch.tensor(layer.bank.biases),
        stride, zeros, dilation,
    )  # fmt: skip
    found = layer(pixels)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    assert close(found, expected[0].numpy(), np.abs(pixels).max())


@given(sizes, st.integers(1, 3), st.integers(1, 5), windows, pairs, pairs,
       st.sampled_from(["valid", "same", "full"]), st.integers(0, 99))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_values_are_those_of_plain_loops(
    size, channels, maps, window, stride, dilation, zeros, seed
):
    size = (min(size[0], 9), min(size[1], 11))
    pixels = image(seed, (*size, channels))
    layer = Layer(random_bank(seed, maps, channels, *window), stride, zeros, dilation)
    if zeros == "valid":
        assume(all(n >= d for n, d in zip(size, layer.window, strict=True)))
    before, shape = layer.place(*size)
    weights, biases = layer.bank.weights, layer.bank.biases
    expected = naive(pixels, weights, biases, stride, before, shape, dilation)
    assert close(layer(pixels), expected)


@given(sizes, windows, pairs, pairs)
@settings(max_examples=100, deadline=None)
def test_same_with_a_stride_is_placed_as_onnx_says(size, window, stride, dilation):
    """SAME_UPPER: ceil(size / stride) places, an odd zero at the end."""
    layer = Layer(random_bank(0, 1, 1, *window), stride, "same", dilation)
    before, shape = layer.place(*size)
    for axis in (0, 1):
        assert shape[axis] == -(-size[axis] // stride[axis])
        reach = (shape[axis] - 1) * stride[axis] + layer.window[axis]
        total = max(reach - size[axis], 0)
        assert before[axis] == total // 2


@pytest.mark.parametrize("window", [(1, 1), (3, 3), (2, 5), (9, 4)])
@pytest.mark.parametrize("flip", [False, True])
def test_full_is_scipys_full_and_flip_is_true_convolution(window, flip):
    pixels = image(1, (7, 12, 1))
    layer = Layer(random_bank(2, 3, 1, *window), padding="full", flip=flip)
    operate = signal.convolve2d if flip else signal.correlate2d
    for found, weights, bias in zip(
        layer(pixels), layer.bank.weights, layer.bank.biases, strict=True
    ):
        assert close(found, operate(pixels[..., 0], weights[0], "full") + bias)


def test_seven_by_seven_gives_five_by_five_and_with_stride_two_three_by_three():
    pixels = image(3, (7, 7, 1))
    stencil = bank(["1 2 3; 4 5 6; 7 8 9"])
    one, two = Layer(stencil)(pixels), Layer(stencil, stride=(2, 2))(pixels)
    assert one.shape == (1, 5, 5) and two.shape == (1, 3, 3)
    assert np.array_equal(two, one[:, ::2, ::2])


def test_the_worked_example_of_the_lecture():
    pixels = np.array(
        [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]],
        np.uint8,
    )[..., None]
    found = Layer(bank(["1 0 1; 0 1 0; 1 0 1"]))(pixels)
    assert found.tolist() == [[[4, 3, 4], [2, 4, 3], [2, 3, 4]]]


def test_twenty_shared_maps_of_five_by_five_have_520_parameters():
    layer = Layer(bank(["box:5"] * 20))
    assert layer.parameters(1) == ("20 x (5x5x1 weights + 1 bias)", 520)
    assert layer.parameters(3)[1] == 20 * (3 * 25 + 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_matrix_for_all_channels_sums_over_them(dtype):
    pixels = image(4, (20, 40, 3), dtype)
    layer = Layer(bank(["sobel-x", "box"]), padding="same")
    apart = [layer(np.ascontiguousarray(pixels[..., c : c + 1])) for c in range(3)]
    assert close(layer(pixels), np.sum(apart, axis=0), float(np.abs(pixels).max()))


@pytest.mark.parametrize("maps", [1, 4, 6])
def test_per_channel_gives_every_stencil_of_every_channel(maps):
    pixels = image(5, (15, 33, 3), np.uint8)
    weights = image(6, (maps, 3, 3, 2))
    biases = image(7, (maps,))
    shared = Bank(weights[:, :1], biases, ("",) * maps, shared=True)
    own = Bank(weights, biases, ("",) * maps, shared=False)
    for some in (shared, own):
        found = Layer(some, per_channel=True)(pixels)
        assert found.shape == (maps * 3, 13, 32)
        for k in range(maps):
            for c in range(3):
                one = some.weights[k : k + 1, c if some is own else 0][:, None]
                alone = Layer(Bank(one, biases[k : k + 1], ("",), False))
                expected = alone(np.ascontiguousarray(pixels[..., c : c + 1]))[0]
                assert close(found[k * 3 + c], expected, 255)


def test_activations_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    pixels = image(8, (40, 60, 1)) * 20
    stencils = random_bank(9, 5, 1, 3, 3)
    linear = torch.tensor(Layer(stencils)(pixels))
    for name in ("relu", "sigmoid", "tanh"):
        found = Layer(stencils, activation=name)(pixels)
        assert np.allclose(found, getattr(torch, name)(linear).numpy(), atol=1e-6)


@pytest.mark.parametrize("activation", ["none", "relu", "sigmoid", "tanh"])
def test_what_is_not_a_number_stays_so_and_does_not_spread(activation):
    pixels = np.zeros((9, 90, 1), np.float32)
    pixels[4, 40] = np.nan
    found = Layer(bank(["outline"] * 5), padding="same", activation=activation)(pixels)
    places = np.zeros((9, 90), bool)
    places[3:6, 39:42] = True
    assert all(np.array_equal(np.isnan(one), places) for one in found)


def test_the_result_does_not_depend_on_the_number_of_threads():
    from imgconv import threads

    pixels = image(10, (150, 1000, 3), np.uint8)
    layer = Layer(random_bank(11, 6, 3, 5, 5), (2, 1), "same", (1, 2))
    try:
        threads.use(1)
        alone = layer(pixels)
        threads.use(3)
        assert np.array_equal(layer(pixels), alone)
    finally:
        threads.use(None)


def test_maps_can_be_written_into_memory_in_use():
    layer = Layer(random_bank(1, 3, 1, 3, 3))
    first, second = image(1, (20, 30, 1)), image(2, (20, 30, 1))
    memory = layer(first)
    assert layer(second, memory) is memory
    assert np.array_equal(memory, layer(second))
    assert layer(image(3, (9, 9, 1)), memory).shape == (3, 7, 7)


def test_a_layer_can_be_sent_to_another_process():
    layer = Layer(bank(["sharpen", "box"], ["1/2"]), (2, 2), "same", activation="tanh")
    pixels = image(12, (10, 10, 1))
    assert np.array_equal(pickle.loads(pickle.dumps(layer))(pixels), layer(pixels))


def test_scale_and_bias():
    pixels = image(13, (9, 9, 1), np.uint8)
    plain = Layer(bank(["sobel-x", "sobel-y"]))(pixels)
    found = Layer(bank(["sobel-x", "sobel-y"], ["1/2, -3"], 1 / 255))(pixels)
    expected = plain / 255 + np.array([0.5, -3])[:, None, None]
    assert close(found, expected.astype(np.float32))


# --- what does not fit together ------------------------------------------------------------


def refusal(kind: type[Exception], call, *arguments) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_window_larger_than_the_padded_image_names_both():
    layer = Layer(bank(["box:5"]), dilation=(2, 2), padding=(1, 0))
    words = refusal(InputError, layer, image(0, (7, 7, 1)))
    assert words.startswith("a window of 9x9 (5x5 dilated) is larger than the image, 7x7")
    assert "9x7 with its padding" in words


@pytest.mark.parametrize("option", ["stride", "dilation"])
def test_a_stride_or_dilation_of_zero_is_refused(option):
    words = refusal(UsageError, lambda: Layer(bank(["box"]), **{option: (2, 0)}))
    assert words == f"`{option}=(2, 0)`: must be 1 or more; 1 moves by one pixel"


def test_a_padding_that_is_none_is_refused():
    words = refusal(UsageError, lambda: Layer(bank(["box"]), padding="sane"))
    assert words.startswith(
        "`padding='sane'`: allowed are valid, same, full or the number of zeros"
    )


def test_stencils_of_unequal_size_name_both():
    words = refusal(UsageError, bank, ["sharpen", "box:5"])
    assert "'sharpen' is 3x3, 'box:5' is 5x5" in words


def test_a_wrong_number_of_biases_says_how_many():
    words = refusal(UsageError, bank, ["sharpen"] * 3, ["1", "2"])
    assert "`bias` gives 2 numbers, the layer has 3 stencils" in words


def test_a_bank_with_the_wrong_number_of_channels_says_both():
    layer = Layer(random_bank(0, 2, 3, 3, 3))
    words = refusal(InputError, layer, image(0, (9, 9, 1)))
    assert "stencils of 3 channels, the image has 1 channel" in words
    single = Layer(random_bank(0, 2, 1, 3, 3))
    assert "`per_channel=True`" in refusal(InputError, single, image(0, (9, 9, 3)))


def test_a_gradient_is_no_single_stencil():
    assert "`kernel=['sobel-x', 'sobel-y']`" in refusal(UsageError, bank, ["sobel"])


# --- banks from files ----------------------------------------------------------------------


def test_a_bank_of_npy_and_safetensors_is_what_was_saved(tmp_path: Path):
    from safetensors.numpy import save_file

    weights, biases = image(1, (6, 3, 5, 4)), image(2, (6,))
    np.save(tmp_path / "bank.npy", weights)
    save_file(
        {"conv1.weight": weights, "conv1.bias": biases, "fc.weight": weights[0, 0]},
        tmp_path / "net.safetensors",
    )
    plain = bank([str(tmp_path / "bank.npy")])
    assert np.array_equal(plain.weights, weights) and not plain.shared
    assert plain.labels[:2] == ("bank 0", "bank 1") and not plain.biases.any()
    net = bank([str(tmp_path / "net.safetensors")])
    assert np.array_equal(net.weights, weights) and np.array_equal(net.biases, biases)
    assert net.labels[5] == "conv1 5"
    assert np.array_equal(bank([f"{tmp_path}/net.safetensors"], ["7"]).biases, np.full(6, 7.0))
    named = bank([f"{tmp_path}/net.safetensors:fc.weight"])
    assert named.shared and np.array_equal(named.weights, weights[:1, :1])


def test_banks_of_three_axes_are_shared_by_all_channels(tmp_path: Path):
    weights = image(1, (4, 3, 3))
    np.save(tmp_path / "bank.npy", weights)
    found = bank([str(tmp_path / "bank.npy"), "sharpen"])
    assert found.shared and found.weights.shape == (5, 1, 3, 3)


def test_which_of_several_tensors_has_to_be_said(tmp_path: Path):
    from safetensors.numpy import save_file

    path = tmp_path / "net.safetensors"
    save_file({"a": image(1, (1, 1, 2, 2)), "b": image(1, (2, 1, 2, 2))}, path)
    words = refusal(UsageError, bank, [str(path)])
    assert "holds 2 banks" in words and "a 1x1x2x2, b 2x1x2x2" in words
    assert len(bank([f"{path}:b"]).biases) == 2
    assert "no tensor 'c'" in refusal(UsageError, bank, [f"{path}:c"])
    save_file({"a": image(1, (3,))}, path)
    assert "no tensor of four axes" in refusal(UsageError, bank, [str(path)])
    path.write_bytes(b"not a file of tensors")
    assert "cannot be read" in refusal(InputError, bank, [str(path)])
    assert "cannot be read" in refusal(InputError, bank, [str(tmp_path / "none.safetensors")])


def test_arrays_that_are_no_banks_are_refused(tmp_path: Path):
    path = str(tmp_path / "bank.npy")
    for bad in (np.zeros(3), np.zeros((2, 2, 2, 2, 2)), np.zeros((2, 2, 2), complex)):
        np.save(path, bad)
        assert str(bad.shape) in refusal(UsageError, bank, [path])
    np.save(path, np.full((2, 1, 3, 3), np.inf))
    assert "not finite" in refusal(UsageError, bank, [path])
