"""The experiment on residual networks: its networks, its directions, its surface, its command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from training.residual import experiment, pictures, surface  # noqa: E402
from training.residual.network import Deep  # noqa: E402


def digits(count: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, 14, 14, generator=generator)
    return images, torch.arange(count) % 10


def test_plain_and_residual_networks_differ_in_the_shortcuts_alone():
    plain, residual = Deep(20, shortcuts=False), Deep(20, shortcuts=True)
    assert len(plain.layers()) == 19  # and the dense one
    residual.load_state_dict(plain.state_dict())
    image, _ = digits(2)
    assert residual(image).shape == (2, 10)
    assert not torch.allclose(residual(image), plain(image))
    with torch.no_grad():  # with nothing to add, what is left of a residual network is its input
        for block in residual.blocks:
            block.norm2.weight.zero_()
        maps = functional.relu(residual.norm(residual.conv(image)))
        kept = residual.blocks(maps)
    torch.testing.assert_close(kept[:, :4], maps[:, :, ::2, ::2][:, :, ::2, ::2])
    assert not kept[:, 4:].any()
    with pytest.raises(ValueError, match="6n"):
        Deep(21, shortcuts=True)


def test_each_filter_of_a_direction_is_as_long_as_the_networks():
    weights = [torch.randn(5, 3, 3, 3), torch.randn(10, 16)]
    made = surface.direction(weights, torch.Generator().manual_seed(1))
    for one, other in zip(made, weights, strict=True):
        norms = [w.flatten(1).square().sum(1).sqrt() for w in (one, other)]
        torch.testing.assert_close(*norms)


def test_the_middle_of_the_surface_is_the_loss_and_the_weights_come_back():
    torch.manual_seed(0)
    module, (images, labels) = Deep(8, shortcuts=True).eval(), digits()
    before = [p.detach().clone() for p in module.parameters()]
    found = surface.loss_surface(module, images, labels, np.array([-0.5, 0, 0.5]), seed=3)
    with torch.no_grad():
        loss = float(functional.cross_entropy(module(images), labels))
    assert found.shape == (3, 3) and found[1, 1] == pytest.approx(loss, rel=1e-5)
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True))


def test_the_command_measures_and_draws(tmp_path: Path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 28, 28), np.uint8), np.arange(60) % 10
    np.savez(tmp_path / "data.npz", images=images, labels=labels.astype(np.uint8))
    monkeypatch.setattr(experiment, "NETWORKS", (("plain", 8), ("residual", 8)))
    words = ["--data", str(tmp_path / "data.npz"), "--out", str(tmp_path / "out"), "--steps", "60",
             "--places", "3", "--jobs", "0", "--nice", "0"]  # fmt: skip
    experiment.main(experiment.arguments(words))
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(found["plain 8"]["losses"]) == 6 and len(found["residual 8"]["gradients"]) == 7
    assert np.shape(found["plain 8"]["surface"]) == (3, 3)
    names = sorted(p.name for p in (tmp_path / "out").glob("*.png"))
    assert names == [f"residual-{kind}.png" for kind in ("gradients", "loss", "surface")]
    assert "| residual 8 |" in capsys.readouterr().out


def test_the_run_that_the_lecture_shows_is_there():
    found = json.loads(pictures.OURS.read_text())
    assert set(found) == {f"{kind} {depth}" for kind in ("plain", "residual") for depth in (20, 56)}
