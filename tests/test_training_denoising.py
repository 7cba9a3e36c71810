"""What the networks of denoise are taught, and that they learn, go on and become model files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from imgconv.engine import load, run  # noqa: E402
from imgconv.tasks.denoise import Cleaning  # noqa: E402
from imgconv.tasks.denoise.opponent import rgb  # noqa: E402
from imgconv.tasks.denoise.photo import Photo  # noqa: E402
from training.denoising import crosshair, export, micro, noise, photo, train  # noqa: E402
from training.denoising.bowtie import BowTie  # noqa: E402
from training.denoising.network import Denoiser, Gauge, like, pooled  # noqa: E402
from training.denoising.pictures import crop  # noqa: E402

torch.set_num_threads(1)
SMALL = {"widths": (8, 8), "down": (1, 1), "up": (1,)}


def scenes(count: int = 3, size: int = 80) -> list[np.ndarray]:
    """Smooth random colour images."""
    rng = np.random.default_rng(0)
    found = [cv2.GaussianBlur(rng.normal(0, 1, (size, size, 3)), (0, 0), 5) for _ in range(count)]
    return [np.clip(128 + 700 * one, 0, 255).astype(np.uint8) for one in found]


def write_images(folder: Path) -> str:
    folder.mkdir()
    for number, image in enumerate(scenes()):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return str(folder)


def test_a_crop_keeps_its_values_and_small_images_are_continued() -> None:
    rng = np.random.default_rng(0)
    image = np.full((30, 200, 3), 77, np.uint8)
    for _ in range(5):
        found = crop(rng, image, 64)
        assert found.shape == (64, 64, 3) and found.dtype == np.float32 and (found == 77).all()


def test_the_maps_say_how_strong_the_noise_is() -> None:
    sampler = photo.Photos(scenes(), white=1)
    for seed in range(8):
        given, wanted = sampler.draw(np.random.default_rng(seed), 64)
        assert given.shape == (5, 64, 64) and wanted.shape == (3, 64, 64)
        assert given[3, 0, 0] == pytest.approx(wanted[0].std(), rel=0.1, abs=1e-3)
        clean = rgb(given[:3] - wanted)
        assert clean.min() > -0.01 and clean.max() < 1.01
        if not given[4].any():
            assert not wanted[1:].any()  # grey


def test_levels_of_noise_go_from_nothing_to_55() -> None:
    rng = np.random.default_rng(0)
    levels = [noise.level(rng) for _ in range(2000)]
    assert min(levels) < 0.1 and 50 < max(levels) <= 55 and 12 < np.median(levels) < 25


def test_demosaicking_keeps_flat_colours_and_makes_neighbours_alike() -> None:
    flat = np.full((20, 20, 3), 3.0, np.float32)
    np.testing.assert_allclose(noise.demosaicked(flat)[2:-2, 2:-2], 3, atol=1e-6)
    grain = np.random.default_rng(0).normal(0, 1, (200, 200, 3)).astype(np.float32)
    made = noise.demosaicked(grain)[2:-2, 2:-2]
    together = [np.corrcoef(v[:, :-1, 0].ravel(), v[:, 1:, 0].ravel())[0, 1] for v in (grain, made)]
    assert abs(together[0]) < 0.02 and together[1] > 0.3


def test_a_jpeg_of_high_quality_is_near_the_image() -> None:
    image = scenes(1)[0].astype(np.float32)
    assert np.abs(noise.compressed(image, 97) - image).mean() < 2
    assert np.abs(noise.compressed(image, 30) - image).mean() > 0.2


def test_the_network_is_homogeneous() -> None:
    body = Denoiser(**SMALL).body
    image = torch.rand(1, 5, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(body(7 * image), 7 * body(image), rtol=1e-4, atol=1e-5)


def test_weights_tell_the_shape_of_their_network() -> None:
    module = Denoiser((8, 16, 24), (1, 2, 1), (2, 1))
    other = like(module.state_dict())
    assert other.settings == module.settings
    image, level = torch.rand(1, 3, 32, 32), torch.rand(1, 2, 32, 32)
    torch.testing.assert_close(other(image, level), module(image, level))


def test_the_pooled_level_is_a_weighted_mean() -> None:
    level = torch.zeros(1, 3, 2, 2)
    level[0, 0] = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert pooled(level)[0].tolist() == [2.5, 0]
    level[0, 2, 1, 1] = 50  # only this place counts
    assert pooled(level)[0, 0].item() == pytest.approx(4)


def test_exposures_have_the_variance_that_their_camera_says() -> None:
    for seed in range(4):
        values, truth, camera = micro.exposed(
            np.random.default_rng(seed), np.full((300, 300, 1), 0.5, np.float32), 200
        )
        expected = camera.gain * truth.mean() + camera.rest
        assert np.var(values.astype(np.float64)) == pytest.approx(expected, rel=0.05)
        assert values.mean() == pytest.approx(truth.mean(), rel=0.01)


def test_a_sample_of_crosshair_says_what_was_beneath() -> None:
    sampler = crosshair.Overlaid([scenes(), [np.zeros((28, 28, 1), np.uint8)]])
    plain = 0
    for seed in range(20):
        given, wanted = sampler.draw(np.random.default_rng(seed), 64)
        mask, hole = wanted[3] > 0, given[3] > 0
        assert np.array_equal(given[:3, ~mask], wanted[:3, ~mask])
        assert (hole | ~mask).all()  # all of the overlay lies in the hole
        plain += not mask.any()
    assert 3 <= plain <= 15


@pytest.mark.parametrize("task", [photo, micro, crosshair])
def test_a_small_network_learns_to_do_better(task) -> None:
    torch.manual_seed(0)
    module = BowTie((8,) * 4, (8,) * 4) if task is crosshair else Denoiser(**SMALL)
    sampler = {
        photo: photo.Photos(scenes()),
        micro: micro.Micrographs([one[..., :1] / np.float32(255) for one in scenes()]),
        crosshair: crosshair.Overlaid([scenes()]),
    }[task]
    drawn = [sampler.draw(np.random.default_rng(n), 32) for n in range(8)]
    given, wanted = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        value = task.loss(module(given), wanted)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert losses[-1] < 0.8 * losses[0]


def test_the_gauge_learns_how_strong_the_noise_is() -> None:
    torch.manual_seed(0)
    rng, gauge = np.random.default_rng(0), Gauge()
    optimiser = torch.optim.Adam(gauge.parameters(), lr=3e-3)

    def level(sigma: np.ndarray) -> torch.Tensor:
        """What it says of pictures (some dark, some bright) with noise this strong."""
        ground = rng.uniform(0.1, 0.9, (len(sigma), 1, 1, 1))
        noise = rng.standard_normal((len(sigma), 3, 32, 32)) * sigma[:, None, None, None]
        return pooled(gauge(torch.from_numpy((ground + noise).astype("f4"))))[:, 0]

    for _ in range(150):
        sigma = rng.uniform(0.01, 0.2, 16)
        away = (level(sigma) - torch.from_numpy(sigma.astype("f4"))).abs().mean()
        optimiser.zero_grad()
        away.backward()
        optimiser.step()
    weak, strong = (level(np.full(8, s)).mean().item() for s in (0.03, 0.15))
    assert weak < 0.08 < 0.11 < strong


def test_training_goes_on_and_the_export_does_what_the_network_does(
    tmp_path, monkeypatch, capsys
) -> None:
    data = write_images(tmp_path / "images")
    monkeypatch.setattr(photo, "network", lambda: Denoiser(**SMALL))
    words = ["--task", "photo", "--data", data, "--state", str(tmp_path / "run"), "--nice", "0"]
    words += ["--batch", "1", "--size", "32", "--threads", "1", "--check", data, "--device", "cpu"]
    made = tmp_path / "after-4.safetensors"
    train.main(train.arguments([*words, "--steps", "2"]))
    train.main(train.arguments([*words, "--steps", "4", "--out", str(made)]))
    assert load(made).card["task"] == "denoise"
    counts = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["counts"]
    assert counts[0] == 4 and counts[2] == 4 * 32 * 32
    target = tmp_path / "mine.safetensors"
    words = ["export", "--task", "photo", "--checkpoint", str(tmp_path / "run" / "checkpoint.pt")]
    words += ["--output", str(target), "--threads", "1", "--check", data]
    monkeypatch.setattr(sys, "argv", words)
    export.main(export.arguments())
    model = load(target)
    assert 10 < model.card["metrics"]["25"] < 60
    assert model.card["task"] == "denoise" and model.card["data"][0]["terms"]
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["average"]
    image, level = np.random.rand(3, 40, 48).astype("f4"), np.full((2, 40, 48), 0.1, "f4")
    found = run(model, {"image": image, "level": level})
    with torch.no_grad():
        wanted = like(state)(torch.from_numpy(image)[None], torch.from_numpy(level)[None])
    for name, array in found.items():
        np.testing.assert_allclose(array, wanted[name][0].numpy(), atol=2e-3)
    assert Cleaning(Photo(model))(scenes(1)[0]).pixels.shape == (80, 80, 3)
