"""The files that are sent: generated from seeds, so that every machine sends the same pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image

from benchmarks.images.scenarios import FileSet
from benchmarks.load import File
from benchmarks.pictures import photograph

_CONTENT_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
RECIPE = "1"
"""Part of the directory's name: count it up when a recipe below changes."""

_JPEGS = 16
_SIZE = (1280, 960)
_PHONE_SIZE = (4032, 3024)
_PHONE_ORIENTATIONS = (1, 6, 8)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a results file says of a set of files."""

    files: int
    mean_bytes: int
    sha256: str
    """Of all files, one after the other."""


def make(directory: Path, sets: Sequence[FileSet]) -> Mapping[FileSet, list[File]]:
    """Generate the sets that are not there yet, and read them."""
    recipes: Mapping[FileSet, Callable[[Path], None]] = {"jpeg": _jpegs, "mixed": _mixed}
    made: dict[FileSet, list[File]] = {}
    for name in sets:
        place = directory / f"{name}-{RECIPE}"
        if not place.exists():
            unfinished = place.with_suffix(".unfinished")
            unfinished.mkdir(parents=True, exist_ok=True)
            recipes[name](unfinished)
            unfinished.rename(place)
        made[name] = [
            File(path.name, _CONTENT_TYPES[path.suffix], path.read_bytes())
            for path in sorted(place.iterdir())
        ]
    return made


def facts(files: Sequence[File]) -> FileFacts:
    """Number, size and hash."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.data)
    mean = sum(len(file.data) for file in files) // len(files)
    return FileFacts(len(files), mean, digest.hexdigest())


def _jpegs(directory: Path) -> None:
    for seed in range(_JPEGS):
        (directory / f"photo-{seed:02}.jpg").write_bytes(
            _jpeg_of_size(photograph(_SIZE, seed), target_bytes=160_000)
        )


def _mixed(directory: Path) -> None:
    """Phone pictures of 12 megapixels, stored turned; PNG; WebP."""
    for seed, orientation in enumerate(_PHONE_ORIENTATIONS):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        photograph(_PHONE_SIZE, 100 + seed).save(
            directory / f"phone-{seed}.jpg", quality=90, exif=exif.tobytes()
        )
    for seed in range(3):
        photograph(_SIZE, 200 + seed).save(directory / f"picture-{seed}.png")
        photograph(_SIZE, 300 + seed).save(directory / f"picture-{seed}.webp", quality=85)


def _jpeg_of_size(picture: Image.Image, target_bytes: int) -> bytes:
    """The JPEG with the highest quality that is not larger."""
    low, high, best = 30, 97, b""
    while low <= high:
        quality = (low + high) // 2
        file = BytesIO()
        picture.save(file, "JPEG", quality=quality)
        if file.tell() <= target_bytes:
            best, low = file.getvalue(), quality + 1
        else:
            high = quality - 1
    return best
