"""``python -m benchmarks.chaos``: makes faults, prints the table, writes the results file."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from benchmarks import json_file
from benchmarks.chaos import kills
from benchmarks.chaos.kills import Media
from benchmarks.chaos.overload import overload, overload_of_vit_base
from benchmarks.chaos.service import Service, service
from benchmarks.chaos.stop import drain
from benchmarks.chaos.table import Row, json_of, text_of
from benchmarks.chaos.yielding import yielding
from benchmarks.load import File, Request, upload
from benchmarks.machine import ROOT, commit, machine

Fault: TypeAlias = Callable[[Service, Media, float], Coroutine[object, object, Row]]

FAULTS: Mapping[str, Fault] = {
    "overload-demonstration": overload,
    "model-replica": kills.model_replica,
    "ingress-replica": kills.ingress_replica,
    "video-replica": kills.video_replica,
    "decoder": kills.decoder,
    "rolling-change": kills.rolling_change,
}
OVERLOAD, DRAIN = "overload", "drain"
"""Those for which a service of their own is started."""
_ALL = [OVERLOAD, *FAULTS, DRAIN]
_SAMPLES = ROOT / "examples" / "samples"
_IMAGES = ("landscape.jpg", "flagged.jpg", "diagram.png", "flagged.png", "sunset.webp")
_VIDEO = "video.mp4"


def main() -> None:
    """Parses the command line and runs the faults that it names."""
    arguments = _arguments()
    rows = run(arguments.faults, arguments.seconds)
    print(text_of(rows))
    for row in rows:
        for name, value in row.figures.items():
            print(f"{row.fault}: {name} {value:.4g}")
    if arguments.output:
        content = {
            "machine": asdict(machine()),
            "commit": asdict(commit(("serve_app", "deployments", "benchmarks/chaos"))),
            "seconds": arguments.seconds,
            "rows": json_of(rows),
        }
        json_file.write(content, arguments.output)
    sys.exit(0 if all(row.holds for row in rows) else 1)


def run(faults: Sequence[str], seconds: float) -> list[Row]:
    """Make the faults, one after the other.

    Args:
        faults: Of `FAULTS`, all on one and the same service; `OVERLOAD`; `DRAIN`.
        seconds: For each.
    """
    rows: list[Row] = []

    def tell(row: Row) -> None:
        rows.append(row)
        print(text_of([row]).splitlines()[2], file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="vigil-chaos-") as name:
        folder = Path(name)
        for own in (OVERLOAD, "faults", DRAIN):
            (folder / own).mkdir()
        if OVERLOAD in faults:
            tell(overload_of_vit_base(folder / OVERLOAD, _media(), seconds))
        if kinds := [FAULTS[fault] for fault in faults if fault in FAULTS]:
            with service(folder / "faults", _image(_IMAGES[0])) as running:
                for kind in kinds:
                    tell(yielding(kind(running, _media(), seconds)))
        if DRAIN in faults:
            many = upload("/v1/images", "files", [_file(name) for name in _IMAGES])
            tell(drain(folder / DRAIN, many))
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="for each fault (default: %(default)g)"
    )
    parser.add_argument(
        "--faults",
        type=lambda text: text.split(","),
        default=_ALL,
        help="comma separated; default: " + ",".join(_ALL),
    )
    parser.add_argument("--output", type=Path, help="results file")
    arguments = parser.parse_args()
    if unknown := set(arguments.faults) - set(_ALL):
        parser.error(f"there is no fault {', '.join(unknown)}")
    return arguments


def _media() -> Media:
    video = upload("/v1/videos", "file", [_file(_VIDEO)])
    return Media([_image(name) for name in _IMAGES], [video])


def _image(name: str) -> Request:
    return upload("/api/image-classification", "file", [_file(name)])


def _file(name: str) -> File:
    return File(name, "application/octet-stream", (_SAMPLES / name).read_bytes())


if __name__ == "__main__":
    main()
