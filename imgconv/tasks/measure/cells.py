"""To which cell a nucleus belongs, and what its cytoplasm holds."""

from __future__ import annotations

import numpy as np

from .intensity import in_labels
from .objects import Columns, Objects


def in_cells(nuclei: Objects, cells: np.ndarray) -> Columns:
    """The cell of `cells` (H, W) that shares most pixels with each nucleus, 0 for none.

    Columns: its number, the share of the nucleus in it, its area, how many nuclei it has, and the
    intensities of the cell and of its cytoplasm (the cell without any nucleus).
    """
    owner, share = _largest_overlap(nuclei, cells)
    numbers, places = np.unique(cells, return_inverse=True)
    owners = np.searchsorted(numbers, owner)
    many = np.where(owner > 0, np.bincount(owners)[owners], 0) if len(owner) else owner
    found: Columns = {"cell": owner, "nucleus_in_cell": share, "nuclei_in_cell": many}
    bare = np.where(nuclei.labels > 0, 0, cells)
    for head, labels in (("cell", cells), ("cytoplasm", bare)):
        found |= _of_owner(nuclei, labels, owner, numbers, places.reshape(cells.shape), head)
    return found


def _of_owner(
    nuclei: Objects,
    labels: np.ndarray,
    owner: np.ndarray,
    numbers: np.ndarray,
    places: np.ndarray,
    head: str,
) -> Columns:
    """What is measured of each cell, at its nuclei."""
    each = np.where(labels > 0, places + 1, 0)  # from 1 on, in the order of `numbers`
    whole = Objects(each, numbers, nuclei.pixels, nuclei.suffixes)
    at = np.searchsorted(numbers, owner)
    table = in_labels(each, whole, head)
    return {name: np.where(owner > 0, column[at], np.nan) for name, column in table.items()}


def _largest_overlap(nuclei: Objects, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = (nuclei.labels > 0) & (cells > 0)
    pairs = np.stack([nuclei.labels[both], cells[both]], axis=1)
    found, pixels = np.unique(pairs, axis=0, return_counts=True)
    owner, most = np.zeros(nuclei.count, np.int64), np.zeros(nuclei.count, np.int64)
    for (nucleus, cell), shared in zip(found, pixels, strict=True):
        if shared > most[nucleus - 1]:
            owner[nucleus - 1], most[nucleus - 1] = cell, shared
    return owner, most / np.maximum(nuclei.areas, 1)
