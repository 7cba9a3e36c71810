"""The command `run`: images and arrays through networks whose results are known."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from networks_of_tests import classifier, convolver, enlarger, halver, inverter, saved
from PIL import Image

from imgconv import cli
from imgconv.engine.graph import Node
from imgconv.tasks.image_to_image import Picture


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def test_an_image_becomes_an_image_with_its_metadata(capfd):
    image = pixels(9, 7, 3)
    Image.fromarray(image).save("a.png", dpi=(300, 300))
    assert cli.main(["run", inverter(), "a.png"]) == 0
    assert capfd.readouterr().out == "a-run.png\n"
    with Image.open("a-run.png") as found:
        assert np.array_equal(np.asarray(found), 255 - image)
        assert found.info["dpi"] == pytest.approx((300, 300), abs=0.02)


def test_16_bits_stay_16_bits_and_floats_are_not_clipped():
    image = pixels(6, 5, dtype=np.uint16)
    tifffile.imwrite("deep.tif", image)
    tifffile.imwrite("float.tif", np.float32([[-1, 0.25], [1, 3]]))
    assert cli.main(["run", inverter(channels=1), "deep.tif", "float.tif"]) == 0
    assert np.array_equal(tifffile.imread("deep-run.tif"), 65535 - image)
    assert tifffile.imread("float-run.tif").tolist() == [[2, 0.75], [0, -2]]


def test_alpha_is_kept_aside():
    image = pixels(8, 8, 4)
    Image.fromarray(image).save("a.png")
    assert cli.main(["run", inverter(), "a.png", "-o", "b.png"]) == 0
    found = np.asarray(Image.open("b.png"))
    assert np.array_equal(found[..., :3], 255 - image[..., :3])
    assert np.array_equal(found[..., 3], image[..., 3])


@pytest.mark.parametrize(("network", "size"), [(enlarger, (16, 12)), (halver, (4, 3))])
def test_alpha_comes_along_where_the_size_changes(network, size):
    image = np.zeros((8, 6, 4), np.uint8)
    image[..., 3] = 200
    Image.fromarray(image).save("a.png")
    assert cli.main(["run", network(), "a.png", "-o", "b.png"]) == 0
    found = np.asarray(Image.open("b.png"))
    assert found.shape == (*size, 4)
    assert (found[..., 3] == 200).all()


def test_grey_is_repeated_for_a_network_of_colours():
    image = pixels(5, 5)
    Image.fromarray(image).save("grey.png")
    assert cli.main(["run", inverter(), "grey.png", "-o", "b.png"]) == 0
    found = np.asarray(Image.open("b.png"))
    assert np.array_equal(found, np.repeat(255 - image[..., None], 3, 2))


def test_colours_go_one_by_one_through_a_network_of_one_channel():
    image = pixels(5, 6, 3)
    Image.fromarray(image).save("a.png")
    assert cli.main(["run", enlarger(), "a.png", "-o", "b.png"]) == 0
    found = np.asarray(Image.open("b.png"))
    assert np.array_equal(found, image.repeat(2, 0).repeat(2, 1))


def test_other_numbers_of_channels_are_refused(capfd):
    tifffile.imwrite("two.tif", pixels(4, 4, 2), photometric="minisblack", planarconfig="contig")
    np.save("five.npy", pixels(4, 4, 3))
    assert cli.main(["run", inverter(channels=5), "five.npy", "-o", "b.png"]) == 1
    assert "the image has 3 channels, the network takes 5" in capfd.readouterr().err


def test_a_network_of_another_scale_changes_the_size_of_a_pixel():
    Image.fromarray(pixels(6, 6)).save("a.png", dpi=(100, 100))
    assert cli.main(["run", enlarger(), "a.png"]) == 0
    with Image.open("a-run.png") as found:
        assert found.info["dpi"] == pytest.approx((200, 200), abs=0.02)


def test_odd_sizes_are_padded_and_cropped_back():
    Image.fromarray(pixels(7, 9, 3)).save("odd.png")
    assert cli.main(["run", halver(), "odd.png"]) == 0
    with Image.open("odd-run.png") as found:
        assert found.size == (5, 4)


def test_an_image_done_in_tiles_is_the_same(monkeypatch):
    Image.fromarray(pixels(700, 900)).save("a.png")
    pieces, prepared = [], Picture._prepared

    def counted(self, image, rules):
        pieces.append(image.shape)
        return prepared(self, image, rules)

    monkeypatch.setattr(Picture, "_prepared", counted)
    assert cli.main(["run", convolver(), "a.png", "-o", "whole.png"]) == 0
    assert pieces == [(1, 700, 900)]
    assert cli.main(["run", convolver(), "a.png", "-o", "tiles.png", "--memory", "16"]) == 0
    assert len(pieces) > 2
    whole, tiles = (np.asarray(Image.open(f"{name}.png")) for name in ("whole", "tiles"))
    assert np.array_equal(whole, tiles)


def test_the_card_says_what_black_and_white_are():
    Image.fromarray(np.uint8([[0, 255]])).save("a.png")
    card = {"prepare": {"range": [-1, 1]}, "read": {"range": [0, 2]}}
    assert cli.main(["run", inverter(channels=1, **card), "a.png"]) == 0
    assert np.asarray(Image.open("a-run.png")).tolist() == [[255, 0]]


def test_means_and_deviations_of_a_card_are_taken():
    Image.fromarray(np.full((2, 2, 3), 255, np.uint8)).save("a.png")
    card = {"prepare": {"mean": [1, 0.5, 0], "std": [1, 1, 2]}}
    assert cli.main(["run", inverter(**card), "a.png"]) == 0
    assert np.asarray(Image.open("a-run.png"))[0, 0].tolist() == [255, 128, 128]


def test_a_network_with_a_task_of_its_own_says_which_command_it_wants(capfd):
    Image.fromarray(pixels(4, 4, 3)).save("a.png")
    model = inverter(task="segment", prepare={"percentiles": [1, 99]})
    assert cli.main(["run", model, "a.png"]) == 1
    assert "use imgconv segment" in capfd.readouterr().err


def test_a_stack_is_run_plane_by_plane():
    stack = pixels(3, 6, 5, dtype=np.uint16)
    tifffile.imwrite("s.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    assert cli.main(["run", inverter(channels=1), "s.tif"]) == 0
    with tifffile.TiffFile("s-run.tif") as found:
        assert found.series[0].axes == "ZYX"
        assert np.array_equal(found.asarray(), 65535 - stack)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
def test_an_array_is_taken_as_it_is(shape):
    array = np.random.default_rng(0).normal(size=shape)
    np.save("a.npy", array)
    assert cli.main(["run", inverter(), "a.npy", "-o", "b.npy"]) == 0
    found = np.load("b.npy")
    assert found.dtype == np.float32
    assert np.allclose(found, 1 - array, atol=1e-6)


def test_several_outputs_are_several_arrays(capfd):
    array = np.random.default_rng(0).random((3, 4, 4), np.float32)
    np.save("a.npy", array)
    assert cli.main(["run", classifier(), "a.npy", "-o", "b.npy"]) == 0
    assert capfd.readouterr().out == "b.npy\nb-means.npy\n"
    means = array.mean((1, 2))
    assert np.allclose(np.load("b-means.npy"), means)
    assert np.allclose(np.load("b.npy"), np.exp(means) / np.exp(means).sum())


def test_one_of_several_outputs_can_be_chosen(capfd):
    np.save("a.npy", np.ones((3, 4, 4), np.float32))
    assert cli.main(["run", classifier(), "a.npy", "-o", "b.npy", "--result", "means"]) == 0
    assert capfd.readouterr().out == "b.npy\n"
    assert np.load("b.npy").tolist() == [1, 1, 1]
    assert cli.main(["run", classifier(), "a.npy", "-o", "c.npy", "--result", "mean"]) == 1
    assert "no output 'mean', but scores, means" in capfd.readouterr().err


def test_named_arrays_are_named_inputs():
    nodes = [Node("add", ("x", "x"), ("y",), {}, "twice")]
    np.savez("a.npz", x=np.ones((1, 2), np.float32))
    assert cli.main(["run", saved("m.safetensors", nodes, (None, 2)), "a.npz"]) == 0
    assert np.load("a-run.npy").tolist() == [[2, 2]]


def test_scores_of_an_image_go_to_an_array_and_not_to_an_image(capfd):
    image = pixels(6, 6, 3)
    Image.fromarray(image).save("a.png")
    assert cli.main(["run", classifier(), "a.png", "-o", "b.png"]) == 1
    assert "'scores' is 3, no image: write it to a .npy file" in capfd.readouterr().err
    assert cli.main(["run", classifier(), "a.png", "-o", "b.npy"]) == 0
    assert np.allclose(np.load("b-means.npy"), image.mean((0, 1)) / 255, atol=1e-6)


def test_a_network_made_for_one_size_runs_at_others_where_that_is_the_same(capfd):
    nodes = [Node("relu", ("x",), ("y",), {}, "relu")]
    image = pixels(6, 7)
    Image.fromarray(image).save("a.png")
    assert cli.main(["run", saved("m.safetensors", nodes, (None, 1, 28, 28)), "a.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("a-run.png")), image)
    assert "resized" not in capfd.readouterr().err


def test_one_bad_file_does_not_stop_the_others(capfd):
    Image.fromarray(pixels(6, 7)).save("a.png")
    np.save("bad.npy", np.array([{}], object))
    np.save("flat.npy", np.zeros(5))
    assert cli.main(["run", inverter(channels=1), "bad.npy", "flat.npy", "a.png"]) == 1
    found = capfd.readouterr()
    assert found.out == "a-run.png\n"
    assert "bad.npy: cannot be read" in found.err
    assert "flat.npy: found 5 for the input 'x'" in found.err


def test_a_command_line_without_files_or_with_an_unknown_model_is_refused(capfd):
    Image.fromarray(pixels(6, 7)).save("a.png")
    assert cli.main(["run"]) == 2
    assert cli.main(["run", inverter()]) == 2
    assert cli.main(["run", "nucleus", "a.png"]) == 2
    assert cli.main(["run", "none.safetensors", "a.png"]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("error: run needs a model and files")
    assert "there is no model 'nucleus' (did you mean nuclei?)" in lines[2]
    assert "none.safetensors: no such file" in lines[3]


def test_a_pipe_in_and_out():
    image = pixels(6, 7)
    Image.fromarray(image).save("a.png")
    command = [sys.executable, "-m", "imgconv", "run", inverter(channels=1), "-"]
    with open("a.png", "rb") as source:  # noqa: PTH123
        done = subprocess.run(command, stdin=source, capture_output=True, check=True)
    with open("b.png", "wb") as target:  # noqa: PTH123
        target.write(done.stdout)
    assert np.array_equal(np.asarray(Image.open("b.png")), 255 - image)


def test_running_a_network_imports_nothing_heavy():
    Image.fromarray(pixels(16, 16)).save("a.png")
    words = ["run", convolver(), "a.png", "-f"]
    assert cli.main(words) == 0
    code = "import sys; from imgconv.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"numba", "torch", "onnx", "scipy", "rich", "imgconv.engine.onnx"}


def test_arrays_are_compared_with_the_network_before_they_are_unpacked(capfd):
    """A small archive may hold much: what does not fit is refused by what its headers say."""
    np.savez_compressed("a.npz", x=np.zeros((1, 3, 2000, 2000), np.float32), y=np.zeros(3))
    whole = bytearray(Path("a.npz").read_bytes())
    whole[2000:9000] = bytes(7000)  # unpacking it would fail
    Path("a.npz").write_bytes(whole)
    assert cli.main(["run", inverter(), "a.npz", "-o", "o.npy"]) == 1
    assert "found the arrays x, y, allowed x" in capfd.readouterr().err
    np.save("b.npy", np.zeros((1, 3, 2000, 2000), np.float32))
    assert cli.main(["run", inverter(), "b.npy", "-o", "o.npy", "--memory", "16"]) == 1
    said = capfd.readouterr().err
    need = re.search(
        r"its arrays need (\d+) MB in the network, allowed 16: give --memory (\d+)", said
    )
    assert need, said
    assert cli.main(["run", inverter(), "b.npy", "-o", "o.npy", "--memory", need[2]]) == 0
