"""What the colorizing network is taught, how it is judged, and that it runs without PyTorch."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from imgconv import engine  # noqa: E402
from imgconv.images import Info  # noqa: E402
from imgconv.tasks.colorize import oklab as arrays  # noqa: E402
from imgconv.tasks.colorize.card import COLORIZE  # noqa: E402
from imgconv.tasks.colorize.run import Colorizer  # noqa: E402
from training.colorizing import augment, data, export, train, validate  # noqa: E402
from training.colorizing.losses import Loss  # noqa: E402
from training.colorizing.network import Annealed, ColourNet  # noqa: E402
from training.colorizing.oklab import lab_of, luma_of  # noqa: E402
from training.colorizing.palette import Palette, centres, weights  # noqa: E402

CPU = torch.device("cpu")
SMALL = (4, 8, 8, 8)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """So small a network waits for other threads more than they help."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def photo(seed: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A blue sky over a green field, each time at another height."""
    rng = np.random.default_rng(seed)
    pixels = np.empty((*size, 3), np.float64)
    horizon = int(size[0] * rng.uniform(0.3, 0.7))
    pixels[:horizon], pixels[horizon:] = (130, 170, 230), (70, 110, 50)
    return (pixels + rng.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8)


def pack(folder: Path, count: int = 40) -> Path:
    """A zip of photos of two classes, with a grey one among them."""
    path = folder / "photos-scenes.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            pixels = photo(number)
            if number == 3:
                pixels[:] = pixels[..., :1]
            done = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1]
            archive.writestr(f"{'sea' if number % 2 else 'field'}/{number}.png", done.tobytes())
    return path


