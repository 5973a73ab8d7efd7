"""The real service, started to be measured on videos."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import vigil_config
from benchmarks.load import File, upload
from benchmarks.model_kind import ModelKind
from benchmarks.servers import Server, free_port, running
from benchmarks.video.client import analyse
from benchmarks.video.clips import WARM
from benchmarks.video.workspace import Workspace
from benchmarks.vigil_server import serve, write_config

TINY, VIT_BASE = ModelKind("tiny"), ModelKind("base")


@contextmanager
def vigil(workspace: Workspace, kind: ModelKind) -> Iterator[Server]:
    """``serve run`` of ``serve_config.yaml`` with another port and model; warm.

    Raises:
        ServerError: It did not become ready.
    """
    port = free_port()
    checkpoint = str(workspace.checkpoint(kind))
    small = video_file(workspace.clip(WARM))
    # Short, because Ray's socket names must fit into 107 bytes.
    scratch = Path(tempfile.mkdtemp(prefix="vb-"))
    try:
        config = vigil_config.vigil(vigil_config.shipped(), port, kind, checkpoint)
        command = serve(write_config(scratch, config), port, scratch / "ray")
        probe = upload("/v1/videos", "file", [small])
        log = workspace.log(f"video-vigil-{kind.name}")
        with running(command, port, probe, log) as server:
            for sampling in ("adaptive", "every_frame"):
                analyse(port, small, sampling=sampling)
            yield server
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def video_file(path: Path) -> File:
    """A file to send."""
    return File(path.name, "video/mp4", path.read_bytes())
