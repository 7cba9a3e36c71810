"""Objects over time, in space, and spots in them: what was made is found again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile
from made_objects import cut, film, links, solids, spotted
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

import imgconv
from imgconv.tasks.link.assignment import assign
from imgconv.tasks.link.planes import join
from imgconv.tasks.link.tracks import Frame, track
from imgconv.tasks.link.volumes import Voxel, volumes
from imgconv.tasks.measure.spots import Spots


def test_pairs_are_those_of_the_whole_assignment():
    rng = np.random.default_rng(0)
    table = rng.random((30, 40)) * 3
    rows, columns = np.nonzero(table < 2)
    found = assign(rows, columns, table[rows, columns])
    whole = np.hstack([np.where(table < 1, table, 9), np.full((30, 30), 1.0)])
    best = whole[linear_sum_assignment(whole)].sum()
    assert sum(table[pair] for pair in found) + 30 - len(found) == pytest.approx(best)


@pytest.mark.parametrize(
    "how",
    [
        {"step": 3, "missed": 0.0, "drift": (0, 0), "divides": 0.0},
        {"step": 4, "missed": 0.03, "drift": (3, 1), "divides": 0.01},
        {"step": 3, "missed": 0.03, "drift": (12, -8), "divides": 0.005},  # the stage moves
        {"step": 4, "missed": 0.1, "drift": (3, 1), "divides": 0.01},
    ],
)
def test_made_cells_are_followed(how):
    found, true, shared = 0, 0, 0
    for seed in range(3):
        frames, names, parents = film(seed, **how)
        tracks = track(frames, reach=30)
        mine = links([one.tolist() for one in tracks.numbers], tracks.parents)
        theirs = links(names, parents)
        found, true, shared = found + len(mine), true + len(theirs), shared + len(mine & theirs)
    assert shared >= 0.98 * true and shared >= 0.98 * found


def test_a_division_and_a_gap_are_marked():
    places = [[(10, 10)], [(11, 10)], [(6, 10), (17, 10)], [(5, 10)], [(4, 10), (19, 11)]]
    sizes = [[300], [300], [150, 160], [155], [160, 160]]
    frames = [
        Frame(np.array(p, float), np.array(s, float)) for p, s in zip(places, sizes, strict=True)
    ]
    tracks = track(frames, reach=10)
    assert [one.tolist() for one in tracks.numbers] == [[1], [1], [2, 3], [2], [2, 3]]
    assert tracks.parents == {2: 1, 3: 1}


def test_a_cell_that_condenses_and_divides_is_a_mother():
    """As mitosis goes: round and small, a plate, two halves; and a newcomer beside another."""
    places = [[(30, 30), (80, 80)], [(30, 30), (80, 80)], [(26, 30), (34, 30), (80, 80), (94, 80)]]
    sizes = [[466, 400], [154, 410], [124, 119, 405, 380]]
    frames = [
        Frame(np.array(p, float), np.array(s, float)) for p, s in zip(places, sizes, strict=True)
    ]
    tracks = track(frames, reach=20)
    assert tracks.numbers[2].tolist() == [3, 4, 2, 5] and tracks.parents == {3: 1, 4: 1}


def test_the_division_of_the_sample_is_found():
    film = Path(__file__).parent.parent / "samples" / "cells" / "timelapse.ome.tif"
    found = imgconv.segment(film, channel="nuclei", track=True)
    mothers = set(found.tracks["PARENT_TRACK_ID"].tolist()) - {0}
    assert len(mothers) == 1 and found.tracks["FRAME"].max() == 3


def test_frames_without_objects_are_none():
    empty = Frame(np.zeros((0, 2)), np.zeros(0))
    one = Frame(np.array([[3.0, 3.0]]), np.array([20.0]))
    assert [n.tolist() for n in track([empty, one, empty, one, empty], 5).numbers] == [
        [],
        [1],
        [],
        [1],
        [],
    ]
    assert track([empty, empty], 5).count == 0


@pytest.mark.parametrize(("step", "missed"), [(0.5, False), (1.0, False), (0.5, True), (1.0, True)])
def test_planes_are_joined_into_the_solids_that_were_cut(step, missed):
    labels, truth = solids(step)
    joined = np.stack(join(cut(labels, step, 1, missed)))
    rows = volumes(joined, Voxel(step, 0.325, 0.325))
    assert len(rows) == len(truth)
    for row in rows:
        whose = int(np.bincount(labels[joined == row["label"]]).argmax())
        volume, x, y, z = truth[whose - 1]
        assert row["volume_um3"] == pytest.approx(volume, rel=0.03)
        assert row["centroid_z_um"] == pytest.approx(z, abs=0.15)
        assert (row["centroid_x_um"], row["centroid_y_um"]) == pytest.approx((x, y), abs=0.1)


def test_what_ends_in_tips_is_not_one():
    """Two balls on top of each other with an empty plane between them; and two columns with one."""
    z, y, x = np.mgrid[:23, :40, :40]
    balls = np.zeros(z.shape, np.int32)
    for number, middle in ((1, 5), (2, 17)):
        balls[(z - middle) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 < 5.6**2] = number
    assert not balls[11].any() and balls[10].any() and balls[12].any()
    assert np.stack(join(list(balls))).max() == 2
    column = np.where((z != 11) & (np.hypot(y - 20, x - 20) < 8), 1, 0).astype(np.int32)
    found = np.stack(join(list(column)))
    assert found.max() == 1 and (found[11] == found[10]).all()


@pytest.mark.parametrize("voxel", [Voxel(0.5, 0.5, 0.5), Voxel(1.0, 0.25, 0.25)])
def test_the_surface_of_a_ball(voxel):
    z, y, x = (np.mgrid[:60, :80, :80].transpose(1, 2, 3, 0) * voxel[:3]).transpose(3, 0, 1, 2)
    centre = [side * n / 2 for side, n in zip(voxel[:3], (60, 80, 80), strict=True)]
    ball = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 8.0**2
    (row,) = volumes(ball.astype(np.int32), voxel)
    assert row["surface_um2"] == pytest.approx(4 * np.pi * 64, rel=0.05)
    assert 0.93 < row["sphericity"] < 1.03


@pytest.mark.parametrize("diameter", [4.0, 6.0])
def test_spots_four_deviations_high_are_found(diameter):
    found, true, shared = 0, 0, 0
    for seed in range(4):
        image, labels, spots = spotted(seed, 4, diameter)
        rows = Spots(diameter)(image, labels)
        at = np.array([(row["y_px"] - 0.5, row["x_px"] - 0.5) for row in rows])
        far = cdist(at, spots)
        shared += len(assign(*np.nonzero(far < 2.5), far[far < 2.5] / 2.5))
        found, true = found + len(rows), true + len(spots)
    assert 2 * shared / (found + true) >= 0.97


def test_the_light_of_a_spot():
    image, labels, spots = spotted(0, 40, 4)
    rows = Spots(4)(image, labels)
    assert len(rows) == len(spots)
    whole = 400 * np.pi * 16 / 2.77  # of a bell of that height and width at half of it
    light = np.array([row["intensity_integrated"] for row in rows]) / whole
    assert 0.35 < np.median(light) < 0.6  # half of it is within half its height
    assert Spots(4)(image, np.zeros_like(labels)) == []


@pytest.fixture
def segment(tmp_path, monkeypatch, capfd):
    return standin.runner(tmp_path, monkeypatch, capfd)


def rows(name: str) -> list[dict[str, str]]:
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def walk() -> np.ndarray:
    """(T, H, W) of three squares that move; the second is away for a time."""
    frames = np.full((5, 64, 96), 100, np.uint16)
    for t, frame in enumerate(frames):
        frame[8 + t : 18 + t, 10 + 2 * t : 20 + 2 * t] = 1000
        if t != 2:
            frame[40:50, 60 - 3 * t : 70 - 3 * t] = 1000
        frame[10:20, 70:80] = 1000
    return frames


def test_labels_of_a_film_keep_their_numbers(segment):
    tifffile.imwrite("a.tif", walk(), imagej=True, resolution=(4, 4),
                     metadata={"axes": "TYX", "unit": "um", "finterval": 30.0})  # fmt: skip
    code, err = segment("a.tif", "--track", "--geojson")
    assert code == 0 and "14 objects in 5 planes" in err and "3 tracks" in err
    labels = tifffile.imread("segmented/a-labels.tif")
    for (y, x), (down, right) in {(12, 15): (1, 2), (45, 63): (0, -3), (15, 75): (0, 0)}.items():
        path = {int(labels[t][y + t * down, x + t * right]) for t in (0, 1, 3, 4)}
        assert path == {int(labels[0][y, x])}
    table = rows("segmented/a.csv")
    assert all(row["track"] == row["label"] and row["parent"] == "0" for row in table)
    tracks = rows("segmented/a-tracks.csv")
    first = [row for row in tracks if row["TRACK_ID"] == tracks[0]["TRACK_ID"]]
    assert [row["FRAME"] for row in first] == list("01234")
    assert [float(row["POSITION_T"]) for row in first] == [0, 30, 60, 90, 120]
    steps = np.diff([[float(row["POSITION_X"]), float(row["POSITION_Y"])] for row in first], axis=0)
    assert np.allclose(steps, [0.5, 0.25])
    napari = np.array(
        [[float(r[c]) for c in ("TRACK_ID", "FRAME", "POSITION_Y", "POSITION_X")] for r in tracks]
    )
    assert (np.lexsort((napari[:, 1], napari[:, 0])) == np.arange(len(napari))).all()


def test_a_stack_has_volumes(segment):
    labels, truth = solids(1.0)
    image = np.where(labels > 0, 1000, 100).astype(np.uint16)[:14]  # the lower four
    tifffile.imwrite("a.tif", image, imagej=True, resolution=(1 / 0.325,) * 2,
                     metadata={"axes": "ZYX", "unit": "um", "spacing": 1.0})  # fmt: skip
    code, err = segment("a.tif", "--link-z")
    assert code == 0 and "4 objects in space" in err
    table = rows("segmented/a-volumes.csv")
    assert len(table) == 4 and len(rows("segmented/a.csv")) > 30
    for row in table:
        true = min(
            truth[:4],
            key=lambda t: (
                abs(t[1] - float(row["centroid_x_um"])) + abs(t[2] - float(row["centroid_y_um"]))
            ),
        )
        assert float(row["volume_um3"]) == pytest.approx(true[0], rel=0.03)
        assert float(row["intensity_mean"]) == 1000


def test_a_film_of_stacks_is_linked_in_space_and_time(segment):
    film = np.stack([np.full((3, 64, 96), 100, np.uint16) for _ in range(3)])
    for t in range(3):
        film[t, :, 10 + t : 20 + t, 10:20] = film[t, 1:, 40:50, 60 - 2 * t : 70 - 2 * t] = 1000
    tifffile.imwrite("a.tif", film, imagej=True, metadata={"axes": "TZYX"})
    assert segment("a.tif", "--track")[1].count(
        "a time-lapse of stacks: --track needs --link-z too"
    )
    code, err = segment("a.tif", "--track", "--link-z", "--pixel-size", "0.5", "--z-step", "2")
    assert code == 0 and "2 tracks, 6 objects in space" in err
    labels = tifffile.imread("segmented/a-labels.tif")
    assert len(np.unique(labels)) == 3
    table = rows("segmented/a-volumes.csv")
    assert [row["t"] for row in table] == list("112233")
    assert {float(row["volume_um3"]) for row in table} == {
        10 * 10 * 0.25 * 3 * 2,
        10 * 10 * 0.25 * 2 * 2,
    }
    assert len(rows("segmented/a-tracks.csv")) == 6


def test_spots_are_counted_by_command_and_function(segment):
    image, _, _ = spotted(0, 0, 4)
    spots = image * 0 + 20 + np.random.default_rng(0).normal(0, 2, image.shape)
    y, x = np.mgrid[:220, :220]
    for a, b in ((40, 40), (110, 104), (110, 118)):
        spots += 60 * np.exp(-((y - a) ** 2 + (x - b) ** 2) * 2.77 / 16)
    both = np.stack([image, spots]).clip(0).astype(np.uint16)
    tifffile.imwrite("a.tif", both, imagej=True, metadata={"axes": "CYX"})
    code, err = segment("a.tif", "--channel", "1", "--spots", "2", "--spot-contrast", "8")
    assert code == 0 and "3 spots" in err
    table = rows("segmented/a.csv")
    assert sorted(row["spots"] for row in table) == list("000000012")
    each = rows("segmented/a-spots.csv")
    assert [row["spot"] for row in each] == ["1", "1", "2"]
    assert abs(float(each[0]["x_px"]) - 40.5) < 0.3
    found = imgconv.segment(
        both, axes="CYX", model="standin.safetensors", channel=1, spots=2, spot_contrast=8
    )
    assert found.spots.rows == 3 and found.tracks is None


@pytest.mark.parametrize("option", ["--track", "--link-z"])
def test_a_file_without_the_axis_is_refused(segment, option):
    tifffile.imwrite("a.tif", walk()[0])
    code, err = segment("a.tif", option)
    assert code == 1 and f"which {option} needs: give --axes" in err