def test_colour_space_and_luma_are_those_of_the_arrays() -> None:
    rgb = np.random.default_rng(0).random((2, 5, 6, 3)).astype(np.float32)
    batch = torch.from_numpy(rgb.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(lab_of(batch).permute(0, 2, 3, 1), arrays.lab_of(rgb), atol=1e-5)
    expected = cv2.cvtColor(rgb[0], cv2.COLOR_RGB2GRAY)
    np.testing.assert_allclose(luma_of(batch)[0, 0], expected, atol=1e-6)


def test_the_mean_of_the_nodes_is_the_chroma() -> None:
    rgb = torch.rand(3, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    chroma = lab_of(rgb)[:, 1:]
    numbers, shares = Palette(CPU).shares(chroma)
    assert shares.min() >= 0
    torch.testing.assert_close(shares.sum(1), torch.ones(3, 6, 7))
    mean = (torch.from_numpy(centres())[numbers] * shares[..., None]).sum(1)
    torch.testing.assert_close(mean.permute(0, 3, 1, 2), chroma, atol=1e-5, rtol=0)


def test_rare_colours_count_more_and_on_average_one() -> None:
    counts = torch.tensor([900.0, 90.0, 10.0, 0.0])
    found = weights(counts)
    assert (found.diff() > 0).all()
    assert (found * counts / counts.sum()).sum() == pytest.approx(1)
    assert weights(counts, power=0).tolist() == pytest.approx([1, 1, 1, 1])


def test_the_parts_are_fixed_share_nothing_and_leave_grey_out(tmp_path: Path) -> None:
    path = pack(tmp_path)
    known, unseen = data.load(path, False), data.load(path, True)
    names = {p.name for p in known}, {p.name for p in unseen}
    assert names[1] and not names[0] & names[1]
    assert len(names[0] | names[1]) == 39 and "sea/3.png" not in names[0] | names[1]
    assert data.classes(known) == {"photos-scenes/field": 0, "photos-scenes/sea": 1}
    assert all(data.is_unseen(name) for name in names[1])


def test_the_written_split_follows_the_rule() -> None:
    listed = (Path(data.__file__).parent / "validation.txt").read_text().split()
    assert len(listed) == 619
    assert all(data.is_unseen(name.partition("/")[2]) for name in listed)


def test_parts_are_repeatable_and_scans_are_grey_within_range() -> None:
    one = data.Photo("a", "p", "", photo(1))
    sampler = augment.Sampler([one], {})
    draw = [torch.from_numpy(np.stack([sampler.draw(rng, 32)[0] for _ in range(3)]))
            for rng in (np.random.default_rng(4), np.random.default_rng(4))]  # fmt: skip
    assert torch.equal(*draw) and draw[0].shape == (3, 3, 32, 32)
    luma, chroma = augment.examples(draw[0], torch.Generator().manual_seed(1))
    again, _ = augment.examples(draw[0], torch.Generator().manual_seed(1))
    assert torch.equal(luma, again)
    assert luma.shape == (3, 1, 32, 32) and luma.min() >= 0 and luma.max() <= 1
    assert chroma.shape == (3, 2, 8, 8)


def test_the_loss_is_smallest_for_the_true_colours() -> None:
    palette = Palette(CPU)
    loss = Loss(palette, torch.ones(palette.size))
    chroma = lab_of(torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(2)))[:, 1:]
    numbers, shares = palette.shares(chroma)
    right = torch.zeros(2, palette.size, 4, 4).scatter_add(1, numbers, shares)
    named, kinds = torch.zeros(2, 3), torch.tensor([-1, -1])
    best = loss(((right + 1e-6).log(), named), (chroma, kinds))
    worse = loss(((right.roll(1, 0) + 1e-6).log(), named), (chroma, kinds))
    unsure = loss((torch.zeros_like(right), named), (chroma, kinds))
    assert best < unsure and best < worse


def test_a_lower_temperature_moves_the_mean_to_the_likeliest_node() -> None:
    torch.manual_seed(0)
    network = ColourNet(SMALL).eval()
    raw = network(torch.rand(1, 1, 32, 32)) * 50
    sharp = Annealed(torch.nn.Identity(), 0.01)(raw)["chroma"]
    likeliest = torch.from_numpy(centres())[raw.argmax(1)].permute(0, 3, 1, 2)
    assert (sharp - likeliest).abs().max() < 0.05
    assert raw.shape == (1, len(centres()), 8, 8)


def test_a_network_that_knows_the_colours_is_judged_well_and_one_of_grey_is_not() -> None:
    one = data.Photo("a", "scenes", "", photo(1))

    class Knows(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Parameter(torch.zeros(1))

        def forward(self, luma: torch.Tensor) -> torch.Tensor:
            rgb = torch.from_numpy(one.pixels.transpose(2, 0, 1)[None] / np.float32(255))
            size = [n // 4 for n in luma.shape[2:]]
            chroma = torch.nn.functional.adaptive_avg_pool2d(lab_of(rgb)[:, 1:], size)
            numbers, shares = Palette(CPU).shares(torch.cat([chroma, chroma.flip(-1)]))
            none = torch.full((2, len(centres()), *size), 1e-9)
            return none.scatter_add(1, numbers, shares).log()

    every = validate.cases(Knows(), [one])
    best = validate.judge(every, validate.Setting())["scenes"]
    grey = validate.judge(every, validate.Setting(saturation=0))["scenes"]
    assert best["gain"] > 5 and best["colourfulness"] == pytest.approx(1, abs=0.1)
    assert grey["gain"] == pytest.approx(0, abs=0.01) and grey["colourfulness"] < 0.1
    assert best["auc"] > grey["auc"] and best["ciede2000"] < grey["ciede2000"] / 2
    assert validate.choose(every).saturation <= 1.15
    assert "+" in validate.line({"scenes": best}, validate.Setting())


def test_a_run_learns_goes_on_and_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = pack(tmp_path), tmp_path / "run"

    def go(steps: int) -> int:
        options = ["--batch", "4", "--size", "32", "--widths", "4,8,8,8", "--threads", "1"]
        options += ["--judged", "2", "--nice", "0", "--rate", "0.01", "--steps", str(steps)]
        command = ["--data", str(path), "--state", str(out), *options, "--device", "cpu"]
        train.main(train.arguments(command))
        return torch.load(out / "checkpoint.pt", weights_only=True)["counts"][0]

    assert (go(3), go(6)) == (3, 6)
    model = tmp_path / "mine.safetensors"
    command = ["export", "--checkpoint", str(out / "checkpoint.pt"), "--output", str(model)]
    monkeypatch.setattr("sys.argv", [*command, "--data", str(path), "--threads", "1"])
    export.main(export.arguments())
    loaded = engine.load(model, "colorize")
    assert loaded.card["metrics"]["photos-scenes"]["psnr"] > 10
    same_as_pytorch(loaded, out / "checkpoint.pt")


def same_as_pytorch(model: engine.Model, checkpoint: Path) -> None:
    """What imgconv makes of a picture with the file, and what validation makes of it."""
    one = data.Photo("a", "scenes", "", photo(7))
    module = export.network(export.weights(checkpoint))
    export.rounded(module)
    case = validate.cases(module, [one])[0]
    metrics, read = model.card["metrics"], model.card["read"]
    setting = validate.Setting(metrics["temperature"], read["saturation"])
    grey = case.grey
    found = Colorizer(model, card=COLORIZE.card(model.card["prepare"], read))(
        grey, Info("png", grey.dtype, *grey.shape)
    )
    assert np.abs(found.astype(int) - case.result(setting)).max() <= 1


def test_the_loss_falls() -> None:
    torch.manual_seed(0)
    photos = [data.Photo(str(n), "scenes", "", photo(n)) for n in range(6)]
    sampler, palette = augment.Sampler(photos, {}), Palette(CPU)
    loss, module = Loss(palette, torch.ones(palette.size)), ColourNet(SMALL)
    optimiser = torch.optim.Adam(module.parameters(), 0.01)
    losses = []
    for step in range(20):
        rng = np.random.default_rng(step)
        pixels = torch.from_numpy(np.stack([sampler.draw(rng, 32)[0] for _ in range(4)]))
        luma, chroma = augment.examples(pixels, torch.Generator().manual_seed(step))
        value = loss(module(luma), (chroma, torch.full((4,), -1)))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
