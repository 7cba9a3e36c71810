"""Layers laid one on the other: nodes of a graph, with tensors under PyTorch's names."""

from __future__ import annotations

from typing import Any

from imgconv.engine.builder import Builder
from imgconv.engine.graph import Graph

from .weights import Weights


class Layers:
    """A network that grows; `channels` of every value so far. Layers are named as in papers."""

    def __init__(self, weights: Weights, channels: int) -> None:
        self.weights, self.builder = weights, Builder(["image"])
        self.channels = {"image": channels}

    def op(self, operator: str, *inputs: str, layer: str, channels: int = 0, **more: Any) -> str:
        """Any operator; its result has the channels of its first input unless given."""
        (made,) = self.builder.add_several(operator, inputs, more, wanted=layer, layer=layer)
        self.channels[made] = channels or self.channels[inputs[0]]
        return made

    def tensor(self, name: str, shape: tuple[int, ...], gain: float = 2.0) -> str:
        return self.builder.constant(self.weights(name, shape, gain), name)

    def conv(
        self, x: str, channels: int, size: int, name: str, *, stride: int = 1,
        padding: int | None = None, bias: bool = True, layer: str = "", gain: float = 2.0,
    ) -> str:  # fmt: skip
        """size x size over all channels; padded to the input's size unless told otherwise."""
        around = size // 2 if padding is None else padding
        w = self.tensor(f"{name}.weight", (channels, self.channels[x], size, size), gain)
        b = [self.tensor(f"{name}.bias", (channels,))] if bias else []
        return self.op(
            "conv", x, w, *b, layer=layer or name, channels=channels,
            strides=[stride, stride], pads=[around] * 4,
        )  # fmt: skip

    def norm(self, x: str, name: str) -> str:
        kinds = ("weight", "bias", "running_mean", "running_var")
        rest = [self.tensor(f"{name}.{kind}", (self.channels[x],)) for kind in kinds]
        return self.op("batch_norm", x, *rest, layer=name, epsilon=1e-5)

    def relu(self, x: str, layer: str) -> str:
        return self.op("relu", x, layer=layer)

    def max_pool(
        self, x: str, size: int, stride: int, layer: str, *, padding: int = 0, ceil: bool = False
    ) -> str:
        return self.op(
            "max_pool", x, layer=layer, kernel=[size, size], strides=[stride, stride],
            pads=[padding] * 4, ceil=ceil,
        )  # fmt: skip

    def flat(self, x: str, features: int, layer: str = "flatten") -> str:
        return self.op("flatten", x, layer=layer, axis=1, channels=features)

    def dense(self, x: str, outputs: int, name: str, *, layer: str = "", gain: float = 2.0) -> str:
        """Fully connected: every output sees every input."""
        w = self.tensor(f"{name}.weight", (outputs, self.channels[x]), gain)
        b = self.tensor(f"{name}.bias", (outputs,))
        return self.op("dense", x, w, b, layer=layer or name, channels=outputs)

    def softmax(self, x: str) -> str:
        return self.op("softmax", x, layer="softmax", axis=1)

    def graph(self, size: tuple[int | None, int | None], *outputs: str) -> Graph:
        return self.builder.graph({"image": (None, self.channels["image"], *size)}, outputs)
