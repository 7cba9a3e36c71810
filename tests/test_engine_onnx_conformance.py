"""ONNX's own conformance cases, as they ship in the package onnx: all of our operators in float32.

Each case of a single operator runs twice: with all its float32 arrays as inputs of the network,
by the operators' formulas; and with all but the first as weights, by the executor.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node as onnx_cases
import pytest
from naive_engine import evaluate
from onnx import ModelProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

from imgconv.engine import Network
from imgconv.engine.onnx.convert import CONVERTERS, convert

EXCLUDED = {
    r".*_training_mode(_.*)?|test_training_dropout.*": "how a network is trained",
    r"test_maxpool_with_argmax.*": "the positions of maxima",
    r".*_empty_set.*|test_split_zero_size.*|test_reshape_allowzero.*": "no pixels",
    r"test_resize_downsample_scales_(linear|cubic)_align_corners": (
        "corners of a result of 2.4 pixels; onnxruntime and PyTorch take those of the 2 there are"
    ),
}
NUMBERS = {"roi", "scales"}  # inputs of resize that are never computed from an image
MODULES = {
    module.name.replace("_", ""): module.name
    for module in pkgutil.iter_modules(onnx_cases.__path__)
}
NAMED_OTHERWISE = {"range": "rangeop"}
WITHOUT_CASES = {"GlobalLpPool"}


@cache
def cases_of(operator: str) -> list[Any]:
    """The cases that the module of an operator adds: single nodes, and functions expanded."""
    module = operator.lower()
    before = len(onnx_cases._NodeTestCases)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # infinities in the cases of reductions
        name = MODULES[NAMED_OTHERWISE.get(module, module)]
        importlib.import_module(f"{onnx_cases.__name__}.{name}")
    return onnx_cases._NodeTestCases[before:]


def is_ours(case: Any) -> bool:
    """Made of operators that we have, on float32."""
    arrays = [array for array in case.data_sets[0][0] if isinstance(array, np.ndarray)]
    return (
        all(node.op_type in CONVERTERS for node in case.model.graph.node)
        and len(arrays) == len(case.data_sets[0][0])
        and any(array.dtype == np.float32 for array in arrays)
    )


def is_excluded(case: Any) -> bool:
    return any(re.fullmatch(pattern, case.name) for pattern in EXCLUDED)


def separated(case: Any, images: int) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """The model with only the first so many float32 arrays as inputs, all others as weights."""
    model, inputs = ModelProto(), {}
    model.CopyFrom(case.model)
    for value, array in zip(model.graph.input, case.data_sets[0][0], strict=True):
        is_image = array.dtype == np.float32 and value.name not in NUMBERS
        if is_image and len(inputs) < images:
            inputs[value.name] = array
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return model, inputs


def check(case: Any, images: int, run: Any) -> None:
    model, inputs = separated(case, images)
    sizes_wanted = model.graph.node[0].op_type in ("Shape", "Size")  # known at import otherwise
    open_shapes = {name: (None,) * array.ndim for name, array in inputs.items()}
    graph = convert(model, open_shapes if sizes_wanted else {})
    results = run(graph, {name: inputs[name] for name in graph.inputs})
    for value, expected in zip(model.graph.output, case.data_sets[0][1], strict=True):
        found = results[value.name]
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=case.rtol, atol=1e-6, err_msg=case.name)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("operator", sorted(set(CONVERTERS) - WITHOUT_CASES))
def test_the_cases_of_an_operator_pass(operator: str) -> None:
    found = cases_of(operator)
    assert found
    for case in found:
        if is_ours(case) and not is_excluded(case):
            check(case, 99, evaluate)
            check(case, 1, lambda graph, inputs: Network(graph)(inputs))


def test_hundreds_of_cases_are_checked_and_few_are_excluded() -> None:
    every = [case for name in CONVERTERS if name not in WITHOUT_CASES for case in cases_of(name)]
    ours = [case for case in every if is_ours(case)]
    left_out = [case for case in ours if is_excluded(case)]
    assert len(ours) > 400
    assert len(left_out) < 30
    for pattern in EXCLUDED:
        assert any(re.fullmatch(pattern, case.name) for case in every), pattern


def test_every_operator_that_has_cases_is_among_them() -> None:
    assert not [n for n in WITHOUT_CASES if NAMED_OTHERWISE.get(n.lower(), n.lower()) in MODULES]


@pytest.mark.parametrize("kind", ["pytorch-operator", "pytorch-converted"])
def test_all_networks_that_pytorch_exported_long_ago_pass(kind: str) -> None:
    count = 0
    for case in load_model_tests(kind=kind):
        folder = Path(case.model_dir)
        model = onnx.load(folder / "model.onnx")
        graph = convert(model)
        for data in folder.glob("test_data_set_*"):
            images, expected = stored(data, "input"), stored(data, "output")
            named = dict(zip(graph.inputs, images, strict=False))
            for run in (evaluate, lambda graph, inputs: Network(graph)(inputs)):
                results = run(graph, named)
                for name, array in zip(graph.outputs, expected, strict=True):
                    np.testing.assert_allclose(
                        results[name], array, rtol=1e-3, atol=1e-5, err_msg=case.name
                    )
            count += 1
    assert count >= {"pytorch-operator": 35, "pytorch-converted": 82}[kind]


def stored(folder: Path, kind: str) -> list[np.ndarray]:
    files = sorted(folder.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1]))
    with np.errstate(over="ignore"):  # one case has float64, of memory that was never written
        return [
            numpy_helper.to_array(onnx.load_tensor(file)).astype(np.float32, copy=False)
            for file in files
        ]
