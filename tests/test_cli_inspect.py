"""imgconv inspect: what networks have learnt, and what they look at."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from networks_of_tests import convolver
from PIL import Image

from imgconv import cli, engine
from imgconv.engine import bundled_models
from imgconv.engine.fields import trace
from imgconv.engine.shapes import costs
from imgconv.images import open_image
from imgconv.tasks.inspect import regions
from imgconv.tasks.inspect.influence import influence, spread
from imgconv.tasks.inspect.probe import probe

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).save("a.png")
    return tmp_path


def inspect(*words: object) -> None:
    assert cli.main(["inspect", *map(str, words)]) == 0


@pytest.mark.parametrize("name", [file.stem for file in bundled_models()])
def test_every_bundled_model_shows_its_graph_its_filters_and_its_maps(here, name):
    inspect(name, "--show", "graph", "-o", "g.svg")
    words = " ".join(ElementTree.parse("g.svg").getroot().itertext())
    graph = engine.load(name).graph
    operators = [*(node.operator for node in graph.nodes), *("input" for _ in graph.inputs)]
    assert sorted(re.findall(r"[a-z_0-9]+", words)).count("conv") >= operators.count("conv")
    assert sum(words.count(one) for one in set(operators)) >= len(operators)
    inspect(name, "--show", "filters", "-o", "f.png")
    inspect(name, "a.png", "-o", "m.png")
    for sheet in ("f.png", "m.png"):
        with Image.open(sheet) as picture:
            assert min(picture.size) > 50


def test_maps_are_what_the_network_computes(here):
    convolver("blur.safetensors")
    grey = np.random.default_rng(1).integers(0, 256, (20, 30), np.uint8)
    Image.fromarray(grey).save("grey.png")
    inspect("blur.safetensors", "grey.png", "--layer", "clip", "-o", "m.npy")
    inspect("blur.safetensors", "grey.png", "--layer", "clip", "-o", "m.tif")
    padded = np.pad(grey / 255, 1)
    means = sum(padded[i : i + 20, j : j + 30] for i in range(3) for j in range(3)) / 9
    np.testing.assert_allclose(np.load("m.npy")[0], means, atol=1e-6)
    np.testing.assert_array_equal(np.squeeze(tifffile.imread("m.tif")), np.load("m.npy")[0])


def test_all_layers_go_to_a_sheet_and_to_an_npz(here):
    inspect("digits", SAMPLES / "digit.png", "--layer", "all", "-o", "all.png")
    inspect("digits", SAMPLES / "digit.png", "--layer", "all", "-o", "all.npz")
    inspect("digits", SAMPLES / "digit.png", "--layer", "c3", "-o", "c3.npy")
    with np.load("all.npz") as found:
        assert [len(found[name]) for name in ("c1", "c5", "f6", "output")] == [12, 88, 84, 11]
        assert found["softmax"].argmax() == 3
        np.testing.assert_array_equal(found["c3"], np.maximum(np.load("c3.npy"), 0))
    assert cli.main(["inspect", "digits", "a.png", "--layer", "all", "-o", "all.tif"]) == 2


def test_a_unit_counts_the_same_in_the_piece_of_the_image_that_it_sees(monkeypatch):
    """Influence found in a piece against influence found in the whole image."""
    monkeypatch.setattr(regions, "cells_for", lambda *_: 3)
    model = engine.load("nuclei")
    with open_image(str(SAMPLES / "cells/field-1.tif"), values="shown") as source:
        whole = probe(model, next(iter(source.planes()))[:256, :272], source.info)
    name = model.graph.outputs[0]
    traced = trace(model.graph, whole.size)[name]
    cells, _ = regions.local_influence(whole, name, (0, 140, 120), traced)
    window = regions.window_of(traced, 140, 120)

    def number(batch: np.ndarray) -> np.ndarray:
        return whole.values([name], batch)[0][:, 0, 140, 120]

    wanted = influence(number, whole.image, window, 3)
    np.testing.assert_allclose(cells, wanted, atol=0.01 * np.abs(wanted).max())


def test_a_unit_of_a_3x3_convolution_sees_3x3_pixels(here, capfd):
    convolver("blur.safetensors")
    inspect("blur.safetensors", "a.png", "--show", "field", "--at", "20,10", "-o", "f.png")
    assert "sees 3x3 pixels" in capfd.readouterr().err


def test_the_table_of_layers_is_that_of_the_engine(here):
    inspect("digits", "--show", "layers", "-o", "l.csv")
    rows = list(csv.DictReader(Path("l.csv").read_text().splitlines()))
    model = engine.load("digits")
    wanted = costs(model.graph, {"image": (1, 1, 28, 28)})
    assert [int(r["parameters"]) for r in rows] == [c.parameters for c in wanted]
    assert [int(r["multiply_adds"]) for r in rows] == [c.multiply_adds for c in wanted]


def test_covering_what_counts_shows_where_it_is():
    image = np.random.default_rng(2).random((1, 1, 24, 24)).astype(np.float32)
    image[0, 0, 8:12, 16:20] += 5

    def number(batch: np.ndarray) -> np.ndarray:
        return batch[:, 0, 8:12, 16:20].sum((1, 2))

    window = slice(0, 24), slice(0, 24)
    found = influence(number, image, window, 6)
    assert np.unravel_index(found.argmax(), found.shape) == (2, 4)
    full = spread(found, window, (24, 24))
    assert (full > 1).sum() == 16 and full[9, 17] == found.max()


def test_what_decides_is_found_for_digits_and_residual_networks(here, capfd):
    inspect("digits", SAMPLES / "digit.png", "--show", "occlusion", "-o", "o.png")
    assert "class 3" in capfd.readouterr().err
    assert cli.main(["models", "new", "resnet18", "-o", "r.safetensors"]) == 0
    inspect("r.safetensors", "a.png", "--show", "cam", "-o", "c.png")
    inspect("digits", SAMPLES / "digit.png", "--show", "patches", "--channel", 2, "-o", "p.png")
    assert cli.main(["inspect", "digits", "a.png", "--show", "cam"]) == 1


WRONG = {
    "no such view": ("digits --show everything", "allowed are"),
    "no image": ("digits --show maps", "needs an image"),
    "no such layer": ("digits a.png --layer nowhere", "there is no layer"),
    "no place": ("digits a.png --show field --at here", "write X,Y"),
    "a file that is there": ("digits a.png -o a.png", "exists already"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(here, capfd, name):
    words, line = WRONG[name]
    assert cli.main(["inspect", *words.split()]) == 2
    assert line in capfd.readouterr().err.splitlines()[-1]
