"""How wrong the maps are: one number, the sum of a term for each kind of map."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def loss(output: Tensor, target: Tensor) -> Tensor:
    """output (N, 4, H, W) raw, target (N, 5, H, W): the maps of `targets`, then what counts."""
    valid = target[:, 4]
    inside, touching = target[:, 0], target[:, 1]
    # The seams decide whether two nuclei are counted or one, and are few: they weigh more.
    weight = valid * (1 + 3 * touching)
    area = valid.sum() + 1
    cross = functional.binary_cross_entropy_with_logits(output[:, 0], inside, reduction="none")
    seam = functional.binary_cross_entropy_with_logits(
        output[:, 1], touching, pos_weight=output.new_tensor(3.0), reduction="none"
    )
    distance = functional.smooth_l1_loss(output[:, 2], target[:, 2], beta=0.1, reduction="none")
    size = functional.smooth_l1_loss(output[:, 3], target[:, 3], beta=0.1, reduction="none")
    objects = (valid * inside).sum() + 1
    return (
        (weight * cross).sum() / area
        + 0.5 * overlap(output[:, 0].sigmoid(), inside, valid)
        + 0.5 * (valid * seam).sum() / area
        + 2.0 * (weight * distance).sum() / area
        + 0.2 * (valid * inside * size).sum() / objects
    )


def overlap(probability: Tensor, inside: Tensor, valid: Tensor) -> Tensor:
    """1 - Dice over the whole batch."""
    both = (probability * inside * valid).sum()
    return 1 - (2 * both + 1) / (((probability + inside) * valid).sum() + 1)
