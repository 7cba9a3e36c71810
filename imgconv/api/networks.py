"""The tasks that bundled networks are made for, on arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Unpack

import numpy as np

from imgconv.errors import InputError, UsageError
from imgconv.steps.values import Number

from .arrays import ImageLike, Reading, apply_operation, file_options, is_path, source_of
from .models import ModelLike
from .records import Measurements, Score, Scores, Segmentation


def denoise(
    image: ImageLike,
    *,
    model: ModelLike | None = None,
    method: Literal["nlm", "bilateral", "tv", "wavelet", "median"] | None = None,
    sigma: float | None = None,
    strength: float = 1.0,
    luma: float | None = None,
    chroma: float | None = None,
    best: bool = False,
    **reading: Unpack[Reading],
) -> np.ndarray:
    """Take noise out of photographs, scans and micrographs, or crosshairs and hairlines.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`; no channel is alpha without `channels`.
    model : str, path or Model, optional
        photo, micro (the mean is kept), crosshair, or a file. Default: photo.
    method : str, optional
        Without a network, by scikit-image.
    sigma : float, optional
        The noise's standard deviation in 1/255 of full scale (which is 1 for floats). Default:
        found in the image.
    strength : float, default 1.0
        How much of it is taken out, 0 to 1.
    luma, chroma : float, optional
        The same for the brightness (R + G + B) / 3 and for the colour around it.
    best : bool, default False
        The mean over the image's eight orientations, in eight times the time (photo, micro).
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    ndarray
        Of the image's shape and type.

    Raises
    ------
    UsageError, InputError
        As `filter`.

    Notes
    -----
    `docs/DENOISING.md` says how the networks work and how good they are.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(128, 20, (64, 64)).clip(0, 255).astype(np.uint8)
    >>> clean = imgconv.denoise(noisy)
    >>> bool(clean.std() < noisy.std() / 4)
    True
    """
    from imgconv.steps.denoise import clean_plane

    operation = clean_plane(
        model=model, method=method, sigma=sigma, strength=strength, luma=luma, chroma=chroma,
        best=best,
    )  # fmt: skip
    return apply_operation(operation, image, reading)


def colorize(
    image: ImageLike,
    *,
    model: ModelLike = "photo",
    saturation: float = 1.0,
    hint: Any = None,
    mix: float = 0.0,
    **reading: Unpack[Reading],
) -> np.ndarray:
    """Colour a grey photo: plausible colours, not the true ones, which grey does not hold.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or a stack with `axes`. What is in colour is made grey first.
    model : str, path or Model, default "photo"
        See `load_model`.
    saturation : float, default 1.0
        Times the colour, 0 to 4.
    hint : str, tuple, array, path or sequence of these, optional
        A colour that you know, at a pixel: ``(x, y, "#rrggbb")`` or "120,80,#3b5d38"; or an image
        of the same size with colours painted on the grey picture, or on a transparent one.
    mix : float, default 0.0
        How much to keep of the colour that the image has, 0 to 1.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    ndarray
        RGB ``(..., H, W, 3)``, or RGBA, in the image's type; brightness as it was.

    Raises
    ------
    UsageError, InputError
        As `filter`.

    Notes
    -----
    `docs/COLORIZING.md` says how it works and how good it is.

    Examples
    --------
    >>> imgconv.colorize(np.full((32, 32), 90, np.uint8), hint=(16, 16, "#b01510")).shape
    (32, 32, 3)
    """
    from imgconv.steps.colorize import colorize_plane

    operation = colorize_plane(
        model=model, saturation=saturation, hint=hint, mix=mix, reading=file_options(reading)
    )
    return apply_operation(operation, image, reading)


def segment(
    image: ImageLike,
    *,
    model: ModelLike = "nuclei",
    diameter: Number | None = None,
    channel: int | str | None = None,
    axes: str | None = None,
    pixel_size: float | tuple[float, float] | str | None = None,
    min_area: Number | None = None,
    max_area: Number | None = None,
    exclude_border: bool = False,
    threshold: float | None = None,
    position: int | str | None = None,
    track: bool = False,
    max_step: Number | None = None,
    max_gap: int = 2,
    link_z: bool = False,
    z_step: float | None = None,
    spots: int | str | None = None,
    spot_size: Number | None = None,
    spot_contrast: float = 4.0,
    max_pixels: int | None = None,
    allow_truncated: bool = False,
) -> Segmentation:
    """Find nuclei or cells, and measure them.

    Parameters
    ----------
    image : array, Image or path
        ``(H, W)`` grey, ``(H, W, 3)`` RGB, or a stack with `axes`; each plane on its own.
    model : str, path or Model, default "nuclei"
        nuclei, cells (whole cells in phase contrast), or a file.
    diameter : float or str, optional
        Of a typical object, in pixels (30) or micrometres ("9um"). Default: found in the image.
    channel : int or str, optional
        The channel that shows the objects, from 1, or its name; "rgb" if three are colours.
    axes : str, optional
        What the axes of a stack are: ZYX, TYX, TCYX. Of an array, or if its file does not say it.
    pixel_size : float, pair or str, optional
        Width (and height) of a pixel in micrometres. Default: as the file says.
    min_area, max_area : float or str, optional
        Drop smaller and larger objects: 50 pixels, or "20um2".
    exclude_border : bool, default False
        Drop objects that touch the border of the image.
    threshold : float, optional
        Probability from which a pixel is inside an object, 0.01 to 0.99. Default: the model's.
    position : int or str, optional
        One of the images that a file holds, by number from 1 or by name. Default: all positions.
    track : bool, default False
        Link objects over time: they keep their number, and `tracks` has a table of them.
    max_step, max_gap : optional
        With `track`: how far an object moves from one time to the next at most (pixels, or "5um";
        default 1.5 diameters), and in how many it may be missed.
    link_z : bool, default False
        Join the planes of a stack into objects in space, measured in `volumes`.
    z_step : float, optional
        Micrometres from plane to plane. Default: as the file says.
    spots : int or str, optional
        Find spots of this channel in each object: counts in `measurements`, each in `spots`.
    spot_size, spot_contrast : optional
        Diameter of a spot (4 pixels, or "0.5um"); how far it stands out, in standard deviations.
    max_pixels, allow_truncated : optional
        As `open`.

    Returns
    -------
    Segmentation
        `labels`, `measurements`, `overlay` and more.

    Raises
    ------
    UsageError, InputError
        As `filter`; or the axes, the channel or the pixel size have to be given.

    Notes
    -----
    ``imgconv models show nuclei`` says what the network was trained on and where it fails.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> discs = sum((y - r) ** 2 + (x - c) ** 2 < 144 for r, c in [(25, 30), (65, 60)])
    >>> found = imgconv.segment(discs.astype(np.uint16) * 900 + 100)
    >>> found.count, found.labels.shape, round(found.measurements["centroid_x_px"][0])
    (2, (96, 96), 30)
    """
    from imgconv.images.bands import whole_of
    from imgconv.steps.segment import segmentation_of
    from imgconv.steps.segment_settings import settings_of
    from imgconv.tasks.positions import positions_of
    from imgconv.tasks.segment.linked import tracks_table, volumes_table
    from imgconv.tasks.segment.spots import COLUMNS as SPOTS

    array_axes = None if is_path(image) else axes
    reading = {"axes": array_axes, "max_pixels": max_pixels, "allow_truncated": allow_truncated}
    settings = settings_of(
        diameter=diameter, channel=channel, axes=axes, pixel_size=pixel_size,
        min_area=min_area, max_area=max_area, exclude_border=exclude_border, position=position,
        track=track, max_step=max_step, max_gap=max_gap, link_z=link_z, z_step=z_step,
        spots=spots, spot_size=spot_size, spot_contrast=spot_contrast,
    )  # fmt: skip
    step = segmentation_of(model, settings, threshold)
    with source_of(image, reading, "measured") as source:
        seen = positions_of(source, settings.position)
        kinds = ("overlay", "table", "probability")
        results = settings.results(seen, source.name, source.name, kinds)
        maps = [whole_of(plane)[..., 0] for plane in step.fields(seen, results, [])]
        stack, plane = results.stack.sizes, maps[0].shape
        labels = np.stack([one.astype(np.int32) for one in results.labels.planes()])
        columns = results.table_columns()[1:]
        return Segmentation(
            labels=labels.reshape(*stack, *plane),
            measurements=_measurements(columns, results.rows),
            tracks=_measurements(*tracks_table(results)) if track else None,
            volumes=_measurements(*volumes_table(results)) if link_z else None,
            spots=_measurements(SPOTS, results.spot_rows) if results.spots else None,
            overlay=results.picture(),
            probability=np.stack(maps).reshape(*stack, *plane),
            diameter=results.totals().get("diameter_px"),
            pixel_size=results.size,
            doubt=results.doubt,
        )


def _measurements(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Measurements:
    return Measurements((name, np.array([row[name] for row in rows])) for name in columns)


def evaluate(
    labels: ImageLike | Sequence[ImageLike],
    truth: ImageLike | Sequence[ImageLike],
    *,
    recursive: bool = False,
    max_pixels: int | None = None,
    allow_truncated: bool = False,
) -> Scores:
    """Score label images against the truth.

    Parameters
    ----------
    labels, truth : array, path, or lists of these
        Integers ``(H, W)``, 0 is background; or two files, or two folders, whose files belong
        together by their names.
    recursive : bool, default False
        Look into the folders of folders too.
    max_pixels, allow_truncated : optional
        As `open`.

    Returns
    -------
    Scores
        AP, precision, recall, F1, count error and the aggregated Jaccard index.

    Raises
    ------
    UsageError, InputError
        Two images differ in size, are no labels, or have no counterpart.

    Examples
    --------
    >>> truth = np.zeros((20, 20), int)
    >>> truth[2:8, 2:8], truth[12:18, 12:18] = 1, 2
    >>> imgconv.evaluate(np.where(truth == 1, 1, 0), truth).recall.value[0]
    0.5
    """
    from imgconv.tasks.labels.match import match
    from imgconv.tasks.labels.scores import image_scores, scores
    from imgconv.tasks.labels.truth import planes_together

    reading = {"max_pixels": max_pixels, "allow_truncated": allow_truncated}
    matches, names = [], []
    for mine, theirs, name in _pairs(labels, truth, recursive):
        with source_of(mine, reading, "labels") as a, source_of(theirs, reading, "labels") as b:
            found = [match(*planes) for planes in planes_together(a, b)]
        matches += found
        names += [f"{name}:{n}" if len(found) > 1 else name for n in range(1, len(found) + 1)]
    if not matches:
        raise UsageError("there are no label images")
    known = scores(matches)
    each = [{"image": n, **image_scores(m)} for n, m in zip(names, matches, strict=True)]
    del known["bootstrap"]
    parts: dict[str, Any] = {
        key: Score(**one) if isinstance(one, dict) else one for key, one in known.items()
    }
    return Scores(**parts, each=each)


def _pairs(labels: Any, truth: Any, recursive: bool) -> Iterator[tuple[Any, Any, str]]:
    """Labels, truth and a name of each pair."""
    from imgconv.tasks.labels.truth import pairs

    if is_path(labels) and is_path(truth):
        for mine, theirs, error in pairs(os.fspath(labels), os.fspath(truth), recursive):
            if error:
                raise InputError(f"{mine}: {error}")
            yield mine, theirs, str(mine)
        return
    several = isinstance(labels, (list, tuple)) and isinstance(truth, (list, tuple))
    if several and len(labels) != len(truth):
        raise UsageError(f"there are {len(labels)} labels and {len(truth)} truths")
    every = zip(labels, truth, strict=True) if several else [(labels, truth)]
    for number, (mine, theirs) in enumerate(every, 1):
        yield mine, theirs, str(mine) if is_path(mine) else f"array {number}"
