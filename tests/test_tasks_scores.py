"""Matching and scores against naive sets of pixels and SciPy's assignment."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from imgconv.tasks.labels.match import THRESHOLDS, Match, match
from imgconv.tasks.labels.scores import SCORES, ap, image_scores, scores, table

VALUES = st.sampled_from([0, 1, 2, 3, 9, 70_000])
SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8))
TWO = SHAPES.flatmap(lambda shape: st.tuples(*[hnp.arrays(np.int64, shape, elements=VALUES)] * 2))


def objects(labels: np.ndarray) -> list[set[tuple[int, int]]]:
    numbers = sorted(set(labels.ravel().tolist()) - {0})
    return [{(y, x) for y, x in np.argwhere(labels == n).tolist()} for n in numbers]


def ious(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    found, true = objects(labels), objects(truth)
    table = [[len(a & b) / len(a | b) for b in true] for a in found]
    return np.array(table).reshape(len(found), len(true))


@settings(max_examples=150, deadline=None)
@given(TWO)
def test_hits_are_those_of_the_best_assignment(two):
    labels, truth = two
    one, table = match(labels, truth), ious(labels, truth)
    assert (one.found, one.true) == table.shape
    for threshold, hits in zip(THRESHOLDS, one.hits, strict=True):
        good = table > threshold + 1e-12
        rows, columns = linear_sum_assignment(-good.astype(float))
        assert hits == int(good[rows, columns].sum())


@settings(max_examples=150, deadline=None)
@given(TWO)
def test_the_aggregated_jaccard_index_is_that_of_its_definition(two):
    labels, truth = two
    found, true, table = objects(labels), objects(truth), ious(labels, truth)
    shared = united = 0
    used = set()
    for g, one in enumerate(true):
        if not found or table[:, g].max() == 0:
            united += len(one)
            continue
        best = int(table[:, g].argmax())
        used.add(best)
        shared += len(found[best] & one)
        united += len(found[best] | one)
    united += sum(len(one) for s, one in enumerate(found) if s not in used)
    result = match(labels, truth)
    assert (result.shared, result.united) == (shared, united)


def test_an_overlap_of_exactly_one_half_is_no_match():
    truth, labels = np.zeros((1, 4), int), np.zeros((1, 4), int)
    truth[0, :2], labels[0, :1] = 1, 1
    assert match(labels, truth).hits[0] == 0
    truth, labels = np.zeros((1, 20), int), np.zeros((1, 20), int)
    truth[0, :20], labels[0, :11] = 1, 1  # 0.55, which binary fractions miss by a little
    assert match(labels, truth).hits[:2] == (1, 0)


def test_perfect_labels_score_one_whatever_their_numbers():
    truth = np.kron(np.arange(12).reshape(3, 4), np.ones((5, 5), int))
    shuffled = np.where(truth > 0, 100 - truth, 0)
    found = scores([match(shuffled, truth)])
    for name in ("ap", "precision", "recall", "f1"):
        assert found[name]["value"] == [1.0] * 10
    assert found["aji"]["value"] == 1 and found["count_error"]["value"] == 0
    assert found["aji"]["low"] is None  # one image has no interval


def test_scores_pool_objects_and_average_images():
    a = Match(found=10, true=8, hits=(6,) * 10, shared=50, united=100)
    b = Match(found=0, true=2, hits=(0,) * 10, shared=0, united=30)
    empty = Match(found=0, true=0, hits=(0,) * 10, shared=0, united=0)
    found = scores([a, b, empty])
    assert found["ap"]["value"][0] == pytest.approx(6 / (6 + 4 + 4))
    assert found["precision"]["value"][0] == pytest.approx(0.6)
    assert found["recall"]["value"][0] == pytest.approx(0.6)
    assert found["f1"]["value"][0] == pytest.approx(0.6)
    assert found["count_error"]["value"] == pytest.approx(4 / 10)
    assert found["aji"]["value"] == pytest.approx(50 / 130, abs=1e-6)
    mean = (6 / (10 + 8 - 6) + 0 + 1) / 3
    assert found["ap_mean_over_images"]["value"][0] == pytest.approx(mean, abs=1e-6)
    assert np.isnan(image_scores(b)["precision_50"]) and image_scores(b)["count_difference"] == -2


def test_intervals_are_the_percentiles_of_a_loop_over_drawn_images():
    rng = np.random.default_rng(3)
    images = [
        Match(int(n), int(n) + 1, (int(h),) * 10, int(h) * 10, int(n) * 20)
        for n, h in zip(rng.integers(5, 30, 12), rng.integers(0, 5, 12), strict=True)
    ]
    found, rows = scores(images), table(images)
    drawn = [rows[rng.integers(0, 12, 12)].sum(axis=0) for _ in range(4000)]
    for name in ("ap", "aji"):
        values = [np.atleast_1d(SCORES[name](d))[0] for d in drawn]
        first = {k: np.atleast_1d(v)[0] for k, v in found[name].items()}
        assert first["low"] == pytest.approx(np.percentile(values, 2.5), abs=0.01)
        assert first["high"] == pytest.approx(np.percentile(values, 97.5), abs=0.01)
        assert first["low"] <= first["value"] <= first["high"]
    assert scores(images) == found  # the draws are the same every time


def test_images_without_any_object_have_scores_and_no_count_error():
    nothing = match(np.zeros((4, 4), int), np.zeros((4, 4), int))
    found = scores([nothing, nothing])
    assert found["ap"]["value"][0] == 1 and found["aji"]["value"] == 1
    assert found["count_error"]["value"] is None and found["precision"]["value"][0] is None


def test_thousands_of_objects_take_no_time():
    truth = np.kron(np.arange(1, 10_001).reshape(100, 100), np.ones((10, 10), int))
    labels = np.roll(truth, 2, axis=0)
    start = time.thread_time()
    found = match(labels, truth)
    assert time.thread_time() - start < 2
    assert found.hits[3] == 10_000 and found.hits[4] == 0  # 8 of 10 rows overlap: 80 / 120
    assert ap(table([found]))[0][3] == 1
