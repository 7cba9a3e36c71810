"""A bank of stencils: the weights and biases of a layer, from what a user types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.errors import InputError, UsageError

from .kernel_text import number, parse

LONG = 28  # letters of a label, at most
SAFETENSORS = ".safetensors"


@dataclass(frozen=True, eq=False)
class Bank:
    """K stencils: weights float32 (K, C, h, w), or `shared` (K, 1, h, w) for every channel.

    biases: float32 (K,). labels: K names to show.
    """

    weights: np.ndarray
    biases: np.ndarray
    labels: tuple[str, ...]
    shared: bool = True

    def __post_init__(self) -> None:
        count = self.weights.shape[0] if self.weights.ndim == 4 else -1
        if self.weights.dtype != np.float32 or count < 1 or 0 in self.weights.shape:
            raise UsageError(
                f"weights: found {self.weights.dtype} of shape {self.weights.shape}, needed is "
                "float32 (K, C, h, w)"
            )
        if self.biases.shape != (count,) or self.biases.dtype != np.float32:
            raise UsageError(
                f"biases: found {self.biases.dtype} of shape {self.biases.shape}, needed is "
                f"float32 of shape ({count},), one for each stencil"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of one stencil."""
        return self.weights.shape[2], self.weights.shape[3]

    def for_channels(self, channels: int, per_channel: bool = False) -> np.ndarray:
        """Weights (K, channels, h, w); InputError where the bank has another number."""
        found = self.weights.shape[1]
        if self.shared or (per_channel and found == 1):
            return np.repeat(self.weights, channels, axis=1)
        if found != channels:
            hint = "; `per_channel=True` applies it to each" if found == 1 else ""
            raise InputError(
                f"the bank has stencils of {_count_words(found, 'channel')}, the image has "
                f"{_count_words(channels, 'channel')}: the two must be equal{hint}"
            )
        return self.weights


def bank(texts: Sequence[Any], biases: Sequence[str] = (), scale: Fraction | float = 1) -> Bank:
    """The bank of all kernels in turn, times `scale`, with one bias or one each.

    UsageError where sizes or numbers do not fit together; InputError for unreadable files.
    """
    parts = [_part(text) for text in texts]
    first = parts[0]
    for part in parts:
        if part.size != first.size:
            raise UsageError(
                f"the stencils of a layer have one size: '{first.labels[0]}' is {_size(first)}, "
                f"'{part.labels[0]}' is {_size(part)}; give them equal rows and columns"
            )
        if part.weights.shape[1] != first.weights.shape[1] or part.shared != first.shared:
            raise UsageError(
                f"'{first.labels[0]}' has {_depth(first)}, '{part.labels[0]}' has {_depth(part)}: "
                "the stencils of a layer have the same channels"
            )
    weights = np.concatenate([part.weights for part in parts])
    own = np.concatenate([part.biases for part in parts])
    labels = tuple(label for part in parts for label in part.labels)
    added = _biases(biases, len(weights)) if biases else own
    return Bank(weights * np.float32(scale), added, labels, first.shared)


def _biases(texts: Sequence[str], count: int) -> np.ndarray:
    words = [word for text in texts for word in re.split(r"[\s,;]+", text.strip()) if word]
    values = [float(number(word, "`bias`")) for word in words]
    if len(values) not in (1, count):
        raise UsageError(
            f"`bias` gives {_count_words(len(values), 'number')}, the layer has "
            f"{_count_words(count, 'stencil')}: give one for all or one for each"
        )
    return np.full(count, values, np.float32)


def _part(text: Any) -> Bank:
    """One kernel: a stencil, or an array or a file with a bank."""
    if not isinstance(text, str):
        return _of_array(np.asarray(text), "", "kernel")
    word = text.strip()
    path, ending, tensor = word.partition(SAFETENSORS)
    if ending and (not tensor or tensor.startswith(":")):
        return _from_safetensors(path + ending, tensor[1:])
    if Path(word).suffix.lower() == ".npy" and (array := _load(word)).ndim != 2:
        return _of_array(array, word, Path(word).stem)
    stencils = parse(word)
    if len(stencils) > 1:
        raise UsageError(
            f"'{word}' is the length of two responses, not one stencil: "
            f"give `kernel={[word + '-x', word + '-y']}`"
        )
    weights = stencils[0].weights.astype(np.float32)
    return Bank(weights[None, None], np.zeros(1, np.float32), (_label(word),))


def _load(path: str) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"kernel file {path}: cannot be read ({reason})") from None


def _from_safetensors(path: str, tensor: str) -> Bank:
    """Its only tensor of four axes, or the named one, and the bias that belongs to it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
            name = tensor or _only_bank(shapes, path)
            if name not in shapes:
                raise UsageError(f"{path} has no tensor '{name}': it has {_names(shapes)}")
            made = _of_array(file.get_tensor(name), f"{path}:{name}", name.removesuffix(".weight"))
            beside = name.removesuffix("weight") + "bias"
            if name.endswith("weight") and shapes.get(beside) == [len(made.weights)]:
                biases = file.get_tensor(beside).astype(np.float32)
                made = Bank(made.weights, biases, made.labels, made.shared)
    except (OSError, SafetensorError, TypeError, AttributeError) as problem:
        raise InputError(f"kernel file {path}: cannot be read ({problem})") from None
    return made


def _only_bank(shapes: dict[str, list[int]], path: str) -> str:
    banks = [name for name, shape in shapes.items() if len(shape) == 4]
    if len(banks) == 1:
        return banks[0]
    if not banks:
        raise UsageError(
            f"{path} holds no tensor of four axes (stencils, channels, rows, columns), but "
            f"{_names(shapes)}"
        )
    raise UsageError(
        f"{path} holds {len(banks)} banks: choose one with {path}:NAME, NAME one of "
        f"{_names({name: shapes[name] for name in banks})}"
    )


def _names(shapes: dict[str, list[int]]) -> str:
    known = [f"{name} {'x'.join(map(str, shape))}" for name, shape in sorted(shapes.items())]
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""
    return (", ".join(known[:8]) or "no tensors") + more


def _of_array(array: np.ndarray, path: str, stem: str) -> Bank:
    """(K, C, h, w), or (K, h, w) and (h, w) shared by all channels."""
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in "iufb" or not array.size:
        raise UsageError(
            f"{_file(path)} holds {array.dtype} of shape {array.shape}: a bank has the "
            "shape (stencils, channels, rows, columns), or (stencils, rows, columns)"
        )
    weights = np.asarray(array, np.float32)
    if not np.isfinite(weights).all():
        raise UsageError(f"{_file(path)} holds a value that is not finite")
    shared = weights.ndim < 4
    if shared:
        weights = weights.reshape(-1, 1, *weights.shape[-2:])
    labels = tuple(_label(f"{stem} {k}") for k in range(len(weights)))
    return Bank(weights, np.zeros(len(weights), np.float32), labels, shared)


def _file(path: str) -> str:
    return f"kernel file {path}" if path else "the kernel"


def _label(text: str) -> str:
    """What was typed, on one line, shortened; of a file its name without folders."""
    line = " ".join(text.split())
    if re.search(r"\.(txt|csv|tsv|npy)$", line.lower()):
        line = Path(line).stem
    return line if len(line) <= LONG else line[: LONG - 1].rstrip() + "…"


def _size(bank: Bank) -> str:
    return "x".join(map(str, bank.size))


def _depth(bank: Bank) -> str:
    return (
        "one matrix for all channels"
        if bank.shared
        else _count_words(bank.weights.shape[1], "channel")
    )


def _count_words(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
