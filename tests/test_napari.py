"""The napari plugin: what it does with layers is compared with SciPy and with the commands; where
napari itself is installed, its manifest and the widgets' workers are tried too."""

from __future__ import annotations

import os
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import imgconv
from imgconv import cli
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


@pytest.mark.filterwarnings("ignore")
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


@pytest.fixture
def viewer() -> Iterator[Any]:
    """napari, which finds the plugin by its manifest. Its canvas needs OpenGL, so that it needs a
    screen, if only that of xvfb-run."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        pytest.skip("no screen here: xvfb-run")
    napari = pytest.importorskip("napari")
    npe2 = pytest.importorskip("npe2")
    manager = npe2.PluginManager.instance()
    if "imgconv" not in manager:
        manager.register(npe2.PluginManifest.from_file(MANIFEST), warn_disabled=False)
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


def use(viewer: Any, name: str, **values: Any) -> None:
    """Press a widget's button and wait until its worker has added its layers."""
    from qtpy.QtWidgets import QApplication

    _, widget = viewer.window.add_plugin_dock_widget("imgconv", name)
    for field, value in values.items():
        widget[field].value = value
    layers = len(viewer.layers)
    assert widget() is not None and len(viewer.layers) == layers  # not yet: it does not wait
    end = time.monotonic() + 120
    while len(viewer.layers) == layers and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    QApplication.processEvents()


@pytest.mark.filterwarnings("ignore")  # those of napari and Qt
def test_widgets_add_layers_in_napari(film: np.ndarray, viewer: Any) -> None:
    image = viewer.add_image(film[0], name="cells", scale=(0.5, 0.5))
    use(viewer, "Find nuclei or cells", image=image)
    found = imgconv.segment(film[0])
    labels, points = viewer.layers["cells labels"], viewer.layers["cells objects"]
    assert np.array_equal(labels.data, found.labels) and tuple(labels.scale) == (0.5, 0.5)
    assert np.allclose(points.features["area_px"], found.measurements["area_px"])
    viewer.layers.remove(points)
    use(viewer, "Measure labels", labels=labels, image=image)
    assert len(viewer.layers["cells objects"].features) == found.labels.max()
    use(viewer, "Take out noise", image=image, model="crosshair")
    assert viewer.layers["cells without noise"].data.shape == film[0].shape


@pytest.mark.filterwarnings("ignore")
def test_napari_opens_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, viewer: Any
) -> None:
    """A film of two channels, and its labels on the same axes."""
    monkeypatch.chdir(tmp_path)
    stack = tifffile.imread(CELLS / "timelapse.ome.tif")[:2, :, :96, :128]
    tifffile.imwrite("film.ome.tif", stack, metadata={"axes": "TCYX"})
    words = ["segment", "film.ome.tif", "--channel", "1", "--match-axes", "-q", "-o", "here/"]
    assert cli.main(words) == 0
    (labels,) = viewer.open("here/film.ome-labels.tif", plugin="napari", layer_type="labels")
    assert labels.data.shape == stack.shape and labels.data.max() > 0
    assert np.array_equal(labels.data[:, 0], labels.data[:, 1])
    (picture,) = viewer.open("here/film.ome-overlay.png", plugin="napari")
    assert picture.rgb
    assert cli.main(["filter", "-k", "blur", "film.ome.tif", "-o", "blurred.ome.tif", "-q"]) == 0
    (image,) = viewer.open("blurred.ome.tif", plugin="napari")
    assert image.data.shape == stack.shape and image.data.dtype == stack.dtype
