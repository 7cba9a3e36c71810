"""Measurements of labels for Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from imgconv.errors import UsageError
from imgconv.images.limits import Values

from .arrays import ImageLike, is_path, source_of
from .records import Measurements, Plate

Length = float | str


def measure(
    labels: ImageLike,
    *images: ImageLike,
    cells: ImageLike | None = None,
    features: str | Sequence[str] | None = None,
    expand: Length | None = None,
    ring: tuple[float, float] | str | None = None,
    names: str | Sequence[str] | None = None,
    axes: str | None = None,
    pixel_size: float | tuple[float, float] | str | None = None,
    max_pixels: int | None = None,
    allow_truncated: bool = False,
) -> Measurements:
    """Measure labels of any tool on the images that they lie on.

    Parameters
    ----------
    labels : array, Image or path
        Whole numbers ``(H, W)``, 0 is background; or a stack of them.
    *images : array, Image or path
        The images: ``(H, W)``, ``(H, W, C)``, or stacks with as many planes as the labels.
    cells : array, Image or path, optional
        Labels of the cells, if `labels` are their nuclei: which cell each belongs to, and the
        intensities of cell and cytoplasm.
    features : str or sequence of str, optional
        Of shape, intensity, form, spread, background, texture, granularity, neighbours; or "all".
        Default: shape and intensity, the table of `segment`.
    expand : float or str, optional
        Measure also the objects grown by so many pixels, or "2um"; they do not overlap.
    ring : pair or str, optional
        Measure also what lies from A to B outside each object: (1, 5), "1-3um".
    names : str or sequence of str, optional
        What the channels of all images are called. Default: c1, c2 ...; none for a single one.
    axes : str, optional
        What the axes of stacks are, of arrays, or if their files do not say it: ZYX, TCYX.
    pixel_size : float, pair or str, optional
        Width (and height) of a pixel in micrometres. Default: as the first image says.
    max_pixels, allow_truncated : optional
        As `open`.

    Returns
    -------
    Measurements
        A dict of columns, a row for each object; docs/measurements.md defines them.

    Raises
    ------
    UsageError, InputError
        Wrong options; labels and images that do not belong together.

    Examples
    --------
    >>> labels = np.zeros((20, 20), int)
    >>> labels[2:8, 2:8] = 7
    >>> found = imgconv.measure(labels, labels * 10.0, ring=(0, 2))
    >>> found["label"][0], found["intensity_mean"][0], found["ring_intensity_mean"][0]
    (np.int64(7), np.float64(70.0), np.float64(0.0))
    """
    from imgconv.steps.measure import measured, settings_of

    if not images:
        raise UsageError("measure needs labels and at least one image")
    settings = settings_of(
        features=features, expand=expand, ring=ring, names=names, axes=axes, pixel_size=pixel_size
    )
    reading = {"max_pixels": max_pixels, "allow_truncated": allow_truncated}
    planes = axes and "".join(axis for axis in axes.upper() if axis not in "CS")
    with ExitStack() as opened:

        def enter(image: Any, values: Values, letters: str | None) -> Any:
            given = {**reading, "axes": None if is_path(image) else letters}
            return opened.enter_context(source_of(image, given, values))

        on = [enter(image, "measured", axes) for image in images]
        beside = enter(cells, "labels", planes) if cells is not None else None
        table = measured(enter(labels, "labels", planes), on, settings, beside)
    columns = {name: np.array([row[name] for row in table.rows]) for name in table.columns}
    return Measurements(columns)


PathLike = str | os.PathLike[str]


def plate(
    tables: PathLike | Sequence[PathLike] | Mapping[str, Measurements],
    *,
    plate_map: PathLike | None = None,
    name_pattern: str = "auto",
) -> Plate:
    """Sum up a plate: counts, means, medians and deviations of each well, with the plate's map.

    Parameters
    ----------
    tables : path, sequence of paths or mapping
        Tables that `segment` or `measure` wrote, or the folders of them; or the measurements by the
        names of their images.
    plate_map : path, optional
        What is in the wells: a CSV with a column well (A01 or A1) and any others, which are joined.
    name_pattern : str, optional
        How image names tell the well, where tables have no such column: auto, imagexpress, opera,
        cellvoyager, scanr, incucyte, micromanager, or your own: "{well}_{site}.tif".

    Returns
    -------
    Plate
        `wells` and `objects`, each a dict of columns.

    Raises
    ------
    UsageError, InputError
        Names that do not fit the pattern; tables that are none of objects; a map without wells.

    Examples
    --------
    >>> dots = np.zeros((64, 64), np.uint16)
    >>> dots[8:28, 8:28] = dots[36:56, 30:50] = 500
    >>> found = imgconv.measure(dots // 500, dots)
    >>> plate = imgconv.plate({"A01.tif": found, "b7.tif": found}, name_pattern="{well}.tif")
    >>> plate.wells["well"].tolist(), plate.wells["intensity_mean_mean"].tolist()
    (['A01', 'B07'], [500.0, 500.0])
    """
    from imgconv.tasks.plate import wells
    from imgconv.tasks.plate.names import name_pattern as pattern_of

    pattern = pattern_of(name_pattern)
    known = wells.plate_map(os.fspath(plate_map))[1] if plate_map is not None else {}
    if isinstance(tables, Mapping):
        rows, images = wells.objects_of(tables, pattern)
    else:
        several = [tables] if isinstance(tables, str | os.PathLike) else tables
        rows, images = wells.objects(wells.tables([os.fspath(t) for t in several]), pattern)
    columns, found = wells.wells(rows, images, known)
    return Plate(_columns(columns, found), _columns(*wells.mapped(rows, known)))


def _columns(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Measurements:
    """Numbers where a column has nothing else, NaN for what is missing; else texts."""
    found = Measurements()
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            numbers = [float("nan") if v in (None, "") else float(v) for v in values]
            whole = all(str(v).isdecimal() for v in values)
            found[name] = np.array(numbers, int if whole and values else float)
        except (TypeError, ValueError):
            found[name] = np.array(["" if v is None else str(v) for v in values])
    return found
