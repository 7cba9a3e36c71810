"""The commands `models list`, `show`, `verify` and `import`."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks_of_tests import classifier, convolver, inverter

from imgconv import cli, engine
from imgconv.cli.model_show import entry
from imgconv.engine import bundled as bundled_module

CARD = {
    "name": "blur", "task": "denoise", "licence": "CC0", "description": "Smooths. And more.",
    "data": [{"name": "nothing", "terms": "none"}], "metrics": {"PSNR": 30.123456789},
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A folder of bundled models of our own, listed."""
    weights = tmp_path / "weights"
    weights.mkdir()
    convolver(str(weights / "blur.safetensors"), **CARD)
    classifier(str(weights / "scores.safetensors"))
    monkeypatch.setattr(bundled_module, "folder", lambda: weights)
    files = sorted(weights.glob("*.safetensors"))
    sums = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files]
    (weights / "SHA256SUMS").write_text("".join(sums))
    return weights


def test_bundled_models_are_listed_in_columns(bundled, capfd):
    assert cli.main(["models", "list"]) == 0
    head, blur, about, scores = capfd.readouterr().out.splitlines()
    assert head.split() == ["name", "task", "size", "parameters", "licence"]
    assert re.fullmatch(r"blur +denoise +[\d.]+ k?B +10 +CC0", blur)
    assert about == "    Smooths"
    assert scores.split()[:2] == ["scores", "-"]


def test_files_are_listed_as_json_and_damaged_ones_are_named(capfd):
    Path("bad.safetensors").write_bytes(b"nothing")
    assert cli.main(["models", "list", "--json", convolver(**CARD), "bad.safetensors"]) == 1
    found = capfd.readouterr()
    one = json.loads(found.out)
    assert (one["name"], one["parameters"], one["path"]) == ("blur", 10, "blur.safetensors")
    assert one["bytes"] == Path("blur.safetensors").stat().st_size
    assert found.err.startswith("error: bad.safetensors: ")


