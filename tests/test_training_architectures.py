"""The networks of the lecture: parameters as in their papers, results as in PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from imgconv.engine import Network  # noqa: E402
from training.architectures.autoencoder import Autoencoder  # noqa: E402
from training.architectures.googlenet import MODULES, GoogLeNet  # noqa: E402
from training.architectures.lenet import LeNet5  # noqa: E402
from training.architectures.resnet import ResNet, plain34  # noqa: E402
from training.architectures.unet import UNet  # noqa: E402
from training.architectures.unet2015 import UNet2015  # noqa: E402
from training.architectures.vgg import VGG16  # noqa: E402
from training.export import to_graph  # noqa: E402

torch.set_num_threads(1)


def parameters(module: nn.Module) -> int:
    return sum(tensor.numel() for tensor in module.parameters())


PUBLISHED = {  # as torchvision (VGG, ResNet), Caffe (GoogLeNet) and the paper (LeNet) count
    "VGG-16": (VGG16, 138_357_544),
    "GoogLeNet": (GoogLeNet, 6_998_552),
    "GoogLeNet in training": (lambda: GoogLeNet(auxiliary=True), 13_378_280),
    "ResNet-18": (lambda: ResNet(18), 11_689_512),
    "ResNet-34": (lambda: ResNet(34), 21_797_672),
    "ResNet-50": (lambda: ResNet(50), 25_557_032),
    "ResNet-101": (lambda: ResNet(101), 44_549_160),
    "ResNet-152": (lambda: ResNet(152), 60_192_808),
    "LeNet-5 and its linear output": (LeNet5, 60_000 + 850),
    "U-Net": (UNet2015, 31_030_658),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name):
    make, count = PUBLISHED[name]
    with torch.device("meta"):
        assert parameters(make()) == count


LENET = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}  # section II.B


def test_the_layers_of_lenet_have_the_parameters_that_the_paper_gives_them():
    net = LeNet5()
    assert {name: parameters(getattr(net, name)) for name in LENET} == LENET


def test_c3_of_lenet_sees_only_the_maps_of_table_1():
    layer = LeNet5().c3
    nn.init.ones_(layer.stencils)
    for k, seen in ((0, [0, 1, 2]), (4, [0, 4, 5]), (9, [0, 3, 4, 5]), (15, list(range(6)))):
        for c in range(6):
            image = torch.zeros(1, 6, 5, 5)
            image[0, c] = 1
            assert bool((layer(image) - layer.bias[:, None, None])[0, k] != 0) == (c in seen)


TABLE_1 = {  # of the GoogLeNet paper, in units of 1024 as it counts
    "3a": 159, "3b": 380, "4a": 364, "4b": 437, "4c": 463, "4d": 580, "4e": 840, "5a": 1072,
    "5b": 1388,
}  # fmt: skip


def test_inception_modules_are_as_large_as_table_1_says_within_its_own_inaccuracy():
    with torch.device("meta"):
        net = GoogLeNet()
    found = {name: parameters(net.inceptions[name]) / 1024 for name in MODULES}
    assert all(abs(found[name] / TABLE_1[name] - 1) < 0.1 for name in MODULES)
    assert abs(sum(found.values()) / sum(TABLE_1.values()) - 1) < 0.02


def multiply_adds(module: nn.Module, *shape: int) -> int:
    """Of convolutions and dense layers, counted as the module runs."""
    count = 0

    def add(layer, inputs, output):
        nonlocal count
        count += math.prod(output.shape) * math.prod(layer.weight.shape[1:])

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    module.eval()(torch.empty(shape))
    return count


WORK = {"18": 1.8, "34": 3.6, "50": 3.8, "101": 7.6, "152": 11.3}  # 10^9, table 1 of the paper


@pytest.mark.parametrize("depth", WORK)
def test_residual_networks_need_the_multiplications_of_their_paper(depth):
    with torch.device("meta"):
        found = multiply_adds(ResNet(int(depth)), 1, 3, 224, 224) / 1e9
    assert found == pytest.approx(WORK[depth], rel=0.025)


def test_shortcuts_a_have_no_parameters_and_c_have_most():
    with torch.device("meta"):
        found = [parameters(ResNet(34, shortcut=s)) for s in ("none", "A", "B", "C")]
    assert found == sorted(found) and found[0] == found[1] < found[2] < found[3]


def test_auxiliary_classifiers_answer_in_training_alone():
    with torch.device("meta"):
        net, image = GoogLeNet(10, auxiliary=True), torch.empty(2, 3, 224, 224)
        assert [scores.shape for scores in net.train()(image)] == 3 * [(2, 10)]
        assert net.eval()(image).shape == (2, 10)


def test_the_first_unet_makes_388_pixels_of_572():
    with torch.device("meta"):
        assert UNet2015()(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)


def shuffled(module: nn.Module) -> nn.Module:
    """Moments and scales that folding them wrongly would show."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.3)
            nn.init.normal_(layer.running_mean, 0, 0.3)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return module.eval()


NETWORKS = {
    "LeNet-5": (LeNet5, (2, 1, 32, 32)),
    "VGG-16, narrow": (lambda: VGG16(10, width=8, hidden=64, size=64), (1, 3, 64, 64)),
    "GoogLeNet": (lambda: GoogLeNet(100), (1, 3, 96, 96)),
    "ResNet-18": (lambda: ResNet(18, 100), (1, 3, 80, 64)),
    "ResNet-34, shortcuts A": (lambda: ResNet(34, 100, "A"), (1, 3, 64, 64)),
    "plain-34": (lambda: plain34(100), (1, 3, 64, 64)),
    "ResNet-50": (lambda: ResNet(50, 100), (1, 3, 64, 80)),
    "ResNet-101": (lambda: ResNet(101, 100), (1, 3, 64, 64)),
    "autoencoder": (lambda: Autoencoder(3), (1, 3, 48, 64)),
    "autoencoder, transposed": (lambda: Autoencoder(1, up="transposed"), (1, 1, 48, 64)),
    "U-Net": (UNet, (1, 4, 64, 96)),
    "first U-Net, narrow": (lambda: UNet2015(width=16), (1, 1, 188, 204)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_with_random_weights_computes_the_same_here(name):
    make, shape = NETWORKS[name]
    torch.manual_seed(1)
    module, image = shuffled(make()), torch.rand(shape, generator=torch.Generator().manual_seed(2))
    result = Network(to_graph(module, {"image": image}))({"image": image.numpy()})["output"]
    with torch.no_grad():
        wanted = module(image).numpy()
    assert result.shape == wanted.shape and np.ptp(wanted) > 0
    assert np.abs(result - wanted).max() <= 1e-4 * np.abs(wanted).max()
