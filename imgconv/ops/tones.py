"""Numbers as colours: what a map of any range looks like, and the bar that explains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Dark blue, blue, neutral, orange, dark red: as dark on both sides, told apart by the colour-blind.
SIGNED = ((18, 58, 120), (96, 152, 206), (246, 244, 238), (232, 138, 84), (136, 28, 32))
GREY = ((0, 0, 0), (255, 255, 255))
NOT_A_NUMBER = (255, 0, 255)
OUTLIERS = 1  # per cent of the values that may lie beyond the ends of the scale


@dataclass(frozen=True)
class Tones:
    """A scale from `low` to `high`: diverging with zero in its neutral middle, or grey."""

    low: float
    high: float
    signed: bool

    def colours(self, values: np.ndarray) -> np.ndarray:
        """RGB uint8 (H, W, 3) of values (H, W)."""
        anchors = np.array(SIGNED if self.signed else GREY, np.float32)
        span = max(self.high - self.low, 1e-30)
        known = np.nan_to_num((values - self.low) / span, nan=0.0)
        place = known.clip(0, 1) * (len(anchors) - 1)
        positions = np.arange(len(anchors))
        channels = [np.interp(place, positions, anchors[:, c]) for c in range(3)]
        out = np.rint(np.stack(channels, axis=2)).astype(np.uint8)
        out[np.isnan(values)] = NOT_A_NUMBER
        return out

    def bar(self, width: int, height: int) -> np.ndarray:
        """The scale from left to right, RGB uint8 (height, width, 3)."""
        line = np.linspace(self.low, self.high, width, dtype=np.float32)
        return np.repeat(self.colours(line[None]), height, axis=0)


def tones_for(values: np.ndarray) -> Tones:
    """The scale for values of any shape: symmetric and diverging if negative ones matter, or grey.

    Negative values matter from a tenth of the positive ones on: a sharpened photo, which has a
    few, is still a picture. Grey goes from the lowest to the highest. Some outliers may lie beyond
    the ends, so that they do not make the rest look flat; a lowest value near zero counts as zero.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return Tones(0, 1, signed=False)
    low, high = (float(v) for v in np.percentile(known, [OUTLIERS, 100 - OUTLIERS]))
    if high <= low:  # flat but for outliers
        low, high = float(known.min()), float(known.max())
    if low < -high / 10:
        end = float(np.percentile(np.abs(known), 100 - OUTLIERS)) or max(-low, high)
        return Tones(-end, end, signed=True)
    if high <= low or abs(low) < high / 20:
        low = 0.0
    return Tones(low, high or 1.0, signed=False)


def brief(value: float) -> str:
    """A number in about three digits: -0.52, 1020, 1.2e+07."""
    text = f"{value:.3g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:.0f}"
    return "0" if text == "-0" else text
