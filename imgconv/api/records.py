"""What functions of several results return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


class Measurements(dict[str, np.ndarray]):
    """The table of ``imgconv segment``: a column of each name, a row of each object.

    `docs/measurements.md` defines every column and its unit. `plane` counts the planes of a stack
    from 1, `label` is the object's number in its labels.
    """

    @property
    def rows(self) -> int:
        """How many objects there are, or wells."""
        return len(next(iter(self.values()), ()))

    def to_pandas(self) -> Any:
        """The table as a pandas.DataFrame; pandas has to be installed."""
        from pandas import DataFrame

        return DataFrame(dict(self))


@dataclass(frozen=True, eq=False)
class Plate:
    """What `plate` sums up.

    Attributes
    ----------
    wells : Measurements
        A row for each well: the map's columns, `images`, `count`, and of each property its mean,
        median and standard deviation over the objects. NaN, or "" of a text, is what is not known.
    objects : Measurements
        A row for each object, with its `well` and what the map says of it.
    """

    wells: Measurements
    objects: Measurements


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What was found in an image.

    Attributes
    ----------
    labels : ndarray
        int32 ``(H, W)``, after the axes of a stack: 0 is background, 1 to n are the objects.
    measurements : Measurements
        A dict of columns.
    overlay : ndarray
        uint8 ``(h, w, 3)``: outlines and numbers on the image, to look at.
    probability : ndarray
        float32, as `labels`: how likely a pixel is inside an object.
    diameter : float or None
        Of a typical object in pixels, as given or found: the median of the planes.
    pixel_size : (float, float) or None
        Width and height of a pixel in micrometres, as given or as the file says.
    doubt : tuple of str
        Why the numbers may be wrong, in a word or two each; empty as a rule.
    tracks, volumes, spots : Measurements or None
        The tables of objects over time, in space, and of the spots in them, where asked for.
    """

    labels: np.ndarray
    measurements: Measurements
    overlay: np.ndarray
    probability: np.ndarray
    diameter: float | None
    pixel_size: tuple[float, float] | None
    tracks: Measurements | None = None
    volumes: Measurements | None = None
    spots: Measurements | None = None
    doubt: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many objects there are, in all planes."""
        return self.measurements.rows


@dataclass(frozen=True)
class Score:
    """A number for all images, or one for each threshold, and its interval of 95 %.

    The interval is that of 2000 drawings of the images with replacement, None of a single one.
    """

    value: float | list[float | None] | None
    low: float | list[float | None] | None = None
    high: float | list[float | None] | None = None


@dataclass(frozen=True)
class Scores:
    """How good labels are, against the truth.

    Attributes
    ----------
    images, objects_found, objects_true : int
        How many there are.
    thresholds : list of float
        Overlaps (IoU) above which two objects match: 0.5 to 0.95.
    ap, precision, recall, f1 : Score
        At each threshold, over the objects of all images; AP is TP / (TP + FP + FN).
    count_error : Score
        The sum of \\|found - true\\| over the sum of true.
    aji : Score
        The aggregated Jaccard index (Kumar et al. 2017).
    ap_mean_over_images, ap_mean_over_thresholds : Score
        The mean of the images' AP at each threshold, and of AP from 0.5 to 0.95.
    each : list of dict
        The scores of every image.
    """

    images: int
    objects_found: int
    objects_true: int
    thresholds: list[float]
    ap: Score
    precision: Score
    recall: Score
    f1: Score
    count_error: Score
    aji: Score
    ap_mean_over_images: Score
    ap_mean_over_thresholds: Score
    each: list[dict[str, Any]]
