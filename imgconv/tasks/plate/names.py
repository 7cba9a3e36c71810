"""What the names of a plate's files say: well, site, channel, time, plane.

Each pattern is a maker's convention; a user's own has the same named groups, as a regular
expression, or in short as {well}_{site}_{channel}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from imgconv.errors import InputError, UsageError

# After the folder's name, where that says something.
PRESETS: dict[str, str] = {
    # Plate_A01_s1_w1GUID.tif, in TimePoint_1/ZStep_2; thumbnails are none.
    "imagexpress": r"(?:.*TimePoint_(?P<t>\d+)/)?(?:.*ZStep_(?P<z>\d+)/)?(?:[^/]*/)*"
    r"(?:(?P<plate>[^/]*)_)?(?P<well>[A-P]\d{2})(?:_s(?P<site>\d+))?"
    r"(?:_w(?P<channel>\d))?(?!_thumb)(?:_z(?P<depth>\d+))?[0-9A-F-]*\.tiff?",
    # Phenix and Operetta: r01c02f03p04-ch1sk2fk1fl1.tiff
    "opera": r".*r(?P<row>\d{2})c(?P<column>\d{2})f(?P<site>\d+)p(?P<z>\d+)(?:rc\d+)?"
    r"-ch(?P<channel>\d+)sk(?P<t>\d+)fk\d+fl\d+\.tiff?",
    # Plate_B03_T0001F001L01A01Z01C01.tif
    "cellvoyager": r"(?:.*/)?(?:(?P<plate>[^/]*)_)?(?P<well>[A-P]\d{2})_"
    r"T(?P<t>\d{4})F(?P<site>\d{3})L\d{2}A\d{2}Z(?P<z>\d{2})C(?P<channel>\d{2})\.(?:tiff?|png)",
    # A1--W00001--P00001--Z00000--T00000--DAPI.tif
    "scanr": r"(?:.*/)?(?P<name>[^/]*?)--W(?P<well>\d{5})--P(?P<site>\d{5})--Z(?P<z>\d{5})"
    r"--T(?P<t>\d{5})--(?P<channel>[^/]+?)\.tiff?",
    # Phase_A1_1_00d06h00m.tif
    "incucyte": r"(?:.*/)?(?P<channel>[^/]*?)_(?P<well>[A-P]\d{1,2})_(?P<site>\d+)_"
    r"(?P<days>\d{2,})d(?P<hours>\d{2})h(?P<minutes>\d{2})m\.(?:tiff?|png|jpe?g)",
    # scan_1_MMStack_A1-Site_0.ome.tif, x_MMStack_2-Pos_001_000.ome.tif, img_channel000_...
    "micromanager": r"(?:.*/)?(?:[^/]*_MMStack_(?:(?P<well>[A-P]\d{1,2})-Site_(?P<site>\d+)|"
    r"(?P<position>[^/]*?))(?:\.ome)?\.tiff?|img_channel(?P<channel>\d+)_position(?P<place>\d+)_"
    r"time(?P<t>\d+)_z(?P<z>\d+)\.tiff?)",
}
GROUPS = ("plate", "well", "row", "column", "site", "channel", "t", "z")
SHORT = {  # of the groups in a {short} pattern
    "well": r"[A-Pa-p]\d{1,2}", "row": r"[A-Pa-p]|\d+", "column": r"\d+", "site": r"\d+",
    "t": r"\d+", "z": r"\d+", "plate": r"[^/]+", "channel": r"[^/_.]+",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where an image of a plate belongs; "" for what its name does not say."""

    plate: str = ""
    well: str = ""
    site: str = ""
    channel: str = ""
    t: str = ""
    z: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """As tables have it: what the name says."""
        named = ("plate", "well", "site", "t", "z")
        return {name: value for name in named if (value := getattr(self, name))}

    @property
    def field(self) -> Place:
        """Without the channel: what files of one image have in common."""
        return Place(self.plate, self.well, self.site, "", self.t, self.z)


@dataclass(frozen=True)
class NamePattern:
    """Reads names by regular expressions, the first that fits."""

    words: str
    patterns: tuple[str, ...]

    def __call__(self, path: str) -> Place:
        """Raises InputError for a name that does not fit."""
        text = PurePath(path).as_posix()
        for pattern in self.patterns:
            found = re.fullmatch(pattern, text) or re.fullmatch(pattern, PurePath(path).name)
            if found:
                return _place({k: v for k, v in found.groupdict().items() if v})
        raise InputError(
            f"{path}: its name is none of `name_pattern={self.words!r}`; give one that fits, such "
            "as `name_pattern='{well}_{site}_{channel}.tif'`, or leave the file out"
        )


