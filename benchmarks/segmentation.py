"""Quality and time of `segment` on images with known labels, as the command computes them.

    python benchmarks/segmentation.py PACK [--part val] [--model nuclei]

PACK is a zip or folder as training takes it: images/ and labels/, or parts with an index.json that
says what kind each image is. AP is TP / (TP + FP + FN), pooled over the images of a kind. Time is
that of the network and of everything around it, one image after the other, without file access.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # for training

from imgconv import threads
from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.labels.match import Match, match
from imgconv.tasks.labels.scores import scores
from imgconv.tasks.load import load
from imgconv.tasks.segment.run import segment
from training.segmentation import data

FLUORESCENCE, OTHERS = "fluorescence", "stained + brightfield"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack")
    parser.add_argument("--part", default="val")
    parser.add_argument("--model", default="nuclei")
    options = parser.parse_args()
    examples = data.load(options.pack, options.part)
    if not examples:
        sys.exit(f"{options.pack} has no part '{options.part}'")
    model, card = load(options.model, "segment")
    network, busy = SegmentNetwork(model), [0.0]

    def timed(image: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        maps = network(image)
        busy[0] += time.perf_counter() - start
        return maps

    segment(examples[0].pixels, timed, card)  # kernels, weights, imports
    busy[0], start = 0.0, time.perf_counter()
    found: dict[str, list[Match]] = defaultdict(list)
    for one in examples:
        found[group(one.kind)].append(match(segment(one.pixels, timed, card).labels, one.labels))
    passed = time.perf_counter() - start
    show(found)
    pixels = sum(one.labels.size for one in examples)
    print(
        f"\n{len(examples)} images, {pixels / 1e6:.1f} megapixels, {threads.count()} threads: "
        f"{passed:.1f} s, of which the network {busy[0]:.1f} s"
    )


def group(kind: str) -> str:
    """Stained and brightfield images are counted together."""
    return OTHERS if kind in ("stained", "brightfield") else kind


def show(found: dict[str, list[Match]]) -> None:
    print("| kind | images | objects | AP 0.5 | AP 0.75 | AP 0.9 | F1 0.5 | count error | AJI |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for kind, matches in sorted(found.items()):
        s = scores(matches)
        ap, low, high = (s["ap"][key] for key in ("value", "low", "high"))
        print(
            f"| {kind} | {s['images']} | {s['objects_true']} | {ap[0]:.3f} ({low[0]:.3f} to "
            f"{high[0]:.3f}) | {ap[5]:.3f} | {ap[8]:.3f} | {s['f1']['value'][0]:.3f} | "
            f"{s['count_error']['value']:.1%} | {s['aji']['value']:.3f} |"
        )


main()
