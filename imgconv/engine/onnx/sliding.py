"""Converters for what slides a window: convolution and pooling, over any number of axes."""

from __future__ import annotations

from typing import Any

from imgconv.engine.operators.sliding import paddings

from .calls import Call, Converter, Unsupported

AUTO = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower", "VALID": "valid"}


def window(call: Call, kernel: list[int]) -> dict[str, Any]:
    """Strides, dilations and pads of a window; auto_pad stays only where sizes are open."""
    axes = len(kernel)
    strides = call.whole("strides") or [1] * axes
    dilations = call.whole("dilations") or [1] * axes
    found: dict[str, Any] = {"strides": strides, "dilations": dilations}
    auto = AUTO.get(call.get("auto_pad", ""), "")
    if not auto:
        return {**found, "pads": call.whole("pads") or [0] * (2 * axes)}
    if not call.building.exact and auto != "valid" and set(strides) != {1}:
        return {**found, "auto_pad": auto}
    given = tuple(kernel), tuple(strides), tuple(dilations)
    before, after = paddings(call.shape()[2:], *given, None, auto)
    return {**found, "pads": [*before, *after]}


def conv(call: Call) -> None:
    kernel = list(call.shape(1)[2:])
    groups = int(call.get("group", 1))
    call.give(call.add("conv", *call.first_inputs(3), **window(call, kernel), groups=groups))


def conv_transpose(call: Call) -> None:
    """Pads are given, or follow from auto_pad or the size that is wanted."""
    kernel = list(call.shape(1)[2:])
    auto, wanted = AUTO.get(call.get("auto_pad", ""), ""), call.whole("output_shape")
    found: dict[str, Any] = {
        "strides": call.whole("strides") or [1] * len(kernel),
        "dilations": call.whole("dilations") or [1] * len(kernel),
        "output_padding": call.whole("output_padding") or [0] * len(kernel),
    }
    if wanted:
        found |= _pads_reaching(call, kernel, wanted[-len(kernel) :], auto, **found)
    elif auto:
        found["auto_pad"] = auto
    else:
        found["pads"] = call.whole("pads") or [0] * (2 * len(kernel))
    groups = int(call.get("group", 1))
    call.give(call.add("conv_transpose", *call.first_inputs(3), **found, groups=groups))


def _pads_reaching(
    call: Call,
    kernel: list[int],
    wanted: list[int],
    auto: str,
    strides: list[int],
    dilations: list[int],
    output_padding: list[int],
) -> dict[str, list[int]]:
    """Pads with which the result has the wanted size; what is missing is added at the end."""
    if not call.building.exact:
        raise Unsupported("with output_shape at an open size (give `size`)")
    before, after, added = [], [], []
    for n, size in enumerate(call.shape()[2:]):
        full = strides[n] * (size - 1) + output_padding[n] + dilations[n] * (kernel[n] - 1) + 1
        total = max(full - wanted[n], 0)
        small, large = total // 2, total - total // 2
        before.append(small if auto == "same_upper" else large)
        after.append(large if auto == "same_upper" else small)
        added.append(output_padding[n] + max(wanted[n] - full, 0))
    return {"pads": before + after, "output_padding": added}


def pool(operator: str, **more: tuple[str, int]) -> Converter:
    """A converter to `operator`; `more` maps its further attributes to ONNX's and defaults."""

    def convert(call: Call) -> None:
        call.single_output("with its second output (indices)")
        kernel = call.whole("kernel_shape")
        if not kernel:
            raise Unsupported("without kernel_shape")
        found: dict[str, Any] = {name: int(call.get(*source)) for name, source in more.items()}
        found |= {"kernel": kernel, "ceil": bool(call.get("ceil_mode", 0)), **window(call, kernel)}
        call.give(call.add(operator, call.input(0), **found))

    return convert


CONVERTERS: dict[str, Converter] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": pool("max_pool"),
    "AveragePool": pool("average_pool", count_include_pad=("count_include_pad", 0)),
    "LpPool": pool("l2_pool", p=("p", 2)),
}
