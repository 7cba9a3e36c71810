"""Trainings as a user types them: a network of one's own, and the run on a GPU, tried on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from imgconv import cli  # noqa: E402
from imgconv.engine import load  # noqa: E402
from imgconv.tasks.segment.card import READ  # noqa: E402
from training import gpu, start  # noqa: E402
from training.segmentation import data, train  # noqa: E402

ROOT = Path(__file__).parent.parent
FAST = ["--batch", "2", "--size", "64", "--threads", "1", "--nice", "0"]


def discs(rng: np.random.Generator, shape: tuple[int, int] = (96, 112)) -> np.ndarray:
    """Labels of a dozen discs of 14 to 26 pixels, some of them touching."""
    rows, columns = np.indices(shape)
    labels = np.zeros(shape, np.uint16)
    for number in range(1, 13):
        y, x, radius = (
            rng.integers(8, shape[0] - 8),
            rng.integers(8, shape[1] - 8),
            rng.uniform(7, 13),
        )
        labels[((rows - y) ** 2 + (columns - x) ** 2 < radius**2) & (labels == 0)] = number
    return labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images, of them one in 16 bit, and their labels."""
    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
    for number in range(5):
        labels = discs(rng)
        pixels = (labels > 0) * 120 + rng.normal(60, 8, labels.shape)
        kept = (pixels * 200).astype(np.uint16) if number == 0 else pixels.astype(np.uint8)
        cv2.imwrite(str(tmp_path / "mine" / "images" / f"{number}.png"), kept)
        cv2.imwrite(str(tmp_path / "mine" / "labels" / f"{number}.png"), labels)
    return tmp_path / "mine"


def run(module: str, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(cwd / "state")}
    command = [sys.executable, "-m", f"training.{module}", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def typed(*words: str) -> None:
    """A training of `nuclei` in this process, which leaves torch's threads as they were."""
    threads = torch.get_num_threads()
    try:
        train.main(train.arguments([*words, "--nice", "0", "--threads", "1", "--device", "cpu"]))
    finally:
        torch.set_num_threads(threads)


def pack(task: str, folder: Path, target: Path, *more: str) -> None:
    words = ["pack", task, "--data", str(folder), "--out", str(target), *more]
    gpu.main(*gpu.arguments(words))


def test_nuclei_learns_on_from_a_folder_and_segment_takes_what_comes_out(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = folder.parent
    words = ["--start", "nuclei", "--data", "mine", "--out", "my-nuclei.safetensors", *FAST]
    first = run("segmentation", *words, "--steps", 3, "--plot", "curve.png", cwd=here)
    assert first.returncode == 0, first.stderr
    assert first.stdout.split() == ["my-nuclei.safetensors"]
    assert "images to learn from + to judge on: mine 4+1" in first.stderr
    assert cv2.imread(str(here / "curve.png")) is not None
    state = here / "state" / "imgconv" / "training" / "my-nuclei"
    assert sorted(p.name for p in state.iterdir()) == ["checkpoint.pt", "lock", "log.jsonl"]
    card = load(here / "my-nuclei.safetensors").card
    assert card["name"] == "my-nuclei"
    assert card["read"] == {**READ, **load("nuclei").card["read"]}
    assert card["metrics"]["mean"]["AP 0.5"] > 0.3  # it still knows what it knew
    monkeypatch.chdir(here)
    assert cli.main(["segment", "--model", "my-nuclei.safetensors", "mine/images/1.png"]) == 0
    assert "objects" in capfd.readouterr().err
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "state"))
    monkeypatch.setattr(train, "write", lambda *_: None)  # seen above
    typed(*words, "--steps", "4")
    steps = [json.loads(line) for line in (state / "log.jsonl").read_text().splitlines()]
    assert [s["step"] for s in steps if s["kind"] == "step"][-1] == 4


WRONG = {
    "no such data": (["--data", "nowhere", "--out", "x.safetensors"], 1, "no such folder"),
    "no output": (["--data", "mine"], 2, "--out FILE.safetensors"),
    "a strange output": (["--data", "mine", "--out", "x.pt"], 2, "ending in .safetensors"),
    "no model": (["--data", "mine", "--out", "x.safetensors", "--start", "nuclear"], 1, "nuclei"),
    "a strange size": (["--data", "mine", "--out", "x.safetensors", "--size", "70"], 1, "of 16"),
    "a strange curve": (
        ["--data", "mine", "--out", "x.safetensors", "--plot", "c.xyz"], 1, ".png"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, code, said = WRONG[name]
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
    with pytest.raises(SystemExit) as stop:
        typed(*words)
    told = stop.value.code
    assert (1 if isinstance(told, str) else told) == code
    line = told if isinstance(told, str) else capsys.readouterr().err.splitlines()[-1]
    assert said in line and "\n" not in line


@pytest.mark.long
def test_a_run_on_a_gpu_is_packed_and_trained_from_and_its_weights_serve(folder: Path) -> None:
    here = folder.parent
    pack("segmentation", folder, here / "pack.zip")
    words = ["--data", "pack.zip", "--state", "results", "--widths", "8,16", "--workers", 1]
    words += ["--device", "cpu", "--no-kernels", "--minutes", 0.05, "--write-every", 0.01, *FAST]
    trained = run("gpu", "train", "segmentation", *words, cwd=here)
    assert trained.returncode == 0, trained.stderr
    assert "s/step" in trained.stderr
    assert sorted(p.name for p in (here / "results").iterdir()) == [
        "lock", "log.jsonl", "weights.safetensors",
    ]  # fmt: skip
    size = (here / "results" / "weights.safetensors").stat().st_size
    weights = start.weights(here / "results" / "weights.safetensors")
    assert size < 2.2 * sum(tensor.numel() for tensor in weights.values()) + 8000
    words = ["--checkpoint", "results/weights.safetensors", "--output", "mine.safetensors"]
    made = run("segmentation.export", *words, "--threads", 1, cwd=here)
    assert made.returncode == 0, made.stderr
    assert load(here / "mine.safetensors").card["task"] == "segment"


def test_packed_crops_are_the_images_to_the_bit_and_know_their_levels(folder: Path) -> None:
    here = folder.parent
    pack("segmentation", folder, here / "p.zip")
    whole = {e.field: e for e in data.load(folder, "train")}
    crops = data.load(here / "p.zip", "train")
    assert sorted(e.field for e in crops) == sorted(whole)  # small images are one crop each
    for crop in crops:
        one = whole[crop.field]
        np.testing.assert_array_equal(crop.pixels, one.pixels)
        np.testing.assert_array_equal(crop.labels, one.labels)
        assert crop.range == pytest.approx(one.range)
        assert crop.diameter == pytest.approx(one.diameter) and crop.source == one.source


def test_a_pack_never_grows_beyond_what_is_allowed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        noise = rng.integers(0, 255, (100, 100), np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise)
        cv2.imwrite(str(tmp_path / f"{number}-labels.png"), discs(rng, (100, 100)))
    for task in ("segmentation", "denoising"):
        pack(task, tmp_path, tmp_path / "p.zip", "--mib", "0.08")
        assert 0.05 * 2**20 < (tmp_path / "p.zip").stat().st_size <= 0.08 * 2**20
        with zipfile.ZipFile(tmp_path / "p.zip") as archive:
            assert archive.testzip() is None
        (tmp_path / "p.zip").unlink()
