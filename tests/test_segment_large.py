"""`segment` of images that pass in bands: what comes out is what the whole at once would give."""

from __future__ import annotations

import tracemalloc
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from imgconv.engine import runner
from imgconv.engine.rows import RowSource, run_rows
from imgconv.steps import segment_large
from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.labels import overlay, packed
from imgconv.tasks.labels.large_overlay import LargeOverlay
from imgconv.tasks.labels.packed import PackedLabels
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.load import load
from imgconv.tasks.segment import bands, complete, large, results, sample
from imgconv.tasks.segment.card import READ
from imgconv.tasks.segment.levels import Levels
from imgconv.tasks.segment.prepare import resize_maps
from imgconv.tasks.segment.read import Relief, instances, reach, relief
from imgconv.tasks.segment.run import Viewer, _add, _read

SEEDS = st.integers(0, 2**32 - 1)


def cut(maps: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Maps (C, H, W) in bands of any heights."""
    places = np.unique(rng.integers(1, maps.shape[1], rng.integers(0, 9)))
    return np.split(maps, places, axis=1)


def landscape(seed: int) -> np.ndarray:
    """Maps (4, H, W) with objects of any form: rings, bridges, islands in holes."""
    rng = np.random.default_rng(seed)
    shape = 4, int(rng.integers(40, 110)), int(rng.integers(30, 60))
    maps = ndimage.gaussian_filter(rng.normal(size=shape), (0, *[rng.uniform(1, 5)] * 2))
    maps = (maps / maps.std(axis=(1, 2), keepdims=True)).astype(np.float32)
    maps[0] += rng.uniform(-1, 0.8)
    maps[0] *= 4
    return maps


def complete_all(maps: np.ndarray, scale: float, rng: np.random.Generator) -> PackedLabels:
    ground = relief(maps, READ, scale)
    completer = complete.Completer(READ, READ["smallest"] / scale**2)
    labels = PackedLabels(maps.shape[2])
    heights = [part.shape[1] for part in cut(maps, rng)]
    top = 0
    for height in heights:
        part = Relief(*(one[top : top + height] for one in ground))
        top += height
        labels.add(completer.add(part, last=top == maps.shape[1]))
    labels.number(completer.same)
    return labels


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.sampled_from([1.0, 0.5]))
def test_objects_of_bands_are_those_of_the_whole(seed: int, scale: float) -> None:
    maps = landscape(seed)
    labels = complete_all(maps, scale, np.random.default_rng(seed))
    assert np.array_equal(np.concatenate(list(labels.rows())), instances(maps, READ, scale))


def test_smoothing_needs_no_more_rows_than_it_says() -> None:
    maps, far = landscape(3), reach(READ, 0.4)
    whole = relief(maps, READ, 0.4)
    for window, core in bands.with_neighbours(iter([maps]), maps.shape[1:], far):
        assert window.shape == maps.shape and core == slice(0, maps.shape[1])
    part = relief(maps[:, 20 - far : 30 + far], READ, 0.4)
    for one, other in zip(part, whole, strict=True):
        assert np.array_equal(one[far : far + 10], other[20:30])


def test_an_object_taller_than_may_wait_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comb, whose teeth meet below, and a disc beside it."""
    maps = np.full((4, 200, 60), -8, np.float32)
    maps[0, 5:190, 5:12] = maps[0, 5:190, 20:27] = maps[0, 180:190, 5:27] = 8
    maps[0, 90:110, 40:50] = 8
    maps[2] = np.where(maps[0] > 0, 0.8, 0)
    whole = instances(maps)
    assert whole.max() == 2
    monkeypatch.setattr(complete, "MOST", 60 * 40)
    labels = complete_all(maps, 1.0, np.random.default_rng(1))
    assert np.array_equal(np.concatenate(list(labels.rows())), whole)
    monkeypatch.undo()


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_bands_are_resized_as_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, wanted = rng.integers(16, 90, 2), rng.integers(16, 120, 2)
    maps = rng.normal(size=(2, *size)).astype(np.float32)
    made = bands.resize_bands(iter(cut(maps, rng)), tuple(size), tuple(wanted))
    assert np.array_equal(np.concatenate(list(made), axis=1), resize_maps(maps, tuple(wanted)))


@settings(max_examples=4, deadline=None)
@given(SEEDS)
def test_windows_hold_every_object_once(seed: int) -> None:
    maps = landscape(seed)
    whole = instances(maps)
    labels = complete_all(maps, 1.0, np.random.default_rng(seed))
    made = np.zeros_like(whole)
    for top, before, part in labels.windows():
        made[top : top + len(part)][part > 0] += (part + before)[part > 0]
    assert np.array_equal(made, whole)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 30))
