"""The napari plugin: what it does with layers is compared with SciPy and with the commands; where
napari itself is installed, its manifest and the widgets' workers are tried too."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import imgconv
from imgconv_napari import layers

CELLS = Path(__file__).parent.parent / "samples" / "cells"
MANIFEST = Path(layers.__file__).parent / "napari.yaml"


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """(T, Y, X): two times of the nuclei."""
    return tifffile.imread(CELLS / "timelapse.ome.tif")[:2, 0]


def test_segment_gives_labels_and_a_point_for_each_object(film: np.ndarray) -> None:
    (labels, settings, kind), (points, table, second) = layers.segment_layer(
        film, "cells", (2.0, 0.5, 0.5), rgb=False, model="nuclei", diameter=0, threshold=0
    )
    assert (kind, second, settings["name"]) == ("labels", "points", "cells labels")
    assert settings["scale"] == table["scale"] == (2.0, 0.5, 0.5)
    assert np.array_equal(labels, imgconv.segment(film, axes="ZYX").labels)
    features = table["features"]
    for (t, y, x), label, plane in zip(points, features["label"], features["plane"], strict=True):
        assert t == plane - 1
        assert ndimage.center_of_mass(labels[int(t)] == label) == pytest.approx((y, x), abs=1e-3)
    assert len(points) == sum(len(np.unique(plane)) - 1 for plane in labels)


def test_measure_and_denoise_keep_the_layer_s_shape_and_colours(film: np.ndarray) -> None:
    labels = ndimage.label(film[0] > film[0].mean())[0]
    ((points, table, kind),) = layers.measure_layer(
        labels, film[0], "cells", (1, 1), rgb=False, features=""
    )
    assert kind == "points" and len(points) == labels.max()
    means = ndimage.mean(film[0], labels, table["features"]["label"])
    assert np.allclose(table["features"]["intensity_mean"], means, rtol=1e-4)
    colours = np.random.default_rng(0).integers(0, 255, (16, 20, 3), np.uint8)
    ((clean, settings, _),) = layers.denoise_layer(
        [colours, colours[::2, ::2]], "photo", (1, 1), rgb=True, model="photo", strength=0.5
    )
    assert (clean.shape, clean.dtype, settings["rgb"]) == (colours.shape, colours.dtype, True)
    with pytest.raises(ValueError, match="at most time, depth"):
        layers.denoise_layer(
            np.zeros((2, 2, 2, 8, 8)), "x", (1,) * 5, rgb=False, model="micro", strength=1
        )


def test_the_manifest_names_what_there_is() -> None:
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    commands = manifest.contributions.commands or []
    assert {command.id for command in commands} == {
        widget.command for widget in manifest.contributions.widgets or []
    }
    source = (MANIFEST.parent / "widgets.py").read_text("utf-8")
    for command in commands:
        assert f"\ndef {str(command.python_name).rpartition(':')[2]}(" in source
    project = tomllib.loads((MANIFEST.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    entry = project["entry-points"]["napari.manifest"]["imgconv"].partition(":")
    assert entry == (layers.__package__, ":", MANIFEST.name)


def test_widgets_work_in_a_thread(film: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    pytest.importorskip("napari")
    from imgconv_napari import widgets

    layer = SimpleNamespace(data=film[0], name="cells", scale=(1, 1), rgb=False)
    worker = widgets.segment(layer)
    (labels, *_), _ = worker.work()
    assert np.array_equal(labels, imgconv.segment(film[0]).labels)
