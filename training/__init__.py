"""PyTorch scripts that make the networks of imgconv; imgconv itself imports nothing from here."""

from training import environment

environment.settle()