def test_a_model_is_shown_with_its_card_and_its_layers(capfd):
    assert cli.main(["models", "show", convolver(**CARD), "--size", "6x8"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("blur\n  description: Smooths. And more.\n  task: denoise\n")
    assert "  data:\n    - name: nothing, terms: none\n" in out
    assert "    PSNR: 30.1235\n" in out
    assert hashlib.sha256(Path("blur.safetensors").read_bytes()).hexdigest() in out
    table = out[out.index("at x 1x1x6x8:") :].splitlines()
    assert table[2].split() == ["blur", "conv", "1x1x6x8", "10", "432"]
    assert table[3].split() == ["clip", "relu", "1x1x6x8"]
    assert table[4].split() == ["total", "10", "432"]


def test_json_holds_everything_that_is_shown(capfd):
    assert cli.main(["models", "show", convolver(**CARD), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["card"] == CARD
    assert found["inputs"] == {"x": [None, 1, None, None]}
    assert found["shown_at"] == {"x": [1, 1, 256, 256]}
    assert found["parameters"] == 10
    assert found["multiply_adds"] == 9 * 256 * 256
    assert [layer["operator"] for layer in found["layers"]] == ["conv", "relu"]


def test_a_profile_shares_the_time_among_the_layers(capfd):
    words = ["models", "show", convolver(), "--size", "64", "--profile", "--threads", "1"]
    assert cli.main([*words, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    shares = [layer.get("share", 0) for layer in found["layers"]]
    assert sum(shares) + sum(found.get("other_shares", {}).values()) == pytest.approx(1)
    assert 0 < found["seconds"] < 10
    assert found["threads"] == 1
    assert found["peak_bytes"] > 0
    assert cli.main(words) == 0
    assert " %" in capfd.readouterr().out


def test_a_size_is_filled_in_where_it_is_open_only(capfd):
    from imgconv.engine.graph import Graph, Node

    nodes = (Node("relu", ("x",), ("y",), {}, "relu"),)
    engine.save("fixed.safetensors", Graph({"x": (1, 1, 28, 28)}, ("y",), nodes, {}), {})
    assert cli.main(["models", "show", "fixed.safetensors"]) == 0
    assert "at x 1x1x28x28:" in capfd.readouterr().out
    assert cli.main(["models", "show", "fixed.safetensors", "--size", "32"]) == 1
    assert "--size 32x32: the input 'x' is always 28x28" in capfd.readouterr().err


def test_bundled_models_are_whole(bundled, capfd):
    assert cli.main(["models", "verify"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.rsplit(": ", 1)[1] for line in lines] == ["whole", "whole"]


def test_a_change_of_one_byte_is_found(bundled, capfd):
    file = bundled / "blur.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert cli.main(["models", "verify"]) == 1
    found = capfd.readouterr()
    assert "scores.safetensors: whole" in found.out
    assert f"blur.safetensors: changed: its SHA-256 is {hashlib.sha256(data).hexdigest()}" in (
        found.err
    )


def test_models_that_are_missing_or_not_listed_are_found(bundled, capfd):
    (bundled / "scores.safetensors").rename(bundled / "other.safetensors")
    assert cli.main(["models", "verify"]) == 1
    err = capfd.readouterr().err
    assert "scores.safetensors: missing, though SHA256SUMS lists it" in err
    assert "other.safetensors: not in SHA256SUMS beside it" in err


def test_a_file_without_a_list_shows_its_own_hash(capfd):
    assert cli.main(["models", "verify", inverter()]) == 0
    digest = hashlib.sha256(Path("invert.safetensors").read_bytes()).hexdigest()
    assert capfd.readouterr().out == (f"invert.safetensors: the graph is sound; SHA-256 {digest}\n")
    Path("bad.safetensors").write_bytes(b"nothing")
    assert cli.main(["models", "verify", "bad.safetensors", "invert.safetensors"]) == 1


def test_the_models_of_the_repository_are_what_its_list_says(capfd):
    assert cli.main(["models", "verify"]) == 0


def test_a_family_alone_shows_its_commands_and_a_wrong_one_is_refused(capfd):
    assert cli.main(["models"]) == 0
    out = capfd.readouterr().out
    assert all(f"\n  {word} " in out for word in ("list", "show", "verify", "import"))
    assert cli.main(["models", "lst"]) == 2
    assert "did you mean imgconv models list?" in capfd.readouterr().err


def relu_net(path: str = "net.onnx", shape: tuple[int | str, ...] = ("n", 3, "h", "w")) -> str:
    from onnx import TensorProto, helper, save

    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("image", "out")
    ]
    nodes = [
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["small", "", "scales"], ["out"], mode="nearest"),
    ]
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 2, 2])
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [scales])
    opset = helper.make_opsetid("", 13)
    save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def test_an_onnx_file_becomes_a_model_that_names_its_source(capfd):
    words = ["--name", "pooler", "--licence", "MIT", "--description", "d", "--range", "-1,1"]
    assert cli.main(["models", "import", relu_net(), *words]) == 0
    found = capfd.readouterr()
    assert found.out == "net.safetensors\n"
    first, second = found.err.splitlines()
    assert first == "2 layers, 0 parameters, input image ?x3x?x?, output out"
    assert "image: input 'image', NCHW" in second and "black is -1 and white 1" in second
    model = engine.load("net.safetensors")
    digest = hashlib.sha256(Path("net.onnx").read_bytes()).hexdigest()
    assert model.card["source"] == {"file": "net.onnx", "sha256": digest}
    assert model.card["prepare"] == model.card["read"] == {"range": [-1, 1]}
    assert (model.card["name"], model.card["licence"]) == ("pooler", "MIT")
    assert model.card["multiple"] == 2
    assert model.card["created_with"].startswith("imgconv ")


def test_sizes_and_names_can_be_given(capfd):
    assert cli.main(["models", "import", relu_net(), "-o", "a.safetensors", "--size", "8x6"]) == 0
    assert engine.load("a.safetensors").graph.inputs == {"image": (1, 3, 8, 6)}
    assert "multiple" not in engine.load("a.safetensors").card
    words = ["-o", "b.safetensors", "--shape", "image=2,3,?,6"]
    assert cli.main(["models", "import", relu_net(), *words]) == 0
    assert engine.load("b.safetensors").graph.inputs == {"image": (2, 3, None, 6)}
    fixed = relu_net("fixed.onnx", (1, 3, 8, 8))
    assert cli.main(["models", "import", fixed, "--size", "any"]) == 0
    assert engine.load("fixed.safetensors").graph.inputs == {"image": (1, 3, None, None)}


def test_an_open_size_that_does_not_work_is_said(capfd):
    from onnx import TensorProto, helper, save

    ends = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 224, 224)),
        helper.make_tensor_value_info("out", TensorProto.FLOAT, None),
    ]
    shape = helper.make_tensor("s", TensorProto.INT64, [2], [1, 3 * 224 * 224])
    node = helper.make_node("Reshape", ["image", "s"], ["out"])
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], [shape])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), "net.onnx")
    assert cli.main(["models", "import", "net.onnx", "--size", "any"]) == 0
    assert "runs at none of those that were tried" in capfd.readouterr().err
    assert cli.main(["models", "import", "net.onnx", "-f"]) == 0
    assert "tried" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "0"], "sizes are 1 or more"),
        (["--size", "big"], "write a whole number"),
        (["--shape", "image"], "write INPUT=N,C,H,W"),
        (["--range", "1"], "write what black and white are"),
        (["-o", "net.pt"], "ends in .safetensors"),
        (["-o", "no/net.safetensors"], "there is no folder no"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_read(words, said, capfd):
    assert cli.main(["models", "import", "none.onnx", *words]) == 2
    assert said in capfd.readouterr().err


def test_an_existing_model_is_not_overwritten_unasked(capfd):
    relu_net()
    inverter("net.safetensors")
    before = Path("net.safetensors").read_bytes()
    assert cli.main(["models", "import", "net.onnx"]) == 2
    assert "-f overwrites" in capfd.readouterr().err
    assert Path("net.safetensors").read_bytes() == before
    assert cli.main(["models", "import", "net.onnx", "-f"]) == 0


def test_half_precision_is_a_choice():
    from onnx import TensorProto, helper, save

    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 3, 3, 3)).astype(np.float32)
    ends = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 8, 8)),
        helper.make_tensor_value_info("out", TensorProto.FLOAT, None),
    ]
    tensor = helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel())
    node = helper.make_node("Conv", ["image", "w"], ["out"])
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], [tensor])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), "net.onnx")
    assert cli.main(["models", "import", "net.onnx"]) == 0
    assert np.array_equal(engine.load("net.safetensors").graph.tensors["w"], weights)
    assert cli.main(["models", "import", "net.onnx", "--half", "-f"]) == 0
    halved = engine.load("net.safetensors").graph.tensors["w"]
    assert np.array_equal(halved, weights.astype(np.float16).astype(np.float32))


def test_without_the_package_onnx_one_line_says_what_to_install(capfd, monkeypatch):
    relu_net()
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert cli.main(["models", "import", "net.onnx"]) == 1
    assert "pip install 'imgconv[onnx]'" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["import", "--help"], ["list"]])
def test_onnx_is_loaded_to_import_only(words):
    code = "import sys; from imgconv.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "models", *words], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"onnx", "numba", "torch", "rich"}
    assert words == ["list"] or "numpy" not in loaded


def test_failures_are_told_one_a_line():
    lines = entry("failures", ["Small ones are missed.", "Thin ones, too."], "  ")
    assert lines == ["  failures:", "    - Small ones are missed.", "    - Thin ones, too."]
