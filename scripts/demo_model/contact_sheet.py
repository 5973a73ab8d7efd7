"""Lays out what the model learns from, one row a scene, in one picture.

``python -m scripts.demo_model.contact_sheet contact_sheet.png [--seed 0] [--columns 10]``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.demo_model import normal
from scripts.demo_model.images import image_set

TILE = 112


def main() -> None:
    """Write the sheet: as many rows of flagged scenes as of others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=10)
    arguments = parser.parse_args()
    scenes = len(normal.SCENES)
    pixels = image_set(arguments.seed, 2 * scenes * arguments.columns).pixels[:, ::2, ::2]
    rows = pixels.reshape(arguments.columns, scenes, 2, TILE, TILE, 3)
    sheet = rows.transpose(1, 3, 2, 0, 4, 5).reshape(scenes * TILE, 2 * arguments.columns * TILE, 3)
    Image.fromarray(np.ascontiguousarray(sheet)).save(arguments.output)


if __name__ == "__main__":
    main()
