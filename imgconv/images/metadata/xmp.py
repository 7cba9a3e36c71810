"""XMP packets: what no longer holds is corrected where it stands, the rest stays as it is."""

from __future__ import annotations

import re

ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>\s*))[2-8](?=\s*["'<])""")


def upright(packet: bytes) -> bytes:
    """The packet with orientation 1, as pixels are delivered."""
    return ORIENTATION.sub(rb"\g<1>1", packet)
