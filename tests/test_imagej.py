"""ImageJ itself opens what is written: pixel values, and outlines on the planes they belong to.

Skipped without ImageJ 1 (Debian's imagej and xvfb, or a jar that $IMAGEJ names).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile

from imgconv.cli import main
from imgconv.images import Info, WriteOptions, write_image

SAMPLES = Path(__file__).parent.parent / "samples" / "cells"
JAR = Path(os.environ.get("IMAGEJ", "/usr/share/java/ij.jar"))
pytestmark = pytest.mark.skipif(
    not (JAR.exists() and shutil.which("java") and shutil.which("xvfb-run")),
    reason="no ImageJ, Java or xvfb-run here",
)

VALUES = """
setBatchMode(true);
names = split(getArgument(), ",");
for (i = 0; i < names.length; i++) {
  open(names[i]);
  line = File.getName(names[i]);
  for (y = 0; y < getHeight(); y += 7) for (x = 0; x < getWidth(); x += 7)
    line = line + " " + getPixel(x, y);
  print(line);
  close();
}
"""

OUTLINES = """
setBatchMode(true);
names = split(getArgument(), ",");
open(names[0]);
roiManager("open", names[1]);
for (i = 0; i < roiManager("count"); i++) {
  roiManager("select", i);
  Stack.getPosition(channel, z, t);
  getStatistics(area, mean, min, max);
  print(call("ij.plugin.frame.RoiManager.getName", i) + " " + t + " " + min + " " + max);
}
"""

EVERYTHING = """
setBatchMode(true);
pairs = split(getArgument(), ",");
for (p = 0; p < pairs.length; p++) {
  names = split(pairs[p], "|");
  open(names[0]);
  getDimensions(width, height, channels, slices, frames);
  planes = channels * slices * frames;
  print("size " + File.getName(names[0]) + " " + width + " " + height + " " + planes);
  for (n = 1; n <= planes; n++) {
    if (planes > 1) setSlice(n);
    getStatistics(area, mean, min, max);
    getPixelSize(unit, pixel, tall);
    print("plane " + mean + " " + max + " " + pixel);
  }
  roiManager("reset");
  roiManager("open", names[1]);
  for (i = 0; i < roiManager("count"); i++) {
    roiManager("select", i);
    getStatistics(area, mean, min, max);
    print("outline " + min + " " + max);
  }
  close();
}
"""


def imagej(folder: Path, macro: str, *files: Path) -> list[list[str]]:
    """The words of each line that the macro prints about the files."""
    (folder / "macro.ijm").write_text(macro)
    program = ["xvfb-run", "-a", "java", "-cp", str(JAR), "ij.ImageJ"]
    arguments = ["-batch", str(folder / "macro.ijm"), ",".join(map(str, files))]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=120)
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate"])
def test_imagej_reads_the_values_of_every_type(tmp_path, compression):
    ramp = np.add.outer(np.arange(0, 40), np.arange(60) * 2)[..., None]
    files = []
    for dtype in (np.uint8, np.uint16, np.float32):
        plane = (ramp if dtype == np.uint8 else ramp * 300).astype(dtype)
        files.append(tmp_path / f"{np.dtype(dtype)}.tif")
        info = Info("tiff", plane.dtype, *plane.shape)
        assert not write_image(files[-1], [plane], info, WriteOptions(compression=compression))
    for name, *values in imagej(tmp_path, VALUES, *files):
        expected = tifffile.imread(tmp_path / name)[::7, ::7]
        assert np.array_equal(np.array(values, float), expected.ravel()), name
        files.remove(tmp_path / name)
    assert not files


def test_imagej_reads_the_samples(tmp_path):
    files = [SAMPLES / "field-1.tif", SAMPLES / "truth" / "field-1.tif"]
    for file, (_, *values) in zip(files, imagej(tmp_path, VALUES, *files), strict=True):
        assert np.array_equal(np.array(values, float), tifffile.imread(file)[::7, ::7].ravel())


def test_outlines_sit_on_their_frames_of_the_labels_and_of_the_hyperstack(tmp_path):
    source = tmp_path / "cells.tif"
    frames = tifffile.imread(SAMPLES / "timelapse.ome.tif")
    tifffile.imwrite(source, frames, imagej=True, metadata={"axes": "TCYX"})
    assert main(["segment", str(source), "--channel", "1", "--rois", "-o", f"{tmp_path}/"]) == 0
    labels, rois = tmp_path / "cells-labels.tif", tmp_path / "cells-rois.zip"
    count = sum(int(plane.max()) for plane in tifffile.imread(labels))
    on_labels = imagej(tmp_path, OUTLINES, labels, rois)
    on_frames = imagej(tmp_path, OUTLINES, source, rois)
    assert len(on_labels) == len(on_frames) == count
    for name, frame, low, high in on_labels:
        plane, label, _ = map(int, name.split("-"))
        assert (int(frame), int(low), int(high)) == (plane, label, label)
    assert [words[:2] for words in on_frames] == [words[:2] for words in on_labels]


Y, X = np.mgrid[:96, :96]
DISCS = 300 + 3000 * (((Y % 32 - 16) ** 2 + (X % 32 - 16) ** 2) < 60)  # nine
KINDS = {  # name: axes and how the file is written, further words of the command
    "plane": ("YX", {}, []),
    "film": ("TYX", {"imagej": True}, ["--track"]),
    "depth": ("ZYX", {"imagej": True}, ["--link-z"]),
    "pages": ("TYX", {}, ["--axes", "TYX"]),
    "channels": ("CYX", {"ome": True}, ["--channel", "1"]),
    "ome": ("TZCYX", {"ome": True}, ["--channel", "2"]),
    "napari": ("TCYX", {"ome": True}, ["--channel", "1", "--match-axes"]),
    "sized": ("TCYX", {"imagej": True, "resolution": (2, 2)}, ["--channel", "1"]),
}


def test_imagej_opens_every_kind_of_labels_and_outlines(tmp_path, monkeypatch):
    """All in one start: sizes, each plane's mean and maximum, each outline on one label alone."""
    monkeypatch.chdir(tmp_path)
    model, pairs, expected = standin.model(tmp_path / "standin.safetensors"), [], {}
    for name, (axes, how, words) in KINDS.items():
        shape = [2] * (len(axes) - 2)
        stack = np.broadcast_to(DISCS.astype(np.uint16), (*shape, 96, 96)).copy()
        metadata = {"axes": axes} | ({"unit": "um"} if "resolution" in how else {})
        tifffile.imwrite(f"{name}.tif", stack, metadata=metadata, **how)
        command = ["segment", "--model", model, f"{name}.tif", *words, "--rois", "-q", "-o", "o/"]
        assert main(command) == 0
        labels = tifffile.imread(f"o/{name}-labels.tif")
        assert labels.max() >= 9
        if "--match-axes" in words:
            assert labels.shape == stack.shape and np.array_equal(labels[:, 0], labels[:, 1])
        expected[f"{name}-labels.tif"] = labels.reshape(-1, 96, 96)
        pairs.append(f"{tmp_path}/o/{name}-labels.tif|{tmp_path}/o/{name}-rois.zip")
    planes, found = np.zeros((0, 0, 0)), []
    for kind, *words in imagej(tmp_path, EVERYTHING, *pairs):
        if kind == "size":
            assert not found
            planes = expected.pop(words[0])
            assert list(map(int, words[1:])) == [96, 96, len(planes)]
            found = list(planes)
        elif kind == "plane":
            plane = found.pop(0)
            assert float(words[0]) == pytest.approx(plane.mean(), rel=1e-3)
            assert float(words[1]) == plane.max()
        else:
            assert words[0] == words[1] != "0"
    assert not expected
