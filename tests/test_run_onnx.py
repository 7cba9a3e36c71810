"""ONNX networks of odd layouts through `models import` and `run`, against onnxruntime."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgconv import cli

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def network(nodes, inputs, outputs, weights, name="net.onnx"):
    """inputs, outputs: name -> shape, None for an open size."""
    values = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in each.items()]
        for each in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(array, n) for n, array in weights.items()]
    graph = helper.make_graph(nodes, "g", *values, tensors)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), name
    )


def theirs(inputs, name="net.onnx"):
    return onnxruntime.InferenceSession(name).run(None, inputs)[0]


def weights(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def picture(height, width, name="a.png", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(name)
    return pixels


def imported(*options):
    assert cli.main(["models", "import", "net.onnx", "-f", *options]) == 0


def ran(*options, out="out.npy"):
    assert cli.main(["run", "net.safetensors", "a.png", "-o", out, "-f", *options]) == 0
    return np.load(out) if out.endswith(".npy") else np.asarray(Image.open(out))


def planes(pixels):
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0)[None] / np.float32(255))


def close(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5 * max(1, np.abs(wanted).max()))


def as_pixels(values):
    return np.rint(np.clip(values, 0, 1) * 255)


def turned_convolution(size=(None, None)):
    """(1, H, W, 3) -> (1, H, W, 3), as TensorFlow's converter writes it."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Sigmoid", ["c"], ["s"]),
        helper.make_node("Transpose", ["s"], ["y"], perm=[0, 2, 3, 1]),
    ]
    shape = (1, *size, 3)
    network(nodes, {"x": shape}, {"y": shape}, {"w": weights(3, 3, 3, 3)})


def test_channels_last_are_found_and_the_picture_is_theirs(capfd):
    turned_convolution()
    pixels = picture(30, 41)
    imported()
    assert "input 'x', NHWC, 3 channels, height any, width any" in capfd.readouterr().err
    wanted = theirs({"x": pixels[None] / np.float32(255)})[0]
    close(ran(), wanted)
    assert np.abs(ran(out="out.png") - as_pixels(wanted)).max() <= 1


def test_a_large_image_with_channels_last_is_tiled_to_the_same_bits():
    turned_convolution()
    picture(700, 900)
    imported()
    assert np.array_equal(ran(), ran("--memory", "16"))


def test_no_batch_axis_on_either_side():
    nodes = [
        helper.make_node("Unsqueeze", ["x", "zero"], ["u"]),
        helper.make_node("Conv", ["u", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Squeeze", ["c", "zero"], ["y"]),
    ]
    shape = (3, None, None)
    network(nodes, {"x": shape}, {"y": shape},
            {"w": weights(3, 3, 3, 3), "zero": np.zeros(1, np.int64)})  # fmt: skip
    pixels = picture(21, 34)
    imported()
    wanted = theirs({"x": planes(pixels)[0]})
    close(ran(), wanted)
    assert np.abs(ran(out="out.png") - as_pixels(np.moveaxis(wanted, 0, 2))).max() <= 1
    np.save("x.npy", planes(pixels)[0])
    assert cli.main(["run", "net.safetensors", "x.npy", "-o", "y.npy"]) == 0
    close(np.load("y.npy"), wanted)


def test_a_label_map_without_channels_keeps_its_rows_when_tiled():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
        helper.make_node("ReduceMax", ["c"], ["y"], axes=[1], keepdims=0),
    ]
    network(nodes, {"x": (1, 3, None, None)}, {"y": (1, None, None)}, {"w": weights(16, 3, 3, 3)})
    pixels = picture(600, 700)
    imported()
    close(ran("--memory", "16"), theirs({"x": planes(pixels)})[0])


@pytest.mark.parametrize("size", [(24, 37), (50, 16)])
def test_a_fixed_size_is_opened_where_the_result_is_the_same(size, capfd):
    turned_convolution((32, 32))
    pixels = picture(*size)
    imported()
    found = ran(out="out.png")
    assert "resized" not in capfd.readouterr().err
    turned_convolution()
    wanted = theirs({"x": pixels[None] / np.float32(255)})[0]
    assert np.abs(found - as_pixels(wanted)).max() <= 1


def test_a_fixed_size_of_a_network_that_sees_everything_is_resized_to_with_a_note(capfd):
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["g"]),
        helper.make_node("Sub", ["x", "g"], ["d"]),
        helper.make_node("Add", ["d", "half"], ["y"]),
    ]
    shape = (1, 3, 32, 48)
    network(nodes, {"x": shape}, {"y": shape}, {"half": np.full(1, 0.5, np.float32)})
    smooth = np.add.outer(np.linspace(50, 150, 64), np.linspace(0, 80, 96))[..., None]
    pixels = np.repeat(smooth, 3, 2).astype(np.uint8)
    Image.fromarray(pixels).save("a.png")
    imported()
    found = ran(out="out.png")
    assert "resized from 64x96 to 32x48" in capfd.readouterr().err
    wanted = as_pixels((pixels - pixels.mean()) / 255 + 0.5)
    assert found.shape == (64, 96, 3) and np.abs(found - wanted).max() <= 3


