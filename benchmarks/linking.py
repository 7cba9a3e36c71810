"""Tracks, volumes and spots of made data against what was made.

    python benchmarks/linking.py [--seeds 10]

Links: of all true links from an object to itself (or its daughter) in the next frame in which it is
seen, the share that is found, and of those found the share that is wrong. Volumes: of ellipsoids
cut into planes with numbers of their own, with and without planes in which one is missed. Spots:
F1 of foci of a height of so many deviations of the noise.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # for made_objects

from made_objects import cut, film, links, solids, spotted

from imgconv.tasks.link.assignment import assign
from imgconv.tasks.link.planes import join
from imgconv.tasks.link.tracks import track
from imgconv.tasks.link.volumes import Voxel, volumes
from imgconv.tasks.measure.spots import Spots

FILMS = {
    "walk of 3 px a frame": {"step": 3, "missed": 0.0, "drift": (0, 0), "divides": 0.0},
    "4 px, 3 % missed, 1 % divide": {"step": 4, "missed": 0.03, "drift": (3, 1), "divides": 0.01},
    "the stage moves by 14 px": {"step": 3, "missed": 0.03, "drift": (12, -8), "divides": 0.005},
    "10 % missed": {"step": 4, "missed": 0.1, "drift": (3, 1), "divides": 0.01},
    "10 % missed, 6 px": {"step": 6, "missed": 0.1, "drift": (3, 1), "divides": 0.01},
}
NEAR = 2.5  # pixels between a spot and the one that was made


def show_links(seeds: int) -> None:
    print("| film | links found, worst | wrong |\n|---|---:|---:|")
    for name, how in FILMS.items():
        found, wrong = [], []
        for seed in range(seeds):
            frames, names, parents = film(seed, **how)
            tracks = track(frames, reach=30)
            mine = links([one.tolist() for one in tracks.numbers], tracks.parents)
            true = links(names, parents)
            found.append(len(mine & true) / len(true))
            wrong.append(len(mine - true) / len(mine))
        print(f"| {name} | {np.mean(found):.3f}, {min(found):.3f} | {np.mean(wrong):.3f} |")


def show_volumes(seeds: int) -> None:
    print("\n| planes every | missed | solids found | worst volume | worst centroid, µm |")
    print("|---|---:|---:|---:|---:|")
    for step in (0.5, 1.0):
        for missed in (False, True):
            labels, truth = solids(step)
            objects, off, far = 0, 0.0, 0.0
            for seed in range(seeds):
                joined = np.stack(join(cut(labels, step, seed, missed)))
                rows = volumes(joined, Voxel(step, 0.325, 0.325))
                objects += len(rows)
                for row in rows:
                    whose = int(np.bincount(labels[joined == row["label"]])[1:].argmax())
                    volume, *place = truth[whose]
                    off = max(off, abs(row["volume_um3"] / volume - 1))
                    at = [row[f"centroid_{axis}_um"] for axis in "xyz"]
                    far = max(far, float(np.hypot.reduce(np.subtract(at, place))))
            lost, all_of = "4 parts" if missed else "none", seeds * len(truth)
            print(f"| {step} µm | {lost} | {objects} of {all_of} | {off:.1%} | {far:.2f} |")


def show_spots(seeds: int) -> None:
    print("\n| spots | contrast | F1 |\n|---|---:|---:|")
    for diameter in (4.0, 6.0):
        for contrast in (3.0, 4.0, 6.0):
            found, true, shared = 0, 0, 0
            for seed in range(seeds):
                image, labels, spots = spotted(seed, contrast, diameter)
                rows = Spots(diameter)(image, labels)
                at = np.array([(r["y_px"] - 0.5, r["x_px"] - 0.5) for r in rows]).reshape(-1, 2)
                far = cdist(at, spots)
                shared += len(assign(*np.nonzero(far < NEAR), far[far < NEAR] / NEAR))
                found, true = found + len(rows), true + len(spots)
            print(f"| {diameter:g} px | {contrast:g} | {2 * shared / (found + true):.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    show_links(seeds)
    show_volumes(seeds)
    show_spots(seeds)


main()
