"""PyTorch scripts that make the networks of imgconv; imgconv itself imports nothing from here."""

from . import environment

environment.settle()