def test_what_layers_without_padding_leave_out_is_continued():
    """Seven of 3x3 and a doubling: 2 (n - 14) pixels; the picture has 2 n."""
    nodes = [helper.make_node("Conv", ["x", "w0"], ["v0"])]
    held = {"w0": weights(8, 3, 3, 3)}
    for i in range(1, 7):
        held[f"w{i}"] = weights(8, 8, 3, 3, seed=i)
        nodes.append(helper.make_node("Conv", [f"v{i - 1}", f"w{i}"], [f"v{i}"]))
    held["up"] = weights(8, 3, 2, 2)
    nodes.append(helper.make_node("ConvTranspose", ["v6", "up"], ["y"], strides=[2, 2]))
    network(nodes, {"x": (1, 3, None, None)}, {"y": (1, 3, None, None)}, held)
    pixels = picture(33, 40)
    imported()
    around = np.pad(planes(pixels), ((0, 0), (0, 0), (7, 7), (7, 7)), mode="reflect")
    wanted = np.moveaxis(theirs({"x": around})[0], 0, 2)
    found = ran(out="out.png")
    assert found.shape == (66, 80, 3) and np.abs(found - as_pixels(wanted)).max() <= 1
    close(ran(), theirs({"x": planes(pixels)})[0])  # an array is what the network gives


def test_scores_of_a_classifier_whose_reshape_leaves_the_batch_open():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4, strides=[4, 4]),
        helper.make_node("Reshape", ["c", "sizes"], ["r"]),
        helper.make_node("MatMul", ["r", "m"], ["y"]),
    ]
    held = {"w": weights(4, 3, 3, 3), "sizes": np.array([-1, 256], np.int64), "m": weights(256, 10)}
    network(nodes, {"x": (1, 3, 32, 32)}, {"y": (1, 10)}, held)
    pixels = picture(32, 32)
    imported()
    close(ran(), theirs({"x": planes(pixels)})[0])


def second_inputs():
    """x mask + sigma x^2, sigma a number without axes."""
    nodes = [
        helper.make_node("Mul", ["x", "mask"], ["m"]),
        helper.make_node("Mul", ["x", "x"], ["q"]),
        helper.make_node("Mul", ["q", "sigma"], ["s"]),
        helper.make_node("Add", ["m", "s"], ["y"]),
    ]
    inputs = {"x": (1, 3, None, None), "mask": (1, 1, None, None), "sigma": ()}
    network(nodes, inputs, {"y": (1, 3, None, None)}, {})


def test_second_inputs_are_a_number_and_an_image(capfd):
    second_inputs()
    pixels = picture(19, 23)
    mask = np.random.default_rng(1).integers(0, 256, (19, 23), np.uint8)
    Image.fromarray(mask).save("mask.png")
    imported()
    assert "imgconv run --input sigma=VALUE" in capfd.readouterr().err
    wanted = theirs(
        {"x": planes(pixels), "mask": mask[None, None] / np.float32(255),
         "sigma": np.array(0.25, np.float32)}
    )  # fmt: skip
    given = ["--input", "sigma=0.25", "--input", "mask=mask.png"]
    close(ran(*given), wanted[0])
    assert np.abs(ran(*given, out="o.png") - as_pixels(np.moveaxis(wanted[0], 0, 2))).max() <= 1
    assert cli.main(["run", "net.safetensors", "a.png", "-o", "b.png", *given[:2]]) == 1
    assert "also takes 'mask'" in capfd.readouterr().err
    assert cli.main(["run", "net.safetensors", "a.png", "-o", "b.png", "--input", "no=1"]) == 2


