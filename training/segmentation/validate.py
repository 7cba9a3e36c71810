"""How good the labels are: AP = TP / (TP + FP + FN), pooled over the images of a source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from imgconv.tasks.card import Card
from imgconv.tasks.segment.card import SEGMENT
from imgconv.tasks.segment.run import Network, segment

from .data import Example

THRESHOLDS = (0.5, 0.75, 0.9)


def overlaps(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU of every pair that touches; each row is one pair's IoU (no object is in two over 0.5)."""
    count = int(truth.max()) + 1
    pairs, both = np.unique(found.ravel() * count + truth.ravel(), return_counts=True)
    first, second = np.divmod(pairs, count)
    union = np.bincount(found.ravel())[first] + np.bincount(truth.ravel())[second] - both
    return np.asarray((both / union)[(first > 0) & (second > 0)])


def score(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(found, true, matches at each of THRESHOLDS) of one image."""
    iou = overlaps(found.astype(np.int64), truth.astype(np.int64))
    counts = [np.unique(labels[labels > 0]).size for labels in (found, truth)]
    return np.array([*counts, *((iou > t).sum() for t in THRESHOLDS)])


def summary(scores: Sequence[np.ndarray]) -> dict[str, float]:
    """AP at each threshold and the count error of images together."""
    table = np.array(scores)
    found, true = table[:, 0].sum(), table[:, 1].sum()
    hits = table[:, 2:].sum(0)
    ap = hits / np.maximum(found + true - hits, 1)
    result = {f"AP {t}": float(v) for t, v in zip(THRESHOLDS, ap, strict=True)}
    result["count error"] = float(np.abs(table[:, 0] - table[:, 1]).sum() / max(true, 1))
    return result


def network_of(module: nn.Module, multiple: int = 16) -> Network:
    """The network as `segment` wants it: (4, H, W) -> (3, H, W) raw maps, edges mirrored."""

    device = next(module.parameters()).device

    @torch.no_grad()
    def network(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[1:]
        pad = (0, -width % multiple, 0, -height % multiple)
        tensor = functional.pad(torch.from_numpy(image)[None].to(device), pad, mode="reflect")
        output = module(tensor.contiguous(memory_format=torch.channels_last))
        return np.ascontiguousarray(output[0, :, :height, :width].float().cpu().numpy())

    return network


def segment_card(card: Mapping[str, Any]) -> Card:
    """What `segment` takes from a model's card; the usual values where it is silent."""
    return SEGMENT.card(card.get("prepare"), card.get("read"))


def settings(card: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The same as the card holds it, every value written out."""
    used = segment_card(card)
    return {"prepare": dict(used.prepare), "read": dict(used.read)}


def group(example: Example, kinds: dict[str, set[str]]) -> str:
    """Its source, with the kind where a source has several."""
    several = len(kinds[example.source]) > 1
    return f"{example.source} {example.kind}" if several else example.source


def validate(
    module: nn.Module, examples: Sequence[Example], card: Mapping[str, Any] | None = None
) -> dict[str, dict[str, float]]:
    """AP and count error of each source, of a network on examples it has not seen; images are
    prepared and maps are read as its card says."""
    module.eval()
    network, used = network_of(module), segment_card(card or {})
    kinds: dict[str, set[str]] = defaultdict(set)
    for one in examples:
        kinds[one.source].add(one.kind)
    scores: dict[str, list[np.ndarray]] = defaultdict(list)
    for one in examples:
        found = segment(one.pixels, network, used).labels
        scores[group(one, kinds)].append(score(found, one.labels))
    return {name: summary(found) for name, found in sorted(scores.items())}
