"""Layers on our kernels against PyTorch's in float64: results, gradients, whole trainings."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from imgconv import threads  # noqa: E402
from training.architectures.unet import UNet  # noqa: E402
from training.fast import use_kernels  # noqa: E402

CHANNELS = st.one_of(st.sampled_from([1, 3, 4, 8, 16, 24, 32]), st.integers(1, 300))
LARGEST = 3e-5  # error, of the largest number of a result


@pytest.fixture(autouse=True)
def one_thread_of_pytorch():
    """Its waiting threads would take the CPUs from everybody else's."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    threads.use(None)


def convolution(C, K, pad=1, bias=True):
    return torch.nn.Conv2d(C, K, 3, padding=pad, bias=bias)


def found(layer, image, gradient):
    """The result and the gradients by image, weight and bias."""
    image = image.clone().requires_grad_()
    result = layer(image)
    result.backward(gradient)
    return [result.detach(), image.grad, *(p.grad for p in layer.parameters())]


def error(one, other):
    return float((one.double() - other).abs().max() / other.abs().max())


@settings(max_examples=25, deadline=None)
@given(
    C=CHANNELS, K=CHANNELS, N=st.integers(1, 4), H=st.integers(3, 26), W=st.integers(3, 26),
    pad=st.integers(0, 2), bias=st.booleans(), last=st.booleans(), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_gradients_are_those_of_float64(C, K, N, H, W, pad, bias, last, seed):
    torch.manual_seed(seed)
    exact = convolution(C, K, pad, bias).double()
    ours = use_kernels(copy.deepcopy(exact).float())
    exact.load_state_dict({n: t.double() for n, t in ours.state_dict().items()})
    image = torch.randn(N, C, H, W)
    if last:
        image = image.contiguous(memory_format=torch.channels_last)
    gradient = torch.randn(N, K, H + 2 * pad - 2, W + 2 * pad - 2)
    wanted = found(exact, image.double(), gradient.double())
    for one, other in zip(found(ours, image, gradient), wanted, strict=True):
        assert one.shape == other.shape and error(one, other) < LARGEST


def test_some_channels_of_a_wider_batch_are_read_where_they_lie():
    torch.manual_seed(0)
    wide = torch.randn(2, 40, 9, 11).contiguous(memory_format=torch.channels_last)
    exact = convolution(16, 24)
    ours = use_kernels(copy.deepcopy(exact))
    image, gradient = wide[:, 5:21], wide[:, 16:]
    wanted = found(exact.double(), image.double(), gradient.double())
    for one, other in zip(found(ours, image, gradient), wanted, strict=True):
        assert error(one, other) < LARGEST


@pytest.mark.parametrize("C, K, size", [(16, 16, 40), (40, 70, 12), (130, 130, 10)])
def test_results_are_the_same_to_the_bit_for_any_number_of_threads(C, K, size):
    torch.manual_seed(0)
    layer = use_kernels(convolution(C, K))
    image, gradient = torch.randn(3, C, size, size), torch.randn(3, K, size, size)
    each = []
    for granted in (1, 2, 3):
        threads.use(granted)
        layer.zero_grad()
        each.append(found(layer, image, gradient))
    threads.use(None)
    for others in each[1:]:
        assert all(torch.equal(a, b) for a, b in zip(each[0], others, strict=True))


def test_names_of_parameters_stay_and_the_kernels_can_be_switched_off():
    module = UNet((8, 16), 3, 2)
    names, kinds = list(module.state_dict()), kinds_of(module)
    assert use_kernels(module) is module and list(module.state_dict()) == names
    assert kinds_of(module).count(torch.nn.Conv2d) == 2, "1x1 convolutions are PyTorch's"
    assert kinds_of(use_kernels(module, on=False)) == kinds


def kinds_of(module):
    return [type(layer) for layer in module.modules()]


@pytest.mark.parametrize(
    "layer",
    [
        torch.nn.Conv2d(4, 4, 3, 2, padding=1),
        torch.nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        torch.nn.Conv2d(4, 4, 3, padding=1, groups=2),
        torch.nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        torch.nn.Conv2d(4, 4, 3, padding="same"),
        torch.nn.Conv2d(4, 4, 1),
        torch.nn.ConvTranspose2d(4, 4, 3, padding=1),
    ],
    ids=str,
)
def test_other_convolutions_stay_pytorchs(layer):
    kind, image = type(layer), torch.rand(1, 4, 8, 8)
    before = layer(image)
    assert type(use_kernels(layer)) is kind and torch.equal(layer(image), before)


def test_what_is_not_float32_goes_to_pytorch():
    exact = convolution(5, 7)
    ours = use_kernels(copy.deepcopy(exact))
    image = torch.rand(2, 5, 6, 6)
    assert torch.equal(exact.double()(image.double()), ours.double()(image.double()))
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.float()(image).dtype == torch.bfloat16


def curve(module, steps):
    """The losses of a training from one seed."""
    torch.manual_seed(1)
    optimiser = torch.optim.SGD(module.parameters(), 0.05)
    losses = []
    for _ in range(steps):
        image = torch.rand(2, 3, 24, 24)
        wanted = torch.stack([image.mean(1) > 0.5, image[:, 0] > image[:, 1]], 1).float()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(module(image), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_a_training_follows_the_same_curve():
    torch.manual_seed(0)
    module = UNet((8, 16, 24), 3, 2)
    ours = curve(use_kernels(copy.deepcopy(module)), 200)
    theirs = curve(module, 200)
    assert theirs[-1] < 0.8 * theirs[0], "it must have learned something"
    # Rounding grows with every step: PyTorch's own two memory layouts part by up to 0.0012.
    assert ours == pytest.approx(theirs, rel=0.005)
