"""What a user asks of `segment`, beyond the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from imgconv.errors import UsageError
from imgconv.images.pixelsize import depth_and_interval
from imgconv.tasks.fields_of_view import channel_of, stack_of
from imgconv.tasks.labels.select import Selection, Size
from imgconv.tasks.link.stack import Links, with_depth
from imgconv.tasks.link.tracks import GAP
from imgconv.tasks.measure.spots import CONTRAST, Spots
from imgconv.tasks.positions import Positions
from imgconv.tasks.quantities import Quantity, pixel_sides, quantity
from imgconv.tasks.segment.results import Results
from imgconv.tasks.segment.spots import SpotsIn

SPOT = 4.0  # pixels: the usual diameter of a spot


@dataclass(frozen=True)
class Settings:
    """What the user asked for, beyond the model."""

    diameter: Quantity | None = None
    min_area: Quantity | None = None
    max_area: Quantity | None = None
    exclude_border: bool = False
    channel: str | None = None
    axes: str | None = None
    size: Size = None  # of a pixel in µm, before what the file says
    position: str | None = None
    links: Links = Links()  # noqa: RUF009 (immutable)
    max_step: Quantity | None = None
    z_step: float | None = None  # µm
    spots: str | None = None  # the channel
    spot_size: Quantity | None = None
    spot_contrast: float = CONTRAST
    match_axes: bool = False

    def results(
        self, found: Positions, image: str, name: str, kinds: Iterable[str] = ()
    ) -> Results:
        """Results, without a field yet, of a file called `image` in tables, `name` in messages."""
        stack = stack_of(found.info, name, self.axes, self.channel, found.names, found.channels)
        size = self.size or found.size
        self.links.check(stack, name)
        results = Results(image, stack, found.info, size, frozenset(kinds), name)
        results.z_step, results.match_axes = self.z_step, self.match_axes
        if self.spots is not None:
            place = channel_of(found.info, name, stack, self.spots, found.channels)
            across = self.spot_size.pixels(size) if self.spot_size else SPOT
            results.spots = SpotsIn(place, Spots(across, self.spot_contrast))
        return results

    def linking(self, results: Results) -> Links:
        """What is linked, in pixels of the file."""
        size = results.size
        reach = self.max_step.pixels(size) if self.max_step else None
        depth = self.z_step or depth_and_interval(results.info).get("spacing")
        side = (size[0] * size[1]) ** 0.5 if size else None
        return with_depth(replace(self.links, reach=reach), depth, side)

    @property
    def is_linked(self) -> bool:
        return self.links.track or self.links.link_z

    def across(self, size: Size) -> float | None:
        """The diameter that was given, in pixels. Raises UsageError for less than one."""
        found = self.diameter.pixels(size) if self.diameter else None
        if found is not None and found < 1:
            raise UsageError(
                f"{self.diameter} is less than a pixel: give that of a typical object, in pixels "
                "(30) or micrometres (9um)"
            )
        return found

    def selection(self, size: Size) -> Selection:
        least = self.min_area.pixels(size) if self.min_area else 0
        most = self.max_area.pixels(size) if self.max_area else float("inf")
        return Selection(least, most, self.exclude_border)


def settings_of(
    *,
    diameter: Any,
    channel: int | str | None,
    axes: str | None,
    pixel_size: Any,
    min_area: Any,
    max_area: Any,
    exclude_border: bool,
    position: int | str | None = None,
    track: bool = False,
    max_step: Any = None,
    max_gap: int = GAP,
    link_z: bool = False,
    z_step: float | None = None,
    spots: int | str | None = None,
    spot_size: Any = None,
    spot_contrast: float = CONTRAST,
    match_axes: bool = False,
) -> Settings:
    """The settings as typed, or as Python has them. Raises UsageError."""
    found = Settings(
        diameter=quantity("diameter", diameter, 1),
        min_area=quantity("min_area", min_area, 2),
        max_area=quantity("max_area", max_area, 2),
        exclude_border=exclude_border,
        channel=None if channel is None else str(channel),
        axes=axes,
        size=pixel_sides(pixel_size),
        position=None if position is None else str(position),
        links=Links(track, link_z, gap=max_gap),
        max_step=quantity("max_step", max_step, 1),
        z_step=z_step,
        spots=None if spots is None else str(spots),
        spot_size=quantity("spot_size", spot_size, 1),
        spot_contrast=spot_contrast,
        match_axes=match_axes,
    )
    if found.diameter and not found.diameter.metric:
        found.across(None)
    return found
