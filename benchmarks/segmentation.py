"""Quality and time of `segment` on images with known labels, as the command computes them.

    python benchmarks/segmentation.py PACK... [--part val] [--hold-out SOURCE,SOURCE] [--by kind]
        [--model nuclei]

PACK is a zip or folder as training takes it: images/ and labels/, or parts with an index.json that
says what kind each image is and what source it is from; sources of --hold-out are judged whole. AP
is TP / (TP + FP + FN), pooled over the images of a kind or of a source, its interval (95 %) from
drawing fields with replacement, since images of one field are alike. Time is that of the network
and of everything around it, one image after the other, without file access.
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
from imgconv.tasks.labels.scores import DRAWS, LEVEL, SEED, ap, count_error, f1, table
from imgconv.tasks.load import load
from imgconv.tasks.segment.run import segment
from training.segmentation import data

OTHERS = "stained + brightfield"
Fields = dict[str, list[Match]]
"""What the images of each field add to the scores."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", nargs="+", metavar="PACK")
    parser.add_argument("--part", default="val")
    parser.add_argument("--hold-out", default="", metavar="SOURCE,SOURCE")
    parser.add_argument("--by", choices=("kind", "source"), default="kind")
    parser.add_argument("--model", default="nuclei")
    options = parser.parse_args()
    held = [name for name in options.hold_out.split(",") if name]
    examples = data.load(options.packs, options.part, held)
    if not examples:
        sys.exit(f"{', '.join(options.packs)}: no part '{options.part}'")
    model, card = load(options.model, "segment")
    network, busy = SegmentNetwork(model), [0.0]

    def timed(image: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        maps = network(image)
        busy[0] += time.perf_counter() - start
        return maps

    segment(examples[0].pixels, timed, card)  # kernels, weights, imports
    busy[0], start = 0.0, time.perf_counter()
    found: dict[str, Fields] = defaultdict(lambda: defaultdict(list))
    for one in examples:
        matched = match(segment(one.pixels, timed, card).labels, one.labels)
        found[one.source if options.by == "source" else group(one.kind)][one.field].append(matched)
    passed = time.perf_counter() - start
    show(options.by, found)
    pixels = sum(one.labels.size for one in examples)
    print(
        f"\n{len(examples)} images, {pixels / 1e6:.1f} megapixels, {threads.count()} threads: "
        f"{passed:.1f} s, of which the network {busy[0]:.1f} s"
    )


def group(kind: str) -> str:
    """Stained and brightfield images are counted together."""
    return OTHERS if kind in ("stained", "brightfield") else kind


def show(by: str, found: dict[str, Fields]) -> None:
    print(f"| {by} | images, fields | objects | AP 0.5 | AP 0.75 | AP 0.9 | F1 0.5 | count error |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    means = []
    for name, fields in sorted(found.items()):
        rows = np.stack([table(matches).sum(0) for matches in fields.values()])
        images = sum(map(len, fields.values()))
        total = rows.sum(0)
        means.append([*ap(total)[[0, 5, 8]], f1(total)[0], count_error(total)[0]])
        a, b, c, f, e = means[-1]
        low, high = interval(rows)
        print(f"| {name} | {images}, {len(rows)} | {total[1]:.0f} | {a:.3f} ({low[0]:.3f} to "
              f"{high[0]:.3f}) | {b:.3f} ({low[5]:.3f} to {high[5]:.3f}) | {c:.3f} | {f:.3f} | "
              f"{e:.1%} |")  # fmt: skip
    a, b, c, f, e = np.mean(means, 0)
    print(f"| mean | | | {a:.3f} | {b:.3f} | {c:.3f} | {f:.3f} | {e:.1%} |")


def interval(rows: np.ndarray) -> np.ndarray:
    """(2, 10) the ends of AP's interval, of sums (fields, 15)."""
    even = np.full(len(rows), 1 / len(rows))
    drawn = np.random.default_rng(SEED).multinomial(len(rows), even, DRAWS)
    tail = (100 - LEVEL) / 2
    return np.percentile(ap(drawn @ rows), [tail, 100 - tail], axis=0)


main()
