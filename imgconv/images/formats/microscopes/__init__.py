"""Files of the makers of microscopes, read by libraries that are extras; written as OME-TIFF."""

from .czi import CZI
from .lif import LIF
from .nd2 import ND2

READ_ONLY = (CZI, LIF, ND2)

__all__ = ["READ_ONLY"]
