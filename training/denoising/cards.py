"""What is known about each model, for the card inside of its file."""

from __future__ import annotations

from typing import Any

BSDS = {"name": "BSDS500, train and test", "terms": "research use"}
SCENES = {"name": "Intel scene classification challenge", "terms": "no explicit licence"}
OBJECTS = {"name": "Caltech-101", "terms": "CC BY 4.0"}
NUCLEI = {"name": "2018 Data Science Bowl stage1_train (BBBC038)", "terms": "CC0"}
PHASE = {"name": "Usiigaci, phase contrast", "terms": "MIT"}
TIFFS = {
    "name": "NEUBIAS training resources, BioImageAnalysisNotebooks",
    "terms": "CC BY 4.0, CC BY",
}
DIGITS = {"name": "MNIST", "terms": "CC BY-SA 3.0"}

CARDS: dict[str, dict[str, Any]] = {
    "photo": {
        "version": "4",
        "description": "Takes noise out of photographs, grey or colour, of levels 0 to 55.",
        "data": [BSDS, SCENES, OBJECTS],  # the latter two for the gauge
        "architecture": "residual U-Net without biases at half the size, with a gauge of the "
        "noise level (training/denoising/network.py)",
        "failures": "Repeating fine texture near the noise level is smoothed; noise in blocks or "
        "stripes, and the grain of film larger than about three pixels, stays.",
    },
    "micro": {
        "version": "2",
        "description": "Takes the noise of cameras out of micrographs; their mean is kept.",
        "data": [NUCLEI, PHASE, TIFFS, BSDS],  # photo is what it begins with
        "architecture": "residual U-Net without biases at half the size, behind a "
        "variance-stabilising transform (training/denoising/network.py)",
        "failures": "Structures that no single image shows above its noise are lost; small objects "
        "get dimmer where there are few photons (by 5 to 24 % at 10 at the brightest, up to 6 % at "
        "50); fixed patterns of a sensor stay.",
    },
    "crosshair": {
        "version": "2",
        "description": "Finds crosshairs, reticles, thin lines and scale ticks and removes them.",
        "data": [BSDS, SCENES, OBJECTS, NUCLEI, PHASE, DIGITS],
        "architecture": "two convolutional autoencoders: one finds the overlay, one fills in "
        "what was beneath (training/denoising/bowtie.py)",
        "failures": "Overlays fainter than 20 of 255 levels or wider than 5 pixels are left; "
        "straight thin things of one colour (wires, masts, joints between bricks) can be taken for "
        "lines; the axes and curves of a plot "
        "on black are lines.",
    },
}


def card(task: str, trained: str = "") -> dict[str, Any]:
    """The card of a model of imgconv denoise."""
    return {
        "name": f"denoise-{task}",
        "version": "1",
        "task": "denoise",
        "licence": "weights: MIT, for what their training data's terms allow (see data)",
        "training": trained or "see docs/DENOISING.md",
        "prepare": {"kind": task},
        "read": {},
        **CARDS[task],
    }