def name_pattern(text: str) -> NamePattern:
    """ "auto", a preset's name, a regular expression with named groups, or {short} groups.

    Raises UsageError.
    """
    if text == "auto":
        return NamePattern(text, tuple(PRESETS.values()))
    if text.lower() in PRESETS:
        return NamePattern(text, (PRESETS[text.lower()],))
    pattern = text if "(?P<" in text else _long(text)
    try:
        groups = set(re.compile(pattern).groupindex)
    except re.error as error:
        raise UsageError(f"`name_pattern={text!r}`: {error}") from None
    wrong = groups - set(GROUPS)
    if not groups or wrong:
        found = f"there is no {', '.join(sorted(wrong))}" if wrong else "it has no group"
        raise UsageError(
            f"`name_pattern={text!r}`: {found}; give auto, {', '.join(PRESETS)}, or a pattern of "
            f"{', '.join('{' + group + '}' for group in GROUPS)}"
        )
    return NamePattern(text, (f"(?:.*/)?{pattern}",))


def _long(text: str) -> str:
    """The regular expression of "{well}_s{site}*.tif", where * is anything."""
    parts = re.split(r"\{(\w+)\}", text)
    found = []
    for n, part in enumerate(parts):
        inside = SHORT.get(part, r"[^/]+?")
        found.append(f"(?P<{part}>{inside})" if n % 2 else re.escape(part).replace(r"\*", "[^/]*"))
    return "".join(found)


def _place(found: dict[str, str]) -> Place:
    time = found.get("t", "")
    if "days" in found:  # Incucyte's times, in hours
        minutes = int(found["minutes"]) + 60 * (int(found["hours"]) + 24 * int(found["days"]))
        time = f"{minutes / 60:.6g}"
    else:
        time = _plain(time)
    site = found.get("site") or found.get("position") or found.get("place") or ""
    return Place(
        found.get("plate", ""), _well(found), _plain(site), _plain(found.get("channel", "")),
        time, _plain(found.get("z") or found.get("depth") or ""),
    )  # fmt: skip


def _plain(text: str) -> str:
    """A number without leading zeros."""
    return str(int(text)) if text.isdecimal() else text


def _well(found: dict[str, str]) -> str:
    """A01: of a name, of row and column, or of ScanR's name before the number."""
    if "row" in found and "column" in found:
        row = found["row"]
        return well_named((row if row.isalpha() else _letters(int(row))) + found["column"])
    name = found.get("name", "")
    if "name" in found:
        return well_named(name) if re.fullmatch(r"[A-P]\d{1,2}", name) else f"W{int(found['well'])}"
    return well_named(found.get("well", ""))


def _letters(row: int) -> str:
    """A, B ... Z, AA of a row from 1."""
    return ("" if row <= 26 else chr(64 + (row - 1) // 26)) + chr(65 + (row - 1) % 26)


def well_named(text: str) -> str:
    """One spelling for each well: A1, a01 and A001 are A01; what is none stays as it is."""
    found = re.fullmatch(r"\s*([A-Za-z]{1,2})\s*0*(\d{1,2})\s*", text)
    return f"{found[1].upper()}{int(found[2]):02d}" if found else text.strip()


def groups(paths: Iterable[str], pattern: NamePattern) -> dict[str, tuple[str, ...]]:
    """Files of one image by the first of them: its channels in order. Raises InputError if two
    files have the same place and channel."""
    found: dict[tuple[str, Place], dict[str, str]] = {}
    for path in paths:
        place = pattern(path)
        folder = PurePath(path).parent.as_posix()
        channels = found.setdefault((folder, place.field), {})
        if place.channel in channels:
            raise InputError(
                f"{channels[place.channel]} and {path}: have the same place and channel by "
                f"`name_pattern={pattern.words!r}`; give one that tells them apart"
            )
        channels[place.channel] = path
    ordered = [[files[c] for c in sorted(files, key=_order)] for files in found.values()]
    return {files[0]: tuple(files) for files in ordered}


def channel_files(path: str, others: Iterable[str], pattern: NamePattern) -> tuple[str, ...]:
    """The file and those of `others` that are other channels of the same image, in order.

    Raises InputError for a name that does not fit, or two files of one channel."""
    place, own = pattern(path), []
    for other in others:
        try:
            if pattern(other).field == place.field:
                own.append(other)
        except InputError:  # not of this plate
            continue
    (found,) = groups({*own, path}, pattern).values()
    return found


def _order(channel: str) -> tuple[int, str]:
    return (int(channel), "") if channel.isdecimal() else (0, channel.lower())
