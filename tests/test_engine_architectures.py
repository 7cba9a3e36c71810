"""The networks of the lecture as graphs compute what PyTorch computes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from imgconv import cli, engine  # noqa: E402
from imgconv.engine.architectures import ARCHITECTURES, Empty, Random, build  # noqa: E402
from imgconv.engine.architectures.googlenet import googlenet  # noqa: E402
from imgconv.engine.architectures.resnet import resnet  # noqa: E402
from imgconv.engine.architectures.unet import unet  # noqa: E402
from imgconv.engine.fields import last_local, unit_field  # noqa: E402
from training.architectures import googlenet as googlenet_module  # noqa: E402
from training.architectures.lenet import LeNet5  # noqa: E402
from training.architectures.resnet import ResNet, plain34  # noqa: E402
from training.architectures.unet2015 import UNet2015  # noqa: E402
from training.architectures.vgg import VGG16  # noqa: E402


class InOrder:
    """The tensors of a module in the order in which it holds them."""

    def __init__(self, module: nn.Module) -> None:
        state = module.state_dict().items()
        skipped = ("num_batches_tracked", "place")
        self.left = [tensor.numpy() for name, tensor in state if not name.endswith(skipped)]

    def __call__(self, name: str, shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
        found = self.left.pop(0)
        assert math.prod(found.shape) == math.prod(shape), name
        return found.reshape(shape)


def unsettled(module: nn.Module) -> nn.Module:
    """Moments and scales that a wrong place would show."""
    torch.manual_seed(3)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
            nn.init.normal_(layer.running_mean, 0, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return module.eval()


PAIRS: dict[str, tuple[Callable[[], nn.Module], Callable, tuple[int, ...]]] = {
    "ResNet-18": (lambda: ResNet(18, 10), lambda w: resnet(w, 18, classes=10), (1, 3, 64, 48)),
    "ResNet-50": (lambda: ResNet(50, 10), lambda w: resnet(w, 50, classes=10), (1, 3, 64, 64)),
    "plain-34": (lambda: plain34(10), lambda w: resnet(w, 34, plain=True, classes=10),
                 (1, 3, 64, 64)),
    "LeNet-5": (LeNet5, lambda w: build("lenet5", w), (3, 1, 32, 32)),
    "GoogLeNet": (lambda: googlenet_module.GoogLeNet(10), lambda w: googlenet(w, classes=10),
                  (1, 3, 64, 64)),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_a_graph_computes_what_pytorch_computes(name):
    make, graph, shape = PAIRS[name]
    module = unsettled(make())
    weights = InOrder(module)
    network = engine.Network(graph(weights))
    assert weights.left == []
    image = torch.randn(shape)
    with torch.no_grad():
        wanted = torch.softmax(module(image), 1).numpy()
    (found,) = network({"image": image.numpy()}).values()
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-5)


def test_the_first_unet_computes_what_pytorch_computes(monkeypatch):
    monkeypatch.setattr("imgconv.engine.architectures.unet.WIDTH", 4)
    module = unsettled(UNet2015(width=4))
    state = module.state_dict()
    theirs = {}
    for name, tensor in state.items():
        part, *rest = name.split(".")
        level = int(rest[0]) + 1 if part != "head" else 0
        place = {"0": "conv1", "2": "conv2"}.get(rest[1], "") if part in ("down", "merge") else ""
        theirs[".".join(filter(None, [f"{part}{level or ''}", place, rest[-1]]))] = tensor.numpy()
    image = torch.randn(1, 1, 188, 204)
    graph = unet(lambda name, shape, gain=2.0: theirs[name].reshape(shape))
    with torch.no_grad():
        wanted = module(image).numpy()
    (found,) = engine.Network(graph)({"image": image.numpy()}).values()
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max() + 1e-6)


class Bottleneck(nn.Module):
    """With torchvision's names, and its stride in the 3x3 convolution."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride > 1 or inputs != 4 * width:
            down = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(down, nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(y)))))
        return torch.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet50(nn.Module):
    """As torchvision names and computes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        channels = 64
        for level, count in enumerate((3, 4, 6, 3)):
            width, blocks = 64 * 2**level, []
            for n in range(count):
                blocks.append(Bottleneck(channels, width, 2 if level and n == 0 else 1))
                channels = 4 * width
            setattr(self, f"layer{level + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for level in range(1, 5):
            x = getattr(self, f"layer{level}")(x)
        return self.fc(x.mean((2, 3)))


def test_a_state_dict_with_the_names_of_torchvision_loads_and_classifies(
    tmp_path: Path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    module = unsettled(ResNet50())
    save_file(module.state_dict(), "state.safetensors")
    Path("names.txt").write_text("\n".join(f"class {n}" for n in range(1000)))
    words = ["models", "new", "resnet50", "--weights", "state.safetensors"]
    assert cli.main([*words, "--classes", "names.txt", "-o", "r50.safetensors"]) == 0
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        wanted = torch.softmax(module(image), 1).numpy()
    model = engine.load("r50.safetensors")
    (found,) = engine.Network(model.graph)({"image": image.numpy()}).values()
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)
    assert model.card["task"] == "classify" and model.card["prepare"]["resize"] == 256
    capfd.readouterr()
    save_file({n: t for n, t in module.state_dict().items() if n != "fc.bias"}, "cut.safetensors")
    assert cli.main(["models", "new", "resnet50", "--weights", "cut.safetensors", "-f"]) == 1
    assert "no tensor 'fc.bias'" in capfd.readouterr().err
    assert cli.main(["models", "new", "resnet101", "--weights", "state.safetensors"]) == 1
    assert cli.main(["models", "new", "lenet5", "--weights", "state.safetensors"]) == 2


def test_vgg_has_the_names_and_shapes_of_torchvision():
    class Names:
        def __init__(self) -> None:
            self.found: dict[str, tuple[int, ...]] = {}

        def __call__(self, name, shape, gain=2.0):
            self.found[name] = shape
            return np.zeros(shape, np.float32)

    names = Names()
    build("vgg16", names)
    with torch.device("meta"):
        wanted = {name: tuple(t.shape) for name, t in VGG16().state_dict().items()}
    assert names.found == wanted  # our module's layers are torchvision's sequences


WORK = {  # 10^9 multiply-adds, as the papers say
    "resnet18": 1.8, "resnet34": 3.6, "resnet50": 3.8, "resnet101": 7.6, "resnet152": 11.3,
    "prelu-b": 23.2,
}  # fmt: skip


def test_the_table_has_the_papers_figures(capfd):
    assert cli.main(["models", "architectures", "--no-time", "--json"]) == 0
    rows = {r["name"]: r for r in map(json.loads, capfd.readouterr().out.splitlines())}
    assert rows.keys() == ARCHITECTURES.keys()
    for name, work in WORK.items():
        assert rows[name]["multiply_adds"] / 1e9 == pytest.approx(work, rel=0.025), name
    assert rows["vgg16"]["field"] == 212 and rows["resnet50"]["field"] == 483
    assert rows["lenet5"]["parameters"] == 60_000 + 850
    assert rows["resnet152"]["parameters"] == 60_192_808
    assert cli.main(["models", "architectures", "lenet5"]) == 0
    assert " ms" in capfd.readouterr().out


def test_a_new_model_depends_on_its_seed_alone_and_keeps_values_at_their_size(tmp_path, capfd):
    files = [str(tmp_path / f"{n}.safetensors") for n in range(3)]
    for file, seed in zip(files, ("0", "0", "1"), strict=True):
        assert cli.main(["models", "new", "resnet18", "-o", file, "--seed", seed]) == 0
    one, again, other = (Path(file).read_bytes() for file in files)
    assert one[-1000:] == again[-1000:] and one[-1000:] != other[-1000:]
    image = np.random.default_rng(0).standard_normal((1, 3, 64, 64)).astype(np.float32)
    (scores,) = engine.Network(engine.load(files[0]).graph)({"image": image}).values()
    assert np.isfinite(scores).all() and 1e-3 < scores.max() < 1
    assert cli.main(["models", "new", "resnet19"]) == 2
    assert "resnet18" in capfd.readouterr().err


def test_a_unit_sees_what_its_layers_add_up_to():
    graph = build("vgg16", Empty())
    assert unit_field(graph, last_local(graph, (224, 224))) == 212
    lenet = build("lenet5", Random(0))
    assert unit_field(lenet, "c1") == 5 and unit_field(lenet, "s2") == 6
    assert unit_field(lenet, "c3") == 14 and unit_field(lenet, "s4") == 16
