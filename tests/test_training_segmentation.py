"""What the segmentation networks are taught, and how their training is judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from training.architectures.unet import UNet  # noqa: E402
from training.segmentation import augment, data, targets, validate  # noqa: E402
from training.segmentation.losses import loss  # noqa: E402


def discs(size: int = 64) -> np.ndarray:
    """Two touching discs and one alone."""
    rows, columns = np.indices((size, size))
    labels = np.zeros((size, size), np.int32)
    for number, (y, x, radius) in enumerate([(20, 20, 9), (20, 37, 9), (50, 50, 6)], 1):
        labels[((rows - y) ** 2 + (columns - x) ** 2 < radius**2) & (labels == 0)] = number
    return labels


def write_folder(folder: Path, count: int = 2) -> Path:
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        labels = discs()
        pixels = (labels > 0) * 150 + rng.integers(0, 50, labels.shape)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels.astype(np.uint8))
        cv2.imwrite(str(folder / "labels" / f"{number}.png"), labels.astype(np.uint16))
    return folder


def test_near_two_is_where_a_diamond_holds_two_labels() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (12, 15)) * (
        np.random.default_rng(1).random((12, 15)) < 0.2
    )
    expected = np.zeros(labels.shape, bool)
    for i, j in np.ndindex(labels.shape):
        rows, columns = np.indices(labels.shape)
        near = labels[np.abs(rows - i) + np.abs(columns - j) <= 2]
        expected[i, j] = np.unique(near[near > 0]).size > 1
    np.testing.assert_array_equal(targets.near_two(labels), expected)


def test_distances_are_one_at_each_objects_deepest_pixel_and_low_along_seams() -> None:
    labels = discs()
    distance = targets.targets(labels)[2]
    assert [distance[labels == n].max() for n in (1, 2, 3)] == pytest.approx([1, 1, 1])
    assert (distance[labels == 0] == 0).all()
    assert distance[targets.seams(labels)].max() < 0.2


def test_sizes_are_octaves_of_24_pixels() -> None:
    labels = discs()
    sizes = targets.targets(labels)[3]
    assert sizes[50, 50] == pytest.approx(np.log2(11.85 / 24), abs=0.01)  # a disc of radius 6
    assert not sizes[labels == 0].any()


def test_targets_of_an_empty_image_are_zero() -> None:
    assert not targets.targets(np.zeros((20, 30), np.int32)).any()


def test_scores_of_a_hand_made_case() -> None:
    truth = discs()
    found = np.where(truth == 2, 1, truth)  # the touching two found as one
    counts = validate.score(found, truth)
    assert counts[:2].tolist() == [2, 3]
    assert counts[2] == 1 + ((truth == 1).sum() > 0.5 * (truth > 0)[:, :46].sum())
    assert validate.summary([validate.score(truth, truth)]) == {
        **{f"AP {t}": 1.0 for t in validate.THRESHOLDS},
        "count error": 0.0,
    }


def test_crops_are_repeatable_and_their_targets_leave_out_what_lies_outside(tmp_path: Path) -> None:
    sampler = augment.Sampler(data.load(write_folder(tmp_path)), {})
    image, maps = sampler.draw(np.random.default_rng(3), 480)
    again, _ = sampler.draw(np.random.default_rng(3), 480)
    np.testing.assert_array_equal(image, again)
    assert image.shape == (4, 480, 480)
    assert maps.shape == (5, 480, 480)
    outside = maps[4] == 0
    assert outside.any()  # the image is smaller than the crop at every scale
    assert not maps[:4, outside].any()


def test_a_pack_keeps_its_parts_and_folds_keep_fields_together(tmp_path: Path) -> None:
    rows = []
    for number in range(6):
        part = "val" if number == 5 else "train"
        row = {"id": str(number), "split": part, "kind": "stained", "mosaic": number // 2}
        rows.append(row)
        for kind in ("images", "labels"):
            (tmp_path / part / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / part / kind / f"{number}.png"), discs().astype(np.uint16))
    (tmp_path / "index.json").write_text(json.dumps(rows))
    examples = data.load(tmp_path, "train")
    assert [e.name for e in examples] == list("01234")
    assert [e.name for e in data.load(tmp_path, "val")] == ["5"]
    fields = [{examples[i].field for i in part} for part in data.folds(examples, 2)]
    assert not fields[0] & fields[1]


def test_the_loss_is_smallest_for_the_targets_themselves() -> None:
    maps = targets.targets(discs())
    target = torch.from_numpy(np.concatenate([maps, np.ones((1, 64, 64), np.float32)]))[None]
    right = target[:, :4].clone()
    right[:, :2] = right[:, :2] * 20 - 10
    assert loss(right, target) < 0.01
    assert loss(right * 0, target) > 0.5


def test_the_network_keeps_size_and_scales_by_its_multiple() -> None:
    module = UNet((4, 8, 8)).eval()
    assert module.multiple == 4
    assert module(torch.zeros(1, 4, 8, 12)).shape == (1, 4, 8, 12)
    assert validate.network_of(module)(np.zeros((4, 19, 23), np.float32)).shape == (4, 19, 23)
