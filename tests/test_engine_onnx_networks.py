"""Whole networks, imported and run here, against onnxruntime on the same file."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import light_networks
import numpy as np
import onnx
import pytest
from naive_engine import evaluate

from imgconv.engine import Network
from imgconv.engine.onnx import import_file
from imgconv.engine.onnx.convert import convert

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest value."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", light_networks.NAMES)
def test_a_well_known_network_with_random_weights_equals_onnxruntime(name: str) -> None:
    model = light_networks.light(name)
    weights = light_networks.weights_of(model)
    image = np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)
    expected = light_networks.run_elsewhere(model, weights, image)
    graph = convert(light_networks.with_weights(model, weights))
    found = Network(graph)({light_networks.image_name(model): image})
    for array, other in zip(found.values(), expected, strict=True):
        assert apart(array, other) < 1e-4
    assert np.abs(expected[-1]).max() > 1e-2


def session(model: onnx.ModelProto) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@pytest.fixture(autouse=True)
def quiet_exporter() -> Iterator[None]:
    """The exporters warn of their own deprecations; here warnings would be errors."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def export(net: Any, path: Path, image: Any, opset: int, dynamic: bool, new: bool = False) -> None:
    more: dict[str, Any] = {}
    if dynamic and new:
        open_size = torch.export.Dim.DYNAMIC
        more = {"dynamic_shapes": ({2: open_size, 3: open_size},)}
    elif dynamic:
        more = {"dynamic_axes": {"x": {0: "n", 2: "h", 3: "w"}}}
    if new:
        more["verbose"] = False
    torch.onnx.export(
        net.eval(), (image,), str(path), opset_version=opset, dynamo=new, input_names=["x"], **more
    )


class Blocks(nn.Module):  # type: ignore[misc, name-defined]
    """Something of everything: norms, activations, resampling, sizes that are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16))
        self.down = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.group, self.instance = nn.GroupNorm(4, 32), nn.InstanceNorm2d(32, affine=True)
        self.up, self.slope = nn.ConvTranspose2d(32, 16, 2, stride=2), nn.PReLU(16)
        self.shuffle, self.unshuffle = nn.PixelShuffle(2), nn.PixelUnshuffle(2)
        self.mix, self.last = nn.Conv2d(48, 12, 1), nn.Conv2d(12, 3, 1)

    def forward(self, x: Any) -> Any:
        a = F.silu(self.first(x))
        b = F.gelu(self.group(self.down(a)))
        b = self.instance(b) + F.hardswish(b)
        wide = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        y = self.mix(torch.cat([self.slope(self.up(b)), wide], 1))
        y = self.unshuffle(self.shuffle(y))
        y = F.avg_pool2d(F.pad(y, (1, 1, 1, 1), mode="reflect"), 3, 1)
        y = y + F.interpolate(F.max_pool2d(y, 3, 2, 1, ceil_mode=True), size=y.shape[2:])
        y = y * torch.sigmoid(F.adaptive_avg_pool2d(y, 1))
        y = F.layer_norm(y.permute(0, 2, 3, 1), (12,)).permute(0, 3, 1, 2)
        return torch.clamp(torch.tanh(self.last(y)), -0.5, 0.5)


class Plain(nn.Module):  # type: ignore[misc, name-defined]
    """What the oldest operator sets can say: a classifier with an inception block."""

    def __init__(self, enlarged: bool) -> None:
        super().__init__()
        self.enlarged = enlarged
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1), nn.MaxPool2d(3, 2, 1), nn.LocalResponseNorm(3),
        )  # fmt: skip
        self.paths = nn.ModuleList([
            nn.Conv2d(8, 8, 1),
            nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4),
            nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(8, 8, 1), nn.ELU()),
        ])  # fmt: skip
        self.up = nn.ConvTranspose2d(24, 4, 3, stride=2, padding=1, output_padding=1)
        self.scores = nn.Sequential(nn.Dropout(), nn.Linear(4 * 8 * 8, 7), nn.LogSoftmax(1))

    def forward(self, x: Any) -> Any:
        y = self.stem(x)
        y = torch.cat([F.relu(path(y)) for path in self.paths], 1)
        y = self.up(y)
        y = (
            F.interpolate(y, scale_factor=2)
            if self.enlarged
            else torch.cat([y, y], 2).repeat(1, 1, 1, 2)
        )
        y = F.softmax(F.avg_pool2d(y, 4), dim=1).clamp(min=0.1) ** 2 - y.mean((2, 3), keepdim=True)
        return self.scores(y.view(y.shape[0], -1))


def compare(path: Path, shown: tuple[int, int], also: Any = None, **how: Any) -> None:
    """Our result by formulas and by the executor, and onnxruntime's."""
    graph = import_file(path, **how)
    image = np.random.default_rng(3).standard_normal((1, 3, *shown), np.float32)
    expected = session(onnx.load(path)).run(None, {"x": image})[0]
    assert apart(next(iter(evaluate(graph, {"x": image}).values())), expected) < 2e-5
    assert apart(next(iter(Network(graph)({"x": image}).values())), expected) < 1e-4
    if also is not None:
        with torch.no_grad():
            assert apart(also(torch.from_numpy(image)).numpy(), expected) < 1e-4


