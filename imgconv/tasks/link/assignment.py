"""Pairs of the least total cost, where staying alone costs 1."""

from __future__ import annotations

import numpy as np

ALONE = 1.0
IMPORTS = ("scipy.optimize", "scipy.sparse.csgraph")  # a quarter of a second, where objects link


def assign(rows: np.ndarray, columns: np.ndarray, costs: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column), each at most once, of candidates with their costs.

    The sum of the costs, and of 1 for each row without a pair, is the least possible; candidates
    that cost 1 or more are none. Independent groups are solved one by one, so that thousands of
    objects take no time.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    good = costs < ALONE
    rows, columns, costs = rows[good], columns[good], costs[good]
    if not len(rows):
        return []
    row_names, r = np.unique(rows, return_inverse=True)
    column_names, c = np.unique(columns, return_inverse=True)
    many = len(row_names)
    size = many + len(column_names)
    graph = coo_matrix((np.ones(len(r)), (r, many + c)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    order = np.argsort(group[r], kind="stable")
    starts = np.flatnonzero(np.diff(group[r][order], prepend=-1))
    pairs = []
    for part in np.split(order, starts[1:]):
        pairs += _solve(r[part], c[part], costs[part])
    return [(int(row_names[a]), int(column_names[b])) for a, b in pairs]


def _solve(rows: np.ndarray, columns: np.ndarray, costs: np.ndarray) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment

    if len(rows) == 1:
        return [(rows[0], columns[0])]
    row_names, r = np.unique(rows, return_inverse=True)
    column_names, c = np.unique(columns, return_inverse=True)
    table = np.full((len(row_names), len(column_names) + len(row_names)), 1e6)
    table[r, c] = costs
    table[np.arange(len(row_names)), len(column_names) + np.arange(len(row_names))] = ALONE
    found = zip(*linear_sum_assignment(table), strict=True)
    return [(row_names[a], column_names[b]) for a, b in found if b < len(column_names)]
