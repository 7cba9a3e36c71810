"""Outlines as GeoJSON, as QuPath (0.4 and later) imports them: one detection a label.

Coordinates are pixels of the full image. The outer rings of `outlines` enclose a positive area, as
RFC 7946 wants them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from .outline import Polygon, Ring


class Features:
    """A FeatureCollection that grows by one feature a label; `write` puts it into a file."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(
        self,
        name: str,
        parts: list[Polygon],
        place: Mapping[str, int],
        measurements: Mapping[str, float],
    ) -> None:
        """One label; `place` says where in a stack it lies, {"T": 2, "Z": 1}, from 1."""
        one = {
            "type": "Feature",
            "geometry": geometry(parts, place),
            "properties": {
                "objectType": "detection",
                "name": name,
                "measurements": dict(measurements),
            },
        }
        self._lines.append(json.dumps(one, separators=(",", ":"), allow_nan=False))

    def write(self, file: BinaryIO) -> None:
        file.write(b'{"type":"FeatureCollection","features":[\n')
        file.write(",\n".join(self._lines).encode())
        file.write(b"\n]}\n")


def geometry(parts: list[Polygon], place: Mapping[str, int]) -> dict[str, Any]:
    """A Polygon or MultiPolygon; QuPath reads "plane" for images of several planes."""
    coordinates = [[_close(ring) for ring in (part.outer, *part.holes)] for part in parts]
    one = len(coordinates) == 1
    found: dict[str, Any] = {
        "type": "Polygon" if one else "MultiPolygon",
        "coordinates": coordinates[0] if one else coordinates,
    }
    where = {"c": -1, "z": place.get("Z", 1) - 1, "t": place.get("T", 1) - 1}
    return found | ({"plane": where} if where["z"] or where["t"] else {})


def _close(ring: Ring) -> list[tuple[int, int]]:
    return [*ring, ring[0]]
