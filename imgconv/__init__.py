"""imgconv: convolutional image tools for the shell, on compiled CPU kernels."""

__version__ = "0.1.0"