@pytest.mark.parametrize("opset", [7, 8, 9, 11, 13, 20])
def test_a_classifier_of_any_operator_set_is_imported(opset: int, tmp_path: Path) -> None:
    net = Plain(enlarged=opset > 8)  # before, PyTorch does not export that
    export(net, tmp_path / "net.onnx", torch.zeros(1, 3, 32, 32), opset, dynamic=False)
    compare(tmp_path / "net.onnx", (32, 32), net)


@pytest.mark.parametrize("opset", [11, 13, 16, 18, 20])
def test_a_network_for_one_size_is_imported(opset: int, tmp_path: Path) -> None:
    net = Blocks()
    export(net, tmp_path / "net.onnx", torch.zeros(1, 3, 32, 48), opset, dynamic=False)
    compare(tmp_path / "net.onnx", (32, 48), net)


@pytest.mark.parametrize("opset", [10, 11, 17])
def test_a_network_for_any_size_runs_at_sizes_that_its_export_never_saw(
    opset: int, tmp_path: Path
) -> None:
    net = Blocks()
    export(net, tmp_path / "net.onnx", torch.zeros(1, 3, 32, 48), opset, dynamic=True)
    also = net if opset > 10 else None  # which resizes differently from PyTorch
    compare(tmp_path / "net.onnx", (40, 56), also)
    compare(tmp_path / "net.onnx", (24, 40), also, size=(24, 40))


@pytest.mark.long
def test_the_new_exporter_is_imported_for_one_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    net = Plain(enlarged=True)
    export(net, tmp_path / "net.onnx", torch.zeros(1, 3, 32, 32), 20, dynamic=False, new=True)
    compare(tmp_path / "net.onnx", (32, 32), net)


def test_the_new_exporter_is_imported_for_any_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    net = Blocks()
    export(net, tmp_path / "net.onnx", torch.zeros(1, 3, 32, 48), 18, dynamic=True, new=True)
    compare(tmp_path / "net.onnx", (32, 48), net)
    compare(tmp_path / "net.onnx", (40, 56), net)


def test_sizes_are_all_known_where_a_size_is_given(tmp_path: Path) -> None:
    export(Blocks(), tmp_path / "net.onnx", torch.zeros(1, 3, 32, 48), 17, dynamic=True)
    anywhere = import_file(tmp_path / "net.onnx")
    fixed = import_file(tmp_path / "net.onnx", size=(32, 48))
    assert anywhere.inputs == {"x": (None, 3, None, None)}
    assert fixed.inputs == {"x": (1, 3, 32, 48)}
    computed = {"shape", "gather", "cast", "floor", "constant_of_shape"}
    assert computed & {node.operator for node in anywhere.nodes}
    assert not computed & {node.operator for node in fixed.nodes}


def test_a_pixel_shuffle_of_old_files_takes_images_of_any_size() -> None:
    net = nn.Sequential(nn.Conv2d(3, 9, 3, padding=1), nn.PixelShuffle(3))
    stream = io.BytesIO()
    torch.onnx.export(
        net, (torch.zeros(1, 3, 8, 8),), stream, opset_version=10, dynamo=False, input_names=["x"]
    )
    model = onnx.load_from_string(stream.getvalue())
    assert [node.op_type for node in model.graph.node].count("Reshape") == 2
    graph = convert(model, size="any")
    image = torch.randn(1, 3, 10, 14)
    found = next(iter(evaluate(graph, {"x": image.numpy()}).values()))
    with torch.no_grad():
        assert apart(found, net(image).numpy()) < 1e-5


FOLDER = os.environ.get("IMGCONV_ONNX_FILES", "")


@pytest.mark.skipif(not FOLDER, reason="IMGCONV_ONNX_FILES names no folder of .onnx files")
@pytest.mark.parametrize("path", sorted(Path(FOLDER or ".").glob("*.onnx")), ids=lambda p: p.name)
def test_a_file_of_the_users_own_equals_onnxruntime(path: Path) -> None:
    graph = import_file(path)
    (name, shape), *_ = graph.inputs.items()
    image = np.random.default_rng(0).standard_normal([n or 1 for n in shape], np.float32)
    expected = session(onnx.load(path)).run(None, {name: image})[0]
    assert apart(next(iter(Network(graph)({name: image}).values())), expected) < 1e-4
