"""What the segmentation networks are taught, and how their training is judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

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


def write_pack(folder: Path, rows: list[dict[str, object]]) -> Path:
    """A pack without parts of its own; each image is the discs, in the row's dtype."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for row in rows:
        dtype = row.pop("dtype", "uint8")
        tifffile.imwrite(folder / "images" / f"{row['id']}.tif", (discs() * 60).astype(dtype))
        cv2.imwrite(str(folder / "labels" / f"{row['id']}.png"), discs().astype(np.uint16))
    (folder / "index.json").write_text(json.dumps(rows))
    return folder


def known(number: int, source: str, field: int, **more: object) -> dict[str, object]:
    return {"id": f"{source}{number}", "source": source, "field": f"{source}-{field}", **more}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=40))
def test_no_field_is_in_both_parts_and_the_choice_does_not_depend_on_order(places) -> None:
    files = None  # is not read
    rows = [
        data.Row(files, "", "", str(n), "k", str(source), str(field), True)
        for n, (source, field) in enumerate(places)
    ]
    last = data.seen_last(rows)
    parts = {
        part: {(r.source, r.field) for r in rows if data.part_of(r, last) == part}
        for part in ("train", "val")
    }
    assert not parts["train"] & parts["val"]
    assert last == data.seen_last(rows[::-1])
    for source in {row.source for row in rows}:
        fields = {row.field for row in rows if row.source == source}
        unseen = {field for s, field in parts["val"] if s == source}
        assert len(unseen) == (0 if len(fields) < 4 else -(-len(fields) // 6))


def test_several_packs_are_one_and_a_source_held_out_is_never_learnt_from(tmp_path: Path) -> None:
    one = write_pack(tmp_path / "one", [known(n, "lab", n // 2) for n in range(12)])
    two = write_pack(
        tmp_path / "two",
        [known(n, "deep", n, dtype="uint16", labels="model (U-Net)") for n in range(2)]
        + [known(n, "other", n) for n in range(2)],
    )
    three = write_folder(tmp_path / "mine", 4)
    train = data.load([one, two, three], "train", ["other"])
    unseen = data.load([one, two, three], "val", ["other"])
    assert {e.source for e in train} == {"lab", "deep", "mine"}
    assert {e.source for e in unseen} == {"lab", "other", "mine"}
    assert not {(e.source, e.field) for e in train} & {(e.source, e.field) for e in unseen}
    assert len(train) + len(unseen) == 20
    deep = next(e for e in train if e.source == "deep")
    assert deep.pixels.dtype == np.uint16 and not deep.manual
    with pytest.raises(SystemExit, match="--hold-out nobody: no such source; there are deep, lab"):
        data.load([one, two], "train", ["nobody"])


def test_labels_of_a_model_count_half_and_every_image_has_a_chance(tmp_path: Path) -> None:
    rows = [known(0, "lab", 0), known(1, "lab", 1, labels="model"), known(2, "far", 0)]
    examples = data.load(write_pack(tmp_path, rows), "train")
    weight = dict(zip([e.name for e in examples], augment.weights(examples, {}), strict=True))
    assert weight["lab0"] == pytest.approx(2**0.5 * weight["lab1"])  # of a field: the square root
    assert sum(weight.values()) == pytest.approx(1)


@pytest.mark.parametrize("ending", ["-labels", "_labels", "_cp_masks"])
def test_labels_lie_beside_their_images_under_their_names(tmp_path: Path, ending: str) -> None:
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), (discs() * 50).astype(np.uint8))
        tifffile.imwrite(tmp_path / f"{name}{ending}.tif", discs().astype(np.int32))
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((9, 9), np.uint8))  # of no labels
    found = data.load(tmp_path)
    assert [e.name for e in found] == ["a", "b"]
    np.testing.assert_array_equal(found[0].labels, discs())


BAD = {
    "another size": (np.zeros((64, 64), np.uint8), discs(32).astype(np.uint16), "of the size"),
    "a stack": (np.zeros((5, 64, 64), np.uint8), discs().astype(np.uint16), r"\(5, 64, 64\)"),
    "fractions": (np.zeros((64, 64), np.uint8), discs() / 3, "whole numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_learnt_from_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    image, labels, words = BAD[name]
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack")
    tifffile.imwrite(tmp_path / "a-labels.tif", labels)
    with pytest.raises(SystemExit, match=words) as problem:
        data.load(tmp_path)
    assert "\n" not in str(problem.value)


def test_a_folder_of_nothing_says_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="images/NAME"):
        data.load(tmp_path)
    with pytest.raises(SystemExit, match="no such folder"):
        data.load(tmp_path / "nowhere")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_labels_are_renumbered_from_one_and_keep_their_pixels(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for lowest in (0, 3):
        labels = (rng.integers(lowest, 9, (20, 30)) * 27).astype(dtype)
        found = data.numbered(labels)
        assert found.dtype == np.uint16
        pairs = set(zip(labels.ravel().tolist(), found.ravel().tolist(), strict=True))
        wanted = sorted({value for value in labels.ravel().tolist() if value})
        assert pairs == {(v, 1 + n) for n, v in enumerate(wanted)} | (
            {(0, 0)} if not lowest else set()
        )


def test_each_source_is_judged_on_its_own(tmp_path: Path) -> None:
    rows = [known(0, "lab", 0, kind="stained"), known(1, "lab", 1, kind="brightfield")]
    examples = data.load(write_pack(tmp_path, [*rows, known(2, "far", 0)]), "train")
    result = validate.validate(UNet((4, 8)), examples)
    assert sorted(result) == ["far", "lab brightfield", "lab stained"]
    assert all(0 <= values["AP 0.5"] <= 1 for values in result.values())


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
