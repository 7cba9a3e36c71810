"""The command `denoise`: files, stacks, pipes, pictures of what it did, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import denoise_standin
import numpy as np
import pytest
import tifffile
from matplotlib.figure import Figure
from PIL import Image

from imgconv import cli
from imgconv.engine import bundled_models

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("photo", "micro"):
        denoise_standin.photo(tmp_path, kind=kind)
    denoise_standin.crosshair(tmp_path)
    return tmp_path


def denoise(*words: str, model: str = "photo") -> int:
    return cli.main(["denoise", "--model", f"{model}.safetensors", *words])


def photo(name: str, size: tuple[int, int] = (40, 60), sigma: float = 10, seed: int = 0) -> None:
    """`clean-NAME` and, with noise, `NAME`."""
    rows, columns = np.indices(size)
    clean = np.stack([60 + columns, 50 + rows * 2, 150 - columns], 2)
    noisy = clean + np.random.default_rng(seed).normal(0, sigma, clean.shape)
    Image.fromarray(clean.astype(np.uint8)).save(f"clean-{name}")
    Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save(name, dpi=(300, 300))


def pixels(name: str) -> np.ndarray:
    return np.asarray(Image.open(name)).astype(np.float64)


def test_a_photo_is_cleaned_beside_itself(capfd):
    photo("a.png")
    assert denoise("a.png") == 0
    said = capfd.readouterr()
    assert said.out == "a-denoise.png\n" and "noise of level 16.5 (of 255)" in said.err
    before, after = (
        np.mean((pixels(n) - pixels("clean-a.png")) ** 2) for n in ("a.png", "a-denoise.png")
    )
    assert after < 0.7 * before
    with Image.open("a-denoise.png") as found:
        assert found.info["dpi"] == pytest.approx((300, 300), abs=0.02)


def test_several_files_go_into_a_folder_and_one_bad_file_does_not_stop_them(capfd):
    for name in ("a.png", "b.png"):
        photo(name)
    Path("c.png").write_bytes(b"no image")
    assert denoise("a.png", "c.png", "b.png", "-o", "out/") == 1
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "b.png"]
    assert "c.png" in capfd.readouterr().err


def test_a_stack_goes_plane_by_plane_and_keeps_its_axes():
    stack = (RNG.random((3, 2, 32, 40)) * 4000 + 500).astype(np.uint16)
    tifffile.imwrite("s.ome.tif", stack, metadata={"axes": "TCYX"}, ome=True)
    assert denoise("s.ome.tif", "-o", "out.ome.tif", model="micro") == 0
    with tifffile.TiffFile("out.ome.tif") as found:
        assert found.series[0].axes == "TCYX"
        result = found.asarray()
    assert result.dtype == np.uint16 and result.shape == stack.shape
    np.testing.assert_allclose(result.mean((2, 3)), stack.mean((2, 3)), rtol=1e-3)
    assert result.std() < stack.std()
    tifffile.imwrite("p.tif", stack[1, 1])
    assert denoise("p.tif", "-o", "q.tif", model="micro") == 0
    assert np.array_equal(tifffile.imread("q.tif"), result[1, 1])


def test_a_camera_is_said(capfd):
    tifffile.imwrite("p.tif", (RNG.poisson(300, (64, 64)) * 3).astype(np.uint16))
    assert denoise("p.tif", model="micro") == 0
    assert "(levels a photon), read noise " in capfd.readouterr().err


def test_alpha_is_kept_aside():
    image = RNG.integers(0, 256, (24, 24, 4)).astype(np.uint8)
    Image.fromarray(image).save("a.png")
    assert denoise("a.png", "--sigma", "20") == 0
    found = np.asarray(Image.open("a-denoise.png"))
    assert np.array_equal(found[..., 3], image[..., 3])
    assert not np.array_equal(found[..., :3], image[..., :3])


def test_a_pipe_in_and_out():
    photo("a.png")
    words = ["denoise", "--model", "photo.safetensors", "-", "-q"]
    command = [sys.executable, "-m", "imgconv", *words]
    done = subprocess.run(command, input=Path("a.png").read_bytes(), capture_output=True)
    assert done.returncode == 0 and done.stderr == b""
    assert denoise("a.png", "-q") == 0
    found = cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(found[..., ::-1], pixels("a-denoise.png"))


def test_a_dry_run_writes_nothing(capfd):
    photo("a.png")
    assert denoise("a.png", "-n") == 0
    assert "a-denoise.png" in capfd.readouterr().out and not Path("a-denoise.png").exists()


def test_the_record_has_the_level_and_the_quality(capfd):
    photo("a.png")
    assert denoise("a.png", "--json", "--reference", "clean-a.png", "--sigma", "12") == 0
    record = json.loads(capfd.readouterr().out)
    assert record["noise_level"] == 12
    for key, name in (("before", "a.png"), ("after", "a-denoise.png")):
        one, two = (cv2.imread(n) for n in (name, "clean-a.png"))
        assert record[key]["psnr"] == pytest.approx(cv2.PSNR(one, two))
    assert record["after"]["ssim"] > record["before"]["ssim"]


def test_references_lie_in_a_folder_under_the_inputs_names(capfd):
    Path("truth").mkdir()
    for name, sigma in (("a.png", 5), ("b.png", 15)):
        photo(name, sigma=sigma)
        Path(f"clean-{name}").rename(f"truth/{name}")
    assert denoise("a.png", "b.png", "--json", "--reference", "truth") == 0
    first, second = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert first["before"]["psnr"] > second["before"]["psnr"] + 5
    assert denoise("a.png", "b.png", "-f", "--reference", "truth/a.png") == 1
    assert "give a folder" in capfd.readouterr().err


def test_a_reference_of_another_size_is_refused(capfd):
    photo("a.png")
    photo("b.png", size=(20, 20))
    assert denoise("a.png", "--reference", "clean-b.png") == 1
    assert "20x20" in capfd.readouterr().err and not Path("a-denoise.png").exists()


def test_what_was_removed_and_a_comparison_are_pictures(capfd):
    photo("a.png")
    assert denoise("a.png", "--residual") == 0
    assert denoise("a.png", "--compare", "--reference", "clean-a.png") == 0
    assert capfd.readouterr().out == "a-denoise-removed.png\na-denoise-compare.png\n"
    removed = pixels("a-denoise-removed.png")
    assert removed.shape == (40, 60, 3) and removed.mean() == pytest.approx(128, abs=6)
    assert removed.std() > 20
    assert pixels("a-denoise-compare.png").shape[1] > 3 * 60


def test_crosshairs_go_and_nothing_else_changes(capfd):
    image = RNG.integers(0, 128, (40, 50, 3)).astype(np.uint8)
    marked = image.copy()
    marked[20] = 255
    Image.fromarray(marked).save("a.png")
    assert denoise("a.png", model="crosshair") == 0
    assert "50 pixels of lines removed" in capfd.readouterr().err
    found = pixels("a-denoise.png")
    rest = np.arange(40) != 20
    assert np.array_equal(found[rest], image[rest]) and (found[20] == 64).all()
    Image.fromarray(image).save("b.png")
    assert denoise("b.png", model="crosshair") == 0
    assert np.array_equal(pixels("b-denoise.png"), image)
    assert "no lines found" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["nlm", "tv"])
def test_classical_methods_need_no_model(method):
    photo("a.png")
    assert cli.main(["denoise", "--method", method, "a.png"]) == 0
    clean = pixels("clean-a.png")
    before, after = (np.mean((pixels(n) - clean) ** 2) for n in ("a.png", "a-denoise.png"))
    assert after < 0.5 * before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "photo", "--method", "nlm"], "leave out --model, or --method"),
        (["--residual", "--compare"], "leave one out"),
        (["--model", "foto"], "did you mean photo?"),
        (["--model", "crosshair.safetensors", "--sigma", "5"], "--sigma is a noise's"),
        (["--strength", "2"], "--strength 2.0: must be a number from 0 to 1 (see"),
        (["--sigma", "x"], "--sigma x: must be a number from 0 to 255 (see"),
        (["--jobs", "0"], "--jobs 0: must be a whole number of 1 or more (see"),
        (["--model", ""], "allowed are photo, micro, crosshair"),
        (["--method", "blur"], "--method"),
        (["--best", "--method", "nlm"], "--best goes with the models photo and micro"),
        (["--best", "--model", "crosshair"], "--best goes with the models photo and micro"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(words, said, capfd):
    photo("a.png")
    assert cli.main(["denoise", *words, "a.png"]) == 2
    error = capfd.readouterr().err
    assert said in error and not Path("a-denoise.png").exists()


def test_a_model_made_for_something_else_is_refused(capfd, folder):
    import standin

    photo("a.png")
    path = standin.model(folder / "other.safetensors")
    assert cli.main(["denoise", "--model", path, "a.png"]) == 2
    assert "made to segment, not to denoise; bundled" in capfd.readouterr().err


def weights(name: str) -> None:
    if f"denoise-{name}" not in {path.stem for path in bundled_models()}:
        pytest.skip(f"weights/denoise-{name}.safetensors is not there yet")


def test_the_bundled_photo_model_finds_the_level_and_takes_the_noise(capfd):
    weights("photo")
    sample = Path(__file__).parent.parent / "samples" / "lake.png"
    clean = np.asarray(Image.open(sample).convert("RGB"))[100:300, 200:440]
    noisy = clean + np.random.default_rng(0).normal(0, 20, clean.shape)
    Image.fromarray(clean).save("clean.png")
    Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save("a.png")
    words = ["denoise", "a.png", "--json", "--reference", "clean.png"]
    assert cli.main(words) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["noise_level"] == pytest.approx(20, abs=3)
    assert record["after"]["psnr"] > record["before"]["psnr"] + 6
    assert cli.main(["denoise", "clean.png", "--json", "--reference", "clean.png"]) == 0
    psnr = json.loads(capfd.readouterr().out)["after"]["psnr"]
    assert psnr is None or psnr >= 45  # null: not a pixel changed


def test_the_bundled_crosshair_model_leaves_a_clean_image_alone():
    weights("crosshair")
    sample = Path(__file__).parent.parent / "samples" / "lake.png"
    assert cli.main(["denoise", "--model", "crosshair", str(sample), "-o", "a.png"]) == 0
    assert np.array_equal(pixels("a.png"), pixels(str(sample)))


def test_axes_and_curves_of_a_plot_are_no_overlay_and_a_line_over_a_page_s_picture_is(capfd):
    weights("crosshair")
    figure = Figure(figsize=(3, 2.5), dpi=80)
    axes = figure.subplots()
    axes.bar(range(5), [3, 1, 4, 1, 5])
    axes.plot([0, 4], [5, 1])
    figure.savefig("plot.png", transparent=False)
    assert cli.main(["denoise", "--model", "crosshair", "plot.png", "-o", "a.png"]) == 0
    assert np.array_equal(pixels("a.png"), pixels("plot.png"))
    assert "as a plot's axes and curves" in capfd.readouterr().err
    page = np.full((200, 240, 3), 255, np.uint8)
    page[40:160, 40:200] = cv2.GaussianBlur(
        RNG.integers(0, 255, (120, 160, 3), np.uint8), (0, 0), 3
    )
    page[99:102], page[:, 119:122] = (255, 0, 0), (255, 0, 0)
    Image.fromarray(page).save("page.png")
    assert cli.main(["denoise", "--model", "crosshair", "page.png", "-o", "b.png"]) == 0
    assert (pixels("b.png") != page)[99:102].mean() > 0.3


@pytest.mark.parametrize(
    ("task", "words", "said"),
    [
        ("photo", ["--sigma", "25", "--methods", "tv"], "| tv |"),
        ("micro", ["--photons", "50", "--methods", "tv"], "bias of the mean: 0.0"),
        ("crosshair", [], "recall "),
    ],
)
def test_the_benchmark_runs_on_a_folder(task, words, said, folder):
    Path("images").mkdir()
    photo("a.png", size=(64, 72))
    Path("clean-a.png").rename("images/a.png")
    script = Path(__file__).parent.parent / "benchmarks" / "denoise.py"
    command = [sys.executable, str(script), task, "images", "--model", f"{task}.safetensors"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    if task == "photo":
        told = next(line for line in done.stdout.splitlines() if line.startswith("| noisy"))
        assert float(told.split("|")[2]) == pytest.approx(20.17, abs=0.25)  # 255 / 25 in dB


def test_numbers_that_are_none_are_refused(capfd):
    photo("a.png")
    assert denoise("a.png", "--sigma", "nan") == 2
    assert "--sigma nan: must be a number" in capfd.readouterr().err
    assert not Path("a-denoise.png").exists()


def test_integers_that_come_as_floats_have_their_own_full_scale(capfd):
    plane = (RNG.normal(0, 300, (40, 50)) + 9000).astype(np.int16)
    tifffile.imwrite("i.tif", plane)
    assert denoise("i.tif", "--sigma", "5") == 0
    assert np.abs(tifffile.imread("i-denoise.tif").astype(float) - plane).max() > 100


def test_pages_that_are_skipped_do_not_shift_the_reference(capfd):
    clean = np.stack([np.full((40, 50), 40 * n, np.uint8) for n in (1, 2, 3)])
    marked = clean + RNG.integers(0, 9, clean.shape).astype(np.uint8)
    tifffile.imwrite("clean.tif", clean, photometric="minisblack")
    tifffile.imwrite("s.tif", marked, photometric="minisblack")
    command = (
        "s.tif",
        "-o",
        "p{page}.tif",
        "--reference",
        "clean.tif",
        "--json",
        "--skip-existing",
    )
    assert denoise(*command) == 0
    first = json.loads(capfd.readouterr().out)["planes"]
    Path("p2.tif").unlink()
    assert denoise(*command) == 0
    assert json.loads(capfd.readouterr().out)["before"] == first[1]["before"]


def test_references_lie_in_their_folder_as_the_images_do(capfd):
    for n, name in enumerate(("1/a.png", "2/a.png")):
        Path(name).parent.mkdir()
        photo("a.png", seed=n)
        Path("a.png").rename(name)
        (Path("clean") / name).parent.mkdir(parents=True)
        Path("clean-a.png").rename(Path("clean") / name)
    Path("in").mkdir()
    Path("1").rename("in/1")
    Path("2").rename("in/2")
    assert denoise("-r", "in", "-o", "out", "--reference", "clean", "--json") == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(lines) == 2 and all(line["before"]["psnr"] > 20 for line in lines)
    assert denoise("-r", "in", "-o", "out2", "--reference", "clean/1/a.png") == 1
    assert "give a folder" in capfd.readouterr().err


def test_an_image_that_is_its_own_reference_is_valid_json(capfd):
    photo("a.png")
    assert denoise("a.png", "--sigma", "0", "--reference", "a.png", "--json") == 0
    found = json.loads(capfd.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert found["before"]["psnr"] is None


def test_a_grey_reference_stands_for_equal_channels_only(capfd):
    Image.new("L", (40, 30), 90).save("grey.png")
    Image.new("RGB", (40, 30), (90, 90, 90)).save("rgb.png")
    Image.new("RGB", (40, 30), (90, 20, 90)).save("pink.png")
    assert denoise("rgb.png", "--reference", "grey.png") == 0
    assert denoise("grey.png", "--reference", "rgb.png") == 0
    assert denoise("grey.png", "--reference", "pink.png", "-f") == 1
    assert "3 channels" in capfd.readouterr().err


def test_a_micrograph_under_the_model_for_photographs_is_told_its_read_noise(capfd):
    noisy = np.random.default_rng(4).normal(400, 13.5, (64, 80)).clip(0)
    tifffile.imwrite("field.tif", noisy.astype(np.uint16))
    assert cli.main(["denoise", "field.tif", "-o", "a.tif"]) == 0
    (said,) = re.findall(r"--model micro finds read noise of (\S+) levels", capfd.readouterr().err)
    assert float(said) == pytest.approx(13.5, rel=0.15)
    assert denoise("field.tif", "-o", "b.tif", model="micro") == 0
    assert f"read noise {said} levels" in capfd.readouterr().err
    assert denoise("field.tif", "-o", "c.tif") == 0  # the model was chosen
    assert "--model micro" not in capfd.readouterr().err