def test_parts_of_the_sample_are_different_ones(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    amounts = rng.random(rng.integers(1, 60)) ** rng.integers(1, 30) * (rng.random() < 0.8)
    found = sample.choose(amounts, count)
    assert len(set(found.tolist())) == len(found) == min(count, len(amounts))
    assert (np.diff(found) > 0).all()


def test_the_sample_is_where_something_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SIDE", 32)
    pixels = np.random.default_rng(0).normal(100, 3, (400, 330, 1)).astype(np.float32)
    pixels[200:300:9, 100:200:9] += 300
    assert (sample.sample(LargePlane.of(pixels)) > 300).sum() >= 60


def field(height: int, width: int, channels: int = 1) -> np.ndarray:
    """uint16 (H, W, C) with discs, of which some touch."""
    rng = np.random.default_rng(height)
    y, x = np.ogrid[:height, :width]
    pixels = rng.normal(200, 10, (height, width, channels))
    for _ in range(height * width // 1500):
        cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(4, 14)
        pixels[(y - cy) ** 2 + (x - cx) ** 2 < r * r] += 700
    return pixels.clip(0, 1500).astype(np.uint16)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything passes in narrow bands and small tiles."""
    monkeypatch.setattr(segment_large, "LARGE", 1000)
    monkeypatch.setattr(sample, "SIDE", 32)
    monkeypatch.setattr(sample, "PARTS", 10**6)
    monkeypatch.setattr(bands, "PIXELS", 40 * 200)
    monkeypatch.setattr(packed, "ROWS", 24)
    monkeypatch.setattr("imgconv.engine.rows.MEMORY", 1 << 20)
    monkeypatch.setattr("imgconv.tasks.large_plane.BAND", 20_000)


@pytest.fixture
def segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    return standin.runner(tmp_path, monkeypatch, capfd)


ALL = ("--rois", "--geojson", "--probability")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("tiles.tif", ()),
        ("strips.tif", ("--diameter", "12")),
        ("two.tif", ("--channel", "2", "--min-area", "90", "--diameter", "48")),
        ("plain.png", ("--exclude-border",)),
        ("stack.tif", ()),
    ],
)
def test_a_command_writes_what_it_writes_of_the_whole(
    name: str, more: tuple[str, ...], segment, small, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = field(192, 128, 2)
    tifffile.imwrite("tiles.tif", pixels[..., 0], tile=(64, 64), compression="zlib")
    tifffile.imwrite("strips.tif", pixels[..., 0], rowsperstrip=7)
    tifffile.imwrite("two.tif", np.moveaxis(pixels, 2, 0), imagej=True, metadata={"axes": "CYX"})
    stack = np.stack([pixels[..., 0], pixels[::-1, ::-1, 0]])
    tifffile.imwrite("stack.tif", stack, imagej=True, metadata={"axes": "TYX"}, resolution=(4, 4))
    Image.fromarray(pixels[..., 0]).save("plain.png")
    monkeypatch.setattr(overlay, "MOST", 1)
    monkeypatch.setattr(overlay, "LARGE", 150)
    monkeypatch.setattr(results, "LONGEST", 150)
    monkeypatch.setattr(results, "SMALL", 1)
    wanted = (*ALL, *more)
    found = segment(name, "-o", "bands/", *wanted)
    assert found[0] == 0, found
    monkeypatch.setattr(segment_large, "LARGE", 10**9)
    assert segment(name, "-o", "whole/", *wanted)[0] == 0
    made, expected = ({p.name for p in Path(f).iterdir()} for f in ("bands", "whole"))
    stem = Path(name).stem
    assert made - expected == (set() if name == "stack.tif" else {f"{stem}-overlay.tif"})
    labels = tifffile.imread(f"whole/{stem}-labels.tif")
    assert labels.max() > 5
    if "12" not in more:  # found at twice the size: numbered by their tops there
        assert np.array_equal(tifffile.imread(f"bands/{stem}-labels.tif"), labels)
        for ending in (".csv", "-rois.zip", ".geojson"):
            one, other = (Path(f, stem + ending).read_bytes() for f in ("bands", "whole"))
            assert one == other, ending
        one, other = (Image.open(f"{f}/{stem}-overlay.png") for f in ("bands", "whole"))
        assert np.array_equal(np.asarray(one), np.asarray(other))
    one, other = (tifffile.imread(f"{f}/{stem}-probability.tif") for f in ("bands", "whole"))
    assert np.array_equal(one, other)


def test_the_picture_at_full_size_is_the_one_of_the_whole(
    segment, small, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = field(300, 96)
    monkeypatch.setattr(results, "TILE", 64)
    tifffile.imwrite("a.tif", pixels[..., 0], tile=(64, 64))
    assert segment("a.tif", "-o", "out/")[0] == 0
    labels = tifffile.imread("out/a-labels.tif").astype(np.int32)
    expected = overlay.overlay(pixels, labels, (1, 1))
    rows = LargeOverlay(LargePlane.of(pixels), numbered(labels)).rows()
    assert np.array_equal(np.concatenate(list(rows)), expected)
    with tifffile.TiffFile("out/a-overlay.tif") as file:
        assert len(file.series[0].levels) == 3 and file.pages[0].is_tiled
        apart = np.abs(file.asarray().astype(int) - expected)
    assert apart.mean() < 6  # JPEG


def numbered(labels: np.ndarray) -> PackedLabels:
    packed_labels = PackedLabels(labels.shape[1])
    packed_labels.add(labels)
    packed_labels.number()
    return packed_labels


def test_other_sizes_are_added_as_in_the_whole(tmp_path: Path, small) -> None:
    model, card = load(standin.model(tmp_path / "net.safetensors"), "segment")
    network, pixels = SegmentNetwork(model), field(160, 144)
    pixels[:40] //= 2  # too dark for the first look
    facts = large.find_facts(pixels, network, card)
    other = large.Pass(Levels(200, 300), 1.7)
    facts = large.Facts(facts.first, (other,), facts.diameter, ())
    viewer = Viewer(pixels, network, card)
    whole, likely = _read(viewer.look(facts.first.levels, facts.first.scale), viewer.size, card)
    assert _add(viewer, viewer.look(other.levels, other.scale), whole, likely) > 0
    found = large.segment_by(facts, LargePlane.of(pixels), network, card, likely=True)
    assert np.array_equal(np.concatenate(list(found.labels.rows())), whole)
    assert found.probability is not None
    assert np.array_equal(np.concatenate(list(found.probability())), likely)


def test_maps_row_by_row_are_those_of_the_whole(tmp_path: Path) -> None:
    model, _ = load(standin.model(tmp_path / "net.safetensors"), "segment")
    image = np.random.default_rng(0).normal(size=(4, 301, 140)).astype(np.float32)
    rows = bands.Window(iter(np.split(image, [10, 11, 90, 250], axis=1)))
    source = RowSource(image.shape, lambda: nullcontext(rows), again=False)
    made = list(run_rows(model, {"image": source}, memory=200_000))
    assert len(made) > 1
    whole = runner.run(model, {"image": image})["maps"]
    assert np.array_equal(np.concatenate(made, axis=1), whole)


def test_what_is_kept_of_bands_does_not_keep_the_bands() -> None:
    """Views of arrays keep them alive: of a gigapixel that would be all of it."""
    plane = np.zeros((20_000, 2000, 1), np.uint8)
    labels = PackedLabels(2000)
    for _ in range(0, len(plane), 500):
        labels.add(np.zeros((500, 2000), np.int32))
    labels.number([])
    drawn = LargeOverlay(LargePlane.of(plane), labels, ((255, 0, 0),))
    copied = LargePlane(plane.shape, plane.dtype, lambda y, x: plane[y, x].copy())
    for work, most in ((lambda: copied.sampled(50), 25), (lambda: drawn.reduced(20), 70)):
        tracemalloc.start()
        work()
        assert tracemalloc.get_traced_memory()[1] < most << 20
        tracemalloc.stop()
