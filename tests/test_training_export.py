"""PyTorch modules become model files that compute the same, or are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from imgconv.engine import Network, load  # noqa: E402
from imgconv.errors import InputError  # noqa: E402
from training.export import ExportError, export, to_graph  # noqa: E402

torch.set_num_threads(1)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


def seeded(module: nn.Module) -> nn.Module:
    """Weights and moments that a mistake would show in."""
    torch.manual_seed(0)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point():
            low, high = (0.5, 2.0) if "var" in name or tensor.ndim == 1 else (-0.5, 0.5)
            nn.init.uniform_(tensor, low, high)
    return module.eval()


def differences(module: nn.Module, x: torch.Tensor, open_axes: tuple[int, ...]) -> list[float]:
    """Between PyTorch and the engine, for the example and for a larger input."""
    network = Network(to_graph(module, {"x": x}, open_axes))
    larger = [n + 2 * (1 + i) * (i in open_axes) for i, n in enumerate(x.shape)]
    found = []
    for one in (x, torch.rand(larger) * 4 - 2):
        with torch.no_grad():
            wanted = module(one).numpy()
        result = network({"x": one.numpy()})["output"]
        assert result.shape == wanted.shape
        found.append(float(np.abs(result - wanted).max() / np.abs(wanted).max()))
    return found


LAYERS = {
    "convolution": nn.Conv2d(6, 5, (3, 5), (2, 1), (1, 2)),
    "dilated groups": nn.Conv2d(6, 4, 3, dilation=2, groups=2, bias=False),
    "depthwise": nn.Conv2d(6, 6, 3, padding=1, groups=6),
    "same padding": nn.Conv2d(6, 4, (3, 5), padding="same"),
    "reflecting padding": nn.Conv2d(6, 4, 3, padding=1, padding_mode="reflect"),
    "transposed convolution": nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1),
    "weight norm": nn.utils.parametrizations.weight_norm(nn.Conv2d(6, 4, 3)),
    "batch norm": nn.BatchNorm2d(6),
    "batch norm, not affine": nn.BatchNorm2d(6, affine=False),
    "instance norm": nn.InstanceNorm2d(6, affine=True),
    "instance norm, tracked": nn.InstanceNorm2d(6, track_running_stats=True),
    "group norm": nn.GroupNorm(3, 6),
    "local response norm": nn.LocalResponseNorm(5, alpha=0.1, beta=0.7, k=2.0),
    "max pool": nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "dilated max pool": nn.MaxPool2d(3, 2, 1, dilation=2),
    "average pool": nn.AvgPool2d(3, 2, 1, ceil_mode=True),
    "average pool of pixels": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "L2 pool": nn.LPPool2d(2, 3, stride=2),
    "global average": nn.AdaptiveAvgPool2d(1),
    "global maximum": nn.AdaptiveMaxPool2d(1),
    "row average": nn.AdaptiveAvgPool2d((None, 1)),
    "nearest": nn.Upsample(scale_factor=2),
    "nearest to a size": nn.Upsample(size=(21, 30)),
    "nearest exact": nn.Upsample(scale_factor=2.5, mode="nearest-exact"),
    "bilinear": nn.Upsample(scale_factor=(2, 3), mode="bilinear"),
    "bilinear, corners": nn.UpsamplingBilinear2d(scale_factor=2),
    "bicubic": nn.Upsample(scale_factor=2, mode="bicubic"),
    "leaky ReLU": nn.LeakyReLU(0.2),
    "PReLU": nn.PReLU(6),
    "PReLU, one slope": nn.PReLU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "GELU": nn.GELU(),
    "GELU, tanh": nn.GELU("tanh"),
    "SiLU": nn.SiLU(),
    "hard tanh": nn.Hardtanh(-0.5, 0.7),
    "ReLU6": nn.ReLU6(),
    "ELU": nn.ELU(0.7),
    "SELU": nn.SELU(),
    "CELU": nn.CELU(0.7),
    "softplus": nn.Softplus(2.0),
    "hard swish": nn.Hardswish(),
    "hard sigmoid": nn.Hardsigmoid(),
    "mish": nn.Mish(),
    "threshold": nn.Threshold(0.1, 0.5),
    "GLU": nn.GLU(1),
    "softmax": nn.Softmax(1),
    "log softmax": nn.LogSoftmax(1),
    "constant padding": nn.ConstantPad2d((1, 2, 0, 3), 0.5),
    "replicating padding": nn.ReplicationPad2d(2),
    "cropping padding": nn.ZeroPad2d(-1),
    "channel shuffle": nn.ChannelShuffle(3),
    "channels last": nn.Conv2d(6, 32, 3).to(memory_format=torch.channels_last),
    "dropout": nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.Identity(), nn.ReLU()),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_the_same_at_two_sizes(name):
    x = torch.rand(2, 6, 11, 14) * 4 - 2
    assert max(differences(seeded(LAYERS[name]), x, (0, 2, 3))) <= 2e-5


OTHERS = {
    "one axis": (
        nn.Sequential(nn.Conv1d(3, 4, 3), nn.MaxPool1d(2), nn.ConvTranspose1d(4, 2, 3)),
        (2, 3, 17),
        (0, 2),
    ),
    "three axes": (nn.Sequential(nn.Conv3d(2, 3, 2), nn.AvgPool3d(2)), (1, 2, 6, 7, 8), (2, 3, 4)),
    "vectors": (nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU()), (3, 5), (0,)),
    "dense over rows": (
        nn.Sequential(nn.Linear(9, 4, bias=False), nn.RMSNorm(4)),
        (2, 3, 5, 9),
        (),
    ),
    "layer norm": (nn.LayerNorm((5, 9)), (2, 3, 5, 9), (0,)),
    "pixel shuffle": (nn.PixelShuffle(3), (2, 18, 4, 5), (0, 2, 3)),
    "pixel unshuffle": (nn.PixelUnshuffle(2), (2, 3, 4, 6), (0, 2, 3)),
    "pool to a divisor": (nn.AdaptiveMaxPool2d((3, 2)), (2, 3, 6, 8), (0,)),
    "unbiased deviation": (Function(lambda x: x.std((2, 3))), (2, 3, 4, 5), (0,)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_layers_of_other_shapes_compute_the_same(name):
    module, shape, axes = OTHERS[name]
    assert max(differences(seeded(module), torch.rand(shape) * 4 - 2, axes)) <= 2e-5


FUNCTIONS = {
    "arithmetic": lambda x: (2 * x + 1 - x / 3) * (1 - x) / (x * x + 2) - (-x) + 2 ** (x / 9),
    "functions": lambda x: x.abs().sqrt() + torch.exp(x) + torch.log1p(x**2) + x.erf() + x.sign(),
    "more functions": lambda x: (
        torch.rsqrt(x.square() + 1) + x.floor() + x.reciprocal().clamp(-1, 1)
    ),
    "scaled sums": lambda x: torch.add(x, x, alpha=2) + torch.addcmul(x, x, x, value=0.5),
    "bounds": lambda x: x.clamp(0, 1) + x.clamp(min=0.2) + x.clamp(max=0.3) + torch.maximum(x, -x),
    "choices": lambda x: torch.where(x > 0.5, x, 0.0) + (x <= 0).float(),
    "concatenation": lambda x: torch.cat([x, x[:, :2], torch.zeros_like(x)], 1),
    "stack": lambda x: torch.stack([x, 2 * x], 2),
    "chunks": lambda x: torch.cat(x.chunk(4, 1)[::-1], 1),
    "parts": lambda x: x.split([2, 4], 1)[1] - x.split(4, 1)[0] + x.unbind(1)[3][:, None],
    "slices": lambda x: x[:, 1:3, ::2, 1:-1],
    "positions": lambda x: x[:, -1, ..., None] + x.select(1, 2)[..., None] + x[:, 0, :, 2:3, None],
    "flatten": lambda x: torch.flatten(x, 1, 2) + 1,
    "views": lambda x: x.view(x.size(0), -1).reshape(x.shape[0], 6, x.shape[2], x.shape[3]) * 2,
    "computed views": lambda x: x.reshape(x.shape[0], 3, 2, x.shape[2] * x.shape[3]),
    "unflatten": lambda x: x.unflatten(1, (2, 3)) + 1,
    "orders": lambda x: x.permute(0, 2, 3, 1).transpose(1, 2).contiguous().movedim(-1, 1),
    "means": lambda x: (
        x - x.mean((2, 3), keepdim=True) + x.sum(1, keepdim=True) + x.amax((1, 2, 3), True)
    ),
    "extremes": lambda x: x.max(1)[0] - x.min(1, keepdim=True).values[:, 0],
    "moments": lambda x: (
        (x - x.mean(1, True)) / (x.var(1, unbiased=False, keepdim=True) + 0.1).sqrt()
    ),
    "normalised": lambda x: F.normalize(x, dim=1),
    "class": lambda x: x.argmax(1).float() + 1,
    "products": lambda x: x @ x.transpose(2, 3),
    "expanded": lambda x: (
        x[:, :1].expand(-1, 6, -1, -1) + x[:, 1:2].expand_as(x) + x[:, 1:2].repeat(1, 6, 1, 1)
    ),
    "mirrored": lambda x: x.flip(2, 3) + x.roll((1, -2), (2, 3)),
    "padded to multiples": lambda x: F.pad(x, (0, -x.shape[3] % 4, 0, x.shape[2] % 4)),
    "resized to another's size": lambda x: F.interpolate(
        F.max_pool2d(x, 2), x.shape[2:], mode="bilinear"
    ),
    "resized by computed sizes": lambda x: F.interpolate(x, (x.shape[2] * 2, -(-x.shape[3] // 2))),
    "resized with antialiasing": lambda x: F.interpolate(
        x, (5, 6), mode="bilinear", antialias=True
    ),
    "new arrays": lambda x: (
        x + torch.ones(1, 6, x.shape[2], 1) + x.new_zeros(x.shape) + x.shape[2] / 10
    ),
    "constants": lambda x: x * torch.tensor([1.0, 2.0, 3.0]).repeat(2)[:, None, None],
    "functional layers": lambda x: F.avg_pool2d(
        F.relu(F.local_response_norm(x, 3)), 2, ceil_mode=True
    ),
    "casts": lambda x: x.float().to(x.dtype).detach().clone(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_methods_compute_the_same_at_two_sizes(name):
    x = torch.rand(2, 6, 11, 14) * 4 - 2
    assert max(differences(Function(FUNCTIONS[name]), x, (0, 2, 3))) <= 2e-5


BLOCKS = [
    lambda c: nn.Conv2d(c, 4, 3, padding=1),
    lambda c: nn.Conv2d(c, 6, 1, bias=False),
    lambda c: nn.Conv2d(c, c, 5, padding=2, groups=c),
    lambda c: nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(inplace=True)),
    lambda c: nn.Sequential(nn.GroupNorm(1, c), nn.SiLU()),
    lambda c: nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2)),
    lambda c: nn.Sequential(nn.Conv2d(c, 4, 2, 2), nn.ConvTranspose2d(4, c, 2, 2), nn.PReLU(c)),
    lambda c: nn.Sequential(
        nn.PixelUnshuffle(2), nn.Conv2d(4 * c, 4 * c, 3, padding=1), nn.PixelShuffle(2)
    ),
    lambda c: nn.Sequential(nn.Dropout(), nn.LeakyReLU(0.1), nn.InstanceNorm2d(c)),
]


class Random(nn.Module):
    """Blocks in a row; some results are also added or concatenated further on."""

    def __init__(self, choices: list[tuple[int, str]]):
        super().__init__()
        self.joins, channels = [join for _, join in choices], 3
        self.blocks = nn.ModuleList()
        for index, join in choices:
            block = BLOCKS[index](channels)
            after = block(torch.zeros(2, channels, 4, 4)).shape[1]
            self.blocks.append(block)
            channels = after + channels if join == "concat" else after

    def forward(self, x):
        for block, join in zip(self.blocks, self.joins, strict=True):
            y = block(x)
            if join == "add" and y.shape[1] == x.shape[1]:
                y += x
            x = torch.cat([x, y], 1) if join == "concat" else y
        return x


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(BLOCKS) - 1), st.sampled_from(["", "add", "concat"])),
        min_size=2,
        max_size=4,
    )
)
def test_random_networks_become_files_that_compute_the_same(tmp_path_factory, choices):
    path = tmp_path_factory.mktemp("random") / "net.safetensors"
    report = export(seeded(Random(choices)), [torch.rand(1, 3, 8, 12)], path, {})
    assert report.difference <= 1e-4
    assert report.rounding <= 2e-2
    assert report.open_axes == (0, 2, 3)
    assert load(path).card["multiple"] in (1, 2)


def small() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 64, 5), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3))


def test_the_card_keeps_what_is_given_and_says_how_the_file_was_checked(tmp_path):
    path = tmp_path / "net.safetensors"
    given = {"name": "mine", "licence": "MIT", "metrics": {"PSNR": 31.5}}
    report = export(seeded(small()), {"image": torch.rand(1, 1, 16, 16)}, path, given)
    card = load(path).card
    assert card["name"] == "mine" and card["licence"] == "MIT" and card["multiple"] == 1
    assert card["metrics"]["PSNR"] == 31.5
    assert card["metrics"]["export"]["difference"] == report.difference < 1e-5
    assert card["metrics"]["export"]["shapes"][1] == {"image": [2, 1, 17, 18]}
    assert "PyTorch" in card["created_with"]


def test_float16_halves_the_file_and_its_rounding_is_told_apart(tmp_path):
    module, examples = seeded(small()), [torch.rand(1, 1, 16, 16)]
    half = export(module, examples, tmp_path / "half.safetensors", {})
    whole = export(module, examples, tmp_path / "whole.safetensors", {}, half=False)
    assert half.bytes < 0.6 * whole.bytes
    assert half.difference == whole.difference == whole.rounding < 1e-5 < half.rounding < 1e-2


def test_the_same_module_gives_the_same_file(tmp_path):
    reports = [
        export(seeded(small()), [torch.rand(1, 1, 9, 9)], tmp_path / f"{i}", {"name": "net"})
        for i in range(2)
    ]
    assert reports[0].sha256 == reports[1].sha256


class Sizes(nn.Module):
    """Fixed by its last layer, as most classifiers of the time were."""

    def __init__(self):
        super().__init__()
        self.conv, self.dense = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, 5)

    def forward(self, x):
        return self.dense(self.conv(x).view(-1, 4 * 36))


def test_sizes_that_the_module_refuses_are_fixed_in_the_file(tmp_path):
    path = tmp_path / "net.safetensors"
    assert export(Sizes(), [torch.rand(1, 1, 8, 8)], path, {}).open_axes == (0,)
    graph = load(path).graph
    assert graph.inputs["image"] == (None, 1, 8, 8)
    with pytest.raises(InputError):
        Network(graph)({"image": np.zeros((1, 1, 9, 8), np.float32)})


class Skip(nn.Module):
    """Sizes must be multiples of 4, or the skip does not fit."""

    def __init__(self, **attributes):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        vars(self).update(attributes)

    def forward(self, x):
        return torch.cat([F.interpolate(self.conv(F.max_pool2d(x, 4)), scale_factor=4.0), x], 1)


def test_the_multiple_of_sizes_is_found_by_trying(tmp_path):
    path = tmp_path / "net.safetensors"
    export(Skip(), [torch.rand(1, 2, 16, 24)], path, {})
    assert load(path).card["multiple"] == 4
    export(Skip(multiple=8), [torch.rand(1, 2, 16, 24)], path, {})
    assert load(path).card["multiple"] == 8
    export(Skip(), [torch.rand(1, 2, 16, 24)], path, {"multiple": 16})
    assert load(path).card["multiple"] == 16


def test_inputs_and_outputs_keep_their_names(tmp_path):
    def both(image, guide):
        return {"sum": image + guide, "rest": [image - guide, {"twice": 2 * image}], "as is": image}

    path = tmp_path / "net.safetensors"
    examples = {"image": torch.rand(1, 2, 6, 7), "guide": torch.rand(1, 1, 6, 7)}
    export(Function(both), examples, path, {})
    graph = load(path).graph
    assert list(graph.inputs) == ["image", "guide"]
    assert graph.outputs == ("sum", "rest_0", "rest_1_twice", "as is")
    image, guide = np.ones((3, 2, 5, 9), np.float32), np.full((3, 1, 5, 9), 2, np.float32)
    found = Network(graph)({"image": image, "guide": guide})
    assert (
        found["sum"].max() == 3 and found["rest_0"].max() == -1 and found["rest_1_twice"].max() == 2
    )


class Strange(nn.Module):
    """Names that a file, a table or another name could trip over."""

    def __init__(self):
        super().__init__()
        self.image = nn.Parameter(torch.rand(3, 1, 1))
        self.output = nn.Parameter(torch.rand(3, 1, 1))
        self.register_buffer("__metadata__", torch.rand(3, 1, 1))
        self.register_buffer("shift", torch.rand(3, 1, 1), persistent=False)
        self.add_module("a/b\n💥 " + 300 * "x", nn.Conv2d(3, 3, 1))

    def forward(self, image):
        added = image * self.image + self.output + self.shift + getattr(self, "__metadata__")  # noqa: B009
        return next(self.children())(added)


def test_strange_names_do_no_harm(tmp_path):
    path = tmp_path / "net.safetensors"
    report = export(Strange(), {"image": torch.rand(1, 3, 4, 5)}, path, {})
    assert report.difference < 1e-5
    assert load(path).graph.outputs != ("image",)


def test_weights_that_layers_share_are_stored_once(tmp_path):
    conv = nn.Conv2d(8, 8, 3, padding=1)
    once = export(conv, [torch.rand(1, 8, 8, 8)], tmp_path / "once", {"name": "net"})
    twice = export(nn.Sequential(conv, conv), [torch.rand(1, 8, 8, 8)], tmp_path / "twice", {})
    assert twice.bytes < once.bytes + 600


IN_PLACE = {
    "read again": lambda x: (y := x * 2) + y.relu_() * 3 + y,
    "through a view": lambda x: ((y := x + 1)[:, :1].mul_(5), y)[1],
    "through parts": lambda x: ((y := x + 1).chunk(2, 1)[1].neg_(), y)[1],
    "of the input": lambda x: x.clone().add_(1) + x.add_(2),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_operations_in_place_are_seen_by_what_comes_after(name):
    module, x = Function(IN_PLACE[name]), torch.rand(2, 4, 5, 6) - 0.5
    network = Network(to_graph(module, {"x": x.clone()}, (0, 2, 3)))
    result = network({"x": x.numpy().copy()})["output"]
    np.testing.assert_allclose(result, module(x.clone()).numpy(), rtol=1e-6, atol=1e-6)


def test_exporting_leaves_the_module_as_it_was(tmp_path):
    module = nn.Sequential(small(), nn.Dropout())
    module.train()
    module[0][1].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    export(module, [torch.rand(2, 1, 9, 9)], tmp_path / "net", {})
    assert module.training and module[1].training and not module[0][1].training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.memory = nn.LSTM(4, 4, batch_first=True)
        self.pool = nn.AdaptiveAvgPool2d((3, 4))
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x):
        x = torch.cumsum(self.norm(self.first(x)), 2)
        return self.memory(self.pool(x).flatten(2).transpose(1, 2))[0].sum()


def test_everything_that_cannot_be_exported_is_named_at_once_and_nothing_is_written(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(ExportError) as problem:
        export(Recurrent(), [torch.rand(1, 1, 16, 16)], path, {})
    message = str(problem.value)
    assert "\n" not in message and "4 operations" in message
    assert "norm (BatchNorm2d)" in message and "memory (LSTM)" in message
    assert "forward (Recurrent): cumsum" in message
    assert "pool (AdaptiveAvgPool2d): pools 14 pixels to 3" in message
    assert list(tmp_path.iterdir()) == []


def poisoned() -> nn.Module:
    module = small()
    module[0].weight.data[0, 0, 0, 0] = float("nan")
    return module


REFUSED = {
    "by size": (Function(lambda x: x + 1 if x.shape[2] > 20 else x), "larger than 20 pixels"),
    "no numbers": (nn.LazyConv2d(3, 3), "no numbers yet"),
    "elsewhere": (nn.Conv2d(1, 1, 1, device="meta"), "'weight' is on meta: call module.cpu"),
    "NaN": (poisoned(), "differs from PyTorch"),
    "another shape": (Function(lambda x: x.sum((2, 3)) if x.sum() > 0 else x), "cannot record"),
    "wrong input": (nn.Conv2d(3, 4, 3), "cannot record Conv2d"),
    "constant": (Function(lambda x: torch.ones(3)), "does not depend on the input"),
    "float16": (Function(lambda x: x.half() + 1), "casts to float16"),
    "even norm": (nn.LocalResponseNorm(4), "even number of channels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_module_that_cannot_be_exported_gets_one_line_and_no_file(name, tmp_path):
    module, words = REFUSED[name]
    with pytest.raises(ExportError, match=words) as problem:
        export(module, [torch.rand(1, 1, 12, 12)], tmp_path / "net", {})
    assert "\n" not in str(problem.value)
    assert list(tmp_path.iterdir()) == []


def test_examples_of_the_wrong_kind_are_refused_by_name(tmp_path):
    with pytest.raises(ExportError, match="'image' is int64 of shape"):
        export(small(), {"image": torch.zeros(1, 1, 9, 9, dtype=torch.int64)}, tmp_path / "n", {})
    with pytest.raises(ExportError, match="no example"):
        export(small(), [], tmp_path / "n", {})
