"""Two images beside each other."""

from __future__ import annotations

from typing import Unpack

from imgconv.steps.diff import Comparison, Difference

from .arrays import ImageLike, Reading, source_of


def diff(
    image: ImageLike,
    other: ImageLike,
    *,
    tolerance: float = 0,
    metadata: bool = False,
    **reading: Unpack[Reading],
) -> Difference:
    """Compare two images: pixels channel by channel, and metadata.

    Parameters
    ----------
    image, other : array, Image or path
        ``(H, W)``, ``(H, W, C)``, or stacks with `axes`.
    tolerance : float, default 0
        Differences up to this are none; in levels of the first image (of floats in their own
        numbers).
    metadata : bool, default False
        Whether metadata that differs counts too; it is listed in any case.
    **reading
        See `imgconv.api.Reading`.

    Returns
    -------
    Difference
        `same`, and what differs: `largest`, `mean`, `planes` with their channels, `shapes`,
        `metadata`.

    Raises
    ------
    InputError
        An image cannot be read.

    Notes
    -----
    Images of other sizes, channels, types or numbers of planes differ, whatever the tolerance; what
    they have in common is compared, 8 and 16 bit and floats as light from black to white. SSIM is
    that of Wang and others (2004): a Gaussian of sigma 1.5 in windows of 11 pixels.

    Examples
    --------
    >>> grey = np.full((20, 20), 100, np.uint8)
    >>> found = imgconv.diff(grey, grey + 2, tolerance=1)
    >>> found.same, found.largest, round(found.planes[0][0].psnr, 2)
    (False, 2.0, 42.11)
    """
    with source_of(image, reading) as one, source_of(other, reading) as two:
        return Comparison(tolerance, metadata).of(one, two)
