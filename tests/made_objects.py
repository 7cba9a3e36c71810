"""Objects whose tracks, volumes and spots are known, as tests and benchmarks draw them."""

from __future__ import annotations

import numpy as np

from imgconv.tasks.link.tracks import Frame


def film(seed: int, *, step: float, missed: float, drift: tuple[float, float], divides: float):
    """Frames of 50 cells that walk, keep apart, divide and are missed; and whose they are."""
    rng = np.random.default_rng(seed)
    cells = {n: (rng.uniform(0, 500, 2), 300 * np.exp(rng.normal(0, 0.15))) for n in range(50)}
    frames, names, parents, born = [], [], {}, 50
    for _ in range(20):
        seen = [n for n in cells if rng.random() > missed]
        places = np.array([cells[n][0] + rng.normal(0, 0.5, 2) for n in seen])
        frames.append(Frame(places, np.array([cells[n][1] for n in seen])))
        names.append(seen)
        after = {}
        for n, (place, size) in cells.items():
            if rng.random() < divides:
                angle = rng.uniform(0, 2 * np.pi)
                half = 9 * np.array([np.cos(angle), np.sin(angle)])
                for sign in (1, -1):
                    after[born] = (place + sign * half + drift, size * rng.uniform(0.45, 0.55))
                    parents[born] = n
                    born += 1
            else:
                after[n] = (place + rng.normal(0, step, 2) + drift, min(size * 1.03, 400))
        cells = _apart(after, 18)
    return frames, names, parents


def _apart(cells: dict, least: float) -> dict:
    """Cells do not lie on each other."""
    places = np.array([place for place, _ in cells.values()])
    for _ in range(3):
        between = places[:, None] - places
        far = np.hypot(*np.moveaxis(between, 2, 0)) + np.eye(len(places)) * 1e9
        push = np.clip(least - far, 0, None) / 2
        places = places + (between / far[..., None] * push[..., None]).sum(axis=1)
    return {n: (p, cells[n][1]) for n, p in zip(cells, places, strict=True)}


def links(names: list, parents: dict) -> set:
    """Pairs of (frame, place in it) that follow each other, over gaps and divisions too."""
    found, last = set(), {}
    for frame, row in enumerate(names):
        for place, name in enumerate(row):
            before = last.get(name) or last.get(parents.get(name))
            found |= {(before, (frame, place))} if before else set()
            last[name] = (frame, place)
    return found


def solids(step: float):
    """Labels (Z, H, W) of ellipsoids two on top of each other, volumes and centroids in µm."""
    rng = np.random.default_rng(4)
    z, y, x = np.meshgrid(np.arange(0.5, 28 / step), *[np.arange(0.5, 160)] * 2, indexing="ij")
    z, y, x = z * step, y * 0.325, x * 0.325
    labels, truth = np.zeros(z.shape, np.int32), []
    for cy, cx, cz in (
        (13, 13, 7),
        (13, 38, 7),
        (38, 13, 7),
        (38, 38, 7),
        (13, 13, 20.5),
        (38, 38, 21),
    ):
        r = rng.uniform(4, 6, 3)
        inside = ((z - cz) / r[0]) ** 2 + ((y - cy) / r[1]) ** 2 + ((x - cx) / r[2]) ** 2 < 1
        truth.append((4 / 3 * np.pi * r.prod(), cx, cy, cz))
        labels[inside] = len(truth)
    return labels, truth


def cut(labels: np.ndarray, step: float, seed: int, missed: bool) -> list[np.ndarray]:
    """The planes of the solids, each with numbers of its own; missed: four parts are lost."""
    rng, planes = np.random.default_rng(seed), []
    for z, plane in enumerate(labels):
        lost = 1 + z % 5 if missed and z in (6 / step, 8 / step, 21 / step, 23 / step) else -1
        table = np.append(0, rng.permutation(labels.max()) + 1)
        planes.append(table[np.where(plane == lost, 0, plane)])
    return planes


def spotted(seed: int, contrast: float, diameter: float):
    """Nuclei on a slope with spots so many deviations of the noise high."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:220, :220]
    labels, image, spots = np.zeros((220, 220), np.int32), np.full((220, 220), 50.0), []
    for number, (a, b) in enumerate([(a, b) for a in (40, 110, 180) for b in (40, 110, 180)], 1):
        radius = rng.uniform(20, 30)
        inside = (y - a) ** 2 + (x - b) ** 2 < radius**2
        labels[inside], image[inside] = number, 300 + 0.8 * (x[inside] - b)
        mine: list[tuple[float, float]] = []
        while len(mine) < 5:
            angle, far = rng.uniform(0, 2 * np.pi), (radius - diameter) * rng.random() ** 0.5
            place = (a + far * np.sin(angle), b + far * np.cos(angle))
            if all(np.hypot(place[0] - p, place[1] - q) > 2 * diameter for p, q in mine):
                mine.append(place)
        spots += mine
    for a, b in spots:
        image += 10 * contrast * np.exp(-((y - a) ** 2 + (x - b) ** 2) * 2.77 / diameter**2)
    return image + rng.normal(0, 10, image.shape), labels, np.array(spots)