def test_arrays_for_a_number_and_an_image_without_a_batch():
    second_inputs()
    pixels = picture(9, 11)
    imported()
    x, mask = planes(pixels), np.ones((1, 1, 9, 11), np.float32)
    np.savez("in.npz", x=x[0], mask=mask[0], sigma=np.float32(2))
    assert cli.main(["run", "net.safetensors", "in.npz", "-o", "y.npy"]) == 0
    close(np.load("y.npy"), theirs({"x": x, "mask": mask, "sigma": np.array(2, np.float32)})[0])


def test_how_the_image_is_prepared_is_said_kept_and_done(capfd):
    network([helper.make_node("Identity", ["x"], ["y"])],
            {"x": (1, 3, None, None)}, {"y": (1, 3, None, None)}, {})  # fmt: skip
    pixels = picture(8, 9)
    imported("--scale", "0.5", "--mean", "10,20,30", "--std", "2")
    assert "black is 0 and white 127.5, minus 10, 20, 30, divided by 2" in capfd.readouterr().err
    wanted = (pixels * np.float32(0.5) - np.float32([10, 20, 30])) / 2
    close(ran(), np.moveaxis(wanted, 2, 0))
    imported("--result-range", "-1,1")
    found = ran(out="out.png")
    assert np.abs(found - as_pixels((pixels / 255 + 1) / 2)).max() <= 1
    for wrong in (["--result-range", "1,0"],
                  ["--scale", "1", "--range", "0,255"], ["--mean", "1,2"], ["--std", "0"],
                  ["--layout", "HW"], ["--image", "z"]):  # fmt: skip
        assert cli.main(["models", "import", "net.onnx", "-f", *wrong]) == 2


def stand_in(name, size, maps, scale=1, outputs=("y",), sigmoid=True):
    """A published network's inputs and outputs, around one layer of random weights."""
    channels = 1 if scale > 1 else 3
    last = [helper.make_node("Sigmoid" if sigmoid else "Tanh", ["c"], ["r"])]
    if scale > 1:
        last.append(helper.make_node("DepthToSpace", ["r"], ["y"], blocksize=scale))
    else:
        last += [helper.make_node("Identity", ["r"], [one]) for one in outputs]
    nodes = [helper.make_node("Conv", ["input", "w"], ["c"], pads=[1] * 4), *last]
    high, wide = (n and n * scale for n in size)
    shapes = dict.fromkeys(outputs, (1, maps // scale**2, high, wide))
    network(
        nodes, {"input": (1, channels, *size)}, shapes, {"w": weights(maps, channels, 3, 3)}, name
    )


def test_the_commands_of_the_page_on_published_networks_run_as_they_stand(tmp_path):
    """With stand-ins of the same inputs and outputs: the files are the reader's to bring."""
    stand_in("super_resolution.onnx", (224, 224), 9, 3)
    stand_in("u2net.onnx", (320, 320), 1, outputs=("d0", "d1"))
    stand_in("enlighten.onnx", (None, None), 3, sigmoid=False)
    pixels = picture(48, 66, "photo.png")
    page = Path(__file__).parent.parent / "docs" / "networks.md"
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(), re.S)).replace("\\\n", " ")
    commands = [shlex.split(line) for line in lines.splitlines() if line]
    for words in commands:
        if words[0] == "imgconv":
            assert cli.main(words[1:]) == 0, words
        else:
            exec(words[2])
    for name, size in {"large": (144, 198), "mask": (48, 66), "bright": (48, 66)}.items():
        assert np.asarray(Image.open(f"{name}.png")).shape[:2] == size
    with Image.open("cut.png") as cut:
        assert cut.mode == "RGBA"
        assert np.array_equal(np.asarray(cut)[..., :3], pixels)
