"""The loop of all trainings: it learns, stops, goes on as if nothing had happened, and holds on."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from torch import nn  # noqa: E402

from training import loop, options, start  # noqa: E402
from training.batches import Batches, ahead, made, repeated, turned  # noqa: E402
from training.colorizing.network import ColourNet  # noqa: E402
from training.denoising.bowtie import BowTie  # noqa: E402
from training.denoising.network import Denoiser  # noqa: E402
from training.learner import LONGEST_MEAN, Learner  # noqa: E402
from training.schedule import Budget, Schedule  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Blurred:
    """Noise, and its mean over 3x3 pixels."""

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        image = rng.random((1, size, size)).astype(np.float32)
        return image, cv2.blur(image[0], (3, 3))[None]


def settings(folder: Path, *more: str) -> argparse.Namespace:
    made = options.parser("", batch=2, size="8", rate=0.01, length=Budget("steps", 8))
    words = ["--state", str(folder), "--device", "cpu", "--threads", "1", "--nice", "0"]
    return made.parse_args([*words, "--no-kernels", *more])


def task(loss: Any = nn.functional.mse_loss, **more: Any) -> loop.Task:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))
    return loop.Task("blur", module, Blurred(), loss, **more)


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    every = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in every if line["kind"] == kind]


def equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_and_goes_on_ends_as_one_that_was_not(tmp_path: Path, number) -> None:
    undisturbed = loop.train(task(), settings(tmp_path / "one"))
    calls = []

    def stopping(output: Any, target: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), number)
        return nn.functional.mse_loss(output, target)

    with pytest.raises(SystemExit) as stop:
        loop.train(task(stopping), settings(tmp_path / "two"))
    assert stop.value.code == 128 + number and len(calls) == 3
    assert equal(loop.train(task(), settings(tmp_path / "two")), undisturbed)
    assert [line["step"] for line in lines(tmp_path / "two", "step")] == [3, 8]


def test_it_learns_and_counts_pixels(tmp_path: Path) -> None:
    module = loop.train(task(), settings(tmp_path, "--pixels", "40000", "--size", "8,16"))
    last = lines(tmp_path, "step")[-1]
    small, large = 2 * 8 * 8, 2 * 16 * 16  # pixels of a step, of the first half and the second
    assert 40000 <= last["pixels"] < 40000 + large
    assert last["step"] == pytest.approx(20000 / small + 20000 / large, abs=8)
    image = torch.rand(1, 1, 32, 32)
    wanted = nn.functional.avg_pool2d(image, 3, 1)
    away = (module(image)[..., 1:-1, 1:-1] - wanted).square().mean()
    assert away < 0.3 * wanted.var()


def test_figures_come_with_their_mean_over_sources_and_a_curve(tmp_path: Path) -> None:
    curve = tmp_path / "curve.png"
    figures = {"a": {"AP": 0.5, "dB": 30.0}, "b": {"AP": 0.7}}
    judged = task(judge=lambda module, whole: figures)
    loop.train(judged, settings(tmp_path, "--validate-every", "1e-6", "--plot", str(curve)))
    found = lines(tmp_path, "figures")
    assert found[-1]["whole"] and not found[0]["whole"] and len(found) > 2
    assert found[0]["figures"]["mean"] == {"AP": pytest.approx(0.6), "dB": 30.0}
    assert cv2.imread(str(curve)).shape[0] > 300


def test_a_checkpoint_of_something_else_is_not_gone_on_from(tmp_path: Path) -> None:
    loop.train(task(identity={"--data": "a"}), settings(tmp_path))
    with pytest.raises(SystemExit, match=r"--data a, this one has b.*--anew"):
        loop.train(task(identity={"--data": "b"}), settings(tmp_path))
    loop.train(task(identity={"--data": "b"}), settings(tmp_path, "--anew"))
    assert lines(tmp_path, "step")[-1]["step"] == 8


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    with loop.alone(tmp_path), pytest.raises(SystemExit, match="under way"):
        loop.train(task(), settings(tmp_path))


def test_a_checkpoint_is_whole_or_the_one_before(tmp_path: Path, monkeypatch) -> None:
    loop.train(task(), settings(tmp_path))
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(state: Any, stream: Any) -> None:
        stream.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        loop.train(task(), settings(tmp_path, "--steps", "10"))
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def learner(total: float = 100) -> Learner:
    torch.manual_seed(0)
    return Learner(nn.Linear(2, 1), Schedule(0.01, Budget("steps", total)))


def test_a_gradient_out_of_all_bounds_moves_nothing_far() -> None:
    one, x, y = learner(), torch.randn(64, 2), torch.randn(64, 1)
    for _ in range(40):
        one.learn(x, y, nn.functional.mse_loss)
    usual = one.norm
    one.learn(x, y, lambda a, b: 1e6 * nn.functional.mse_loss(a, b))
    held = torch.cat([p.grad.flatten() for p in one.module.parameters()]).norm()
    assert held == pytest.approx(2 * usual, rel=1e-3) and one.norm < 1.1 * usual


def test_steps_that_are_no_numbers_are_left_out_and_twenty_end_the_run() -> None:
    one, x, y = learner(), torch.randn(8, 2), torch.randn(8, 1)
    one.learn(x, y, nn.functional.mse_loss)
    before = [p.clone() for p in one.module.parameters()]
    with pytest.raises(SystemExit, match=r"no number.*--rate"):
        for _ in range(30):
            one.learn(x * float("nan"), y, nn.functional.mse_loss)
    assert one.step == 20
    assert all(torch.equal(a, b) for a, b in zip(before, one.module.parameters(), strict=True))


def test_in_bfloat16_the_loss_and_the_weights_stay_in_float32() -> None:
    one, x, seen = learner(), torch.randn(64, 2), []
    one.in_bfloat16 = True  # as on a GPU

    def loss(output: Any, target: Any) -> Any:
        seen.append((output.dtype, output.grad_fn.name()))
        return nn.functional.mse_loss(output, target)

    losses = []
    for _ in range(30):
        one.learn(x, x.sum(1, keepdim=True), loss)
        losses.append(one.loss)
    assert seen[0][0] == torch.float32 and "ToCopy" in seen[0][1]
    assert one.module.weight.dtype == torch.float32 and losses[-1] < losses[0]


def test_the_average_is_that_of_the_steps_before() -> None:
    one, wanted = learner(), None
    for step in range(30):
        one.learn(torch.randn(8, 2), torch.randn(8, 1), nn.functional.mse_loss)
        share, now = 1 / min(LONGEST_MEAN, 1 + step / 10), one.module.weight.detach().clone()
        wanted = now if wanted is None else (1 - share) * wanted + share * now
    torch.testing.assert_close(one.average.weight, wanted)
    assert not torch.equal(one.average.weight, one.module.weight)


def test_the_rate_rises_and_falls_to_nothing_and_is_taken_up_without_a_jump() -> None:
    short = Schedule(1.0, Budget("steps", 1000))
    rates = [short.rate(step) for step in range(1001)]
    assert rates[0] == pytest.approx(1e-3) and rates[-1] == pytest.approx(1e-3)
    assert 35 < int(np.argmax(rates)) < 45 and max(rates) > 0.99
    longer = Schedule(1.0, Budget("pixels", 8e6))
    longer.take_up(short.state(), {"steps": 600, "pixels": 2e6, "minutes": 1})
    taken = [longer.rate(pixels) for pixels in np.linspace(2e6, 8e6, 601)]
    assert taken[0] == pytest.approx(rates[600])
    assert np.abs(np.diff(taken)).max() < 0.02 and taken[-1] == pytest.approx(1e-3)
    again = Schedule(1.0, Budget("pixels", 8e6))
    again.take_up(longer.state(), {"steps": 700, "pixels": 3e6, "minutes": 2})
    assert again == longer


def test_batches_are_the_same_whoever_makes_them_and_from_any_step() -> None:
    before = set(threading.enumerate())
    one = iter(Batches(Blurred(), 2, 8, seed=1, step=0))
    first = [next(one) for _ in range(4)]
    later = next(iter(Batches(Blurred(), 2, 8, seed=1, step=3)))
    assert torch.equal(first[3][0], later[0]) and not torch.equal(first[0][0], first[1][0])
    for workers in (1, 3):
        by_threads = ahead(Batches(Blurred(), 2, 8, seed=1, step=0), workers)
        assert all(torch.equal(next(by_threads)[1], batch[1]) for batch in first)
        by_threads.close()
    left = set(threading.enumerate()) - before
    assert not [one for one in left if one.name.startswith("ThreadPool")]


def test_processes_make_batches_only_where_they_can_share_them(monkeypatch) -> None:
    batches = Batches(Blurred(), 2, 8, seed=1, step=0)
    wanted = batches.batch(0)[0]
    usage = namedtuple("usage", "total used free")
    for free in (2**40, 4096):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(0, 0, free))
        source = made(batches, 1)
        assert torch.equal(next(source)[0], wanted)
        assert hasattr(source, "_workers") == (free == 2**40 and Path("/dev/shm").is_dir())


def test_the_eight_turns_of_a_square_are_all_different_and_keep_pairs_together() -> None:
    planes = torch.arange(9.0).reshape(1, 1, 3, 3)
    every = {tuple(turned(planes, number).flatten().tolist()) for number in range(8)}
    wanted = {
        tuple(np.rot90(side, turns).ravel().tolist())
        for turns in range(4)
        for side in (planes[0, 0].numpy(), planes[0, 0].numpy().T)
    }
    assert every == wanted
    batch = (planes, planes * 2, torch.tensor([7]))
    for a, b, kind in list(repeated(iter([batch]), 8)):
        assert torch.equal(2 * a, b) and kind.item() == 7


BUNDLED = {
    "denoise-photo": (Denoiser, ""), "denoise-micro": (Denoiser, ""),
    "denoise-crosshair": (BowTie, ""), "colorize-photo": (ColourNet, "network."),
}  # fmt: skip


@pytest.mark.parametrize("name", BUNDLED)
def test_trainings_begin_with_what_is_shipped(name: str) -> None:
    make, prefix = BUNDLED[name]
    module = make()
    start.fill(module, name, prefix, anew=("named.",))
    stored = start.weights(name)
    for parameter, value in module.state_dict().items():
        if not parameter.startswith("named.") and not parameter.endswith("num_batches_tracked"):
            assert torch.equal(value, stored[prefix + parameter])
    assert start.card(name)["task"] in ("denoise", "colorize")


def test_weights_of_another_network_are_refused_by_name() -> None:
    with pytest.raises(SystemExit, match=r"denoise-photo: weights of another network \(.*finder"):
        start.fill(BowTie(), "denoise-photo")
    with pytest.raises(SystemExit, match="--start: there is no model 'nuclear'"):
        start.weights("nuclear")
