"""The macro for ImageJ and the workflow for Snakemake do what they say, in ImageJ and Snakemake."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile

from imgconv import cli

ROOT = Path(__file__).parent.parent
FIELD = ROOT / "samples" / "cells" / "field-1.tif"
JAR = Path(os.environ.get("IMAGEJ", "/usr/share/java/ij.jar"))
SCREEN = """
call("ij.Prefs.set", "imgconv.program", "{program}");
open("{image}");
run("Add...", "value=1");
runMacro("{macro}", "model = 'nuclei'; exclude-border = true");
selectWindow("image.tif labels");
getStatistics(area, mean, min, max);
rows = Table.size("image.tif measurements");
File.saveString(d2s(max, 0) + " " + roiManager("count") + " " + rows, "{found}");
"""


@pytest.fixture
def corner(tmp_path: Path) -> Path:
    """A folder with a small image, and with `imgconv` on the path's place."""
    tifffile.imwrite(tmp_path / "image.tif", tifffile.imread(FIELD)[:160, :160])
    program = tmp_path / "bin" / "imgconv"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imgconv "$@"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.mark.skipif(
    not (JAR.exists() and shutil.which("java") and shutil.which("xvfb-run")),
    reason="no ImageJ, Java or xvfb-run here",
)
def test_the_macro_shows_labels_outlines_and_table_in_imagej(corner: Path) -> None:
    screen, found = corner / "screen.ijm", corner / "found.txt"
    program, macro = corner / "bin" / "imgconv", ROOT / "integrations/imagej/imgconv_segment.ijm"
    image = corner / "image.tif"
    screen.write_text(SCREEN.format(program=program, image=image, macro=macro, found=found))
    words = ["xvfb-run", "-a", "java", "-cp", str(JAR), "ij.ImageJ", "-macro", str(screen)]
    shown = subprocess.Popen(
        words, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:  # its windows stay open until somebody closes them
        end = time.monotonic() + 300
        while not (found.exists() and found.read_text()) and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        os.killpg(shown.pid, signal.SIGTERM)
        shown.wait()
    tifffile.imwrite(image, tifffile.imread(image) + 1)
    words = ["segment", str(image), "--exclude-border", "-o", str(corner / "here/")]
    assert cli.main([*words, "-q"]) == 0
    count = len(np.unique(tifffile.imread(corner / "here" / "image-labels.tif"))) - 1
    assert found.read_text().strip() == f"{count} {count} {count}"


def test_the_workflow_gathers_a_folder_in_snakemake(corner: Path) -> None:
    if not (snakemake := shutil.which("snakemake")):
        pytest.skip("no Snakemake here")
    shutil.copytree(corner, corner / "plate", ignore=lambda *_: ["bin"])
    shutil.copy(corner / "image.tif", corner / "plate" / "other.tif")
    path = f"{corner / 'bin'}{os.pathsep}{os.environ['PATH']}"
    file = ROOT / "integrations/snakemake/Snakefile"
    words = ["--cores", "2", "--snakefile", str(file), "--config", "images=plate", "out=res"]
    subprocess.run(
        [snakemake, *words], cwd=corner, env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        check=True, timeout=300,
    )  # fmt: skip
    with (corner / "res" / "all.csv").open() as gathered:
        images = [row["image"] for row in csv.DictReader(gathered)]
    labels = tifffile.imread(corner / "res" / "image-labels.tif")
    assert images.count("image.tif") == images.count("other.tif") == labels.max()


def test_options_of_the_wrappers_are_the_command_s() -> None:
    options = {name for p in cli.load("segment").params for name in p.opts}
    tool = ElementTree.parse(ROOT / "integrations/galaxy/imgconv_segment.xml").getroot()
    given = {p.get("argument") for p in tool.iter("param") if p.get("argument")}
    texts = "".join(tool.itertext())
    for name in ("nextflow/main.nf", "snakemake/Snakefile", "imagej/imgconv_segment.ijm"):
        texts += (ROOT / "integrations" / name).read_text("utf-8")
    words = {word.strip("\"',;") for word in texts.split() if word.strip("\"'").startswith("--")}
    workflow = {"--images", "--out", "--cores", "--snakefile", "--config", "--version"}
    assert {*given, *words} - workflow <= options
