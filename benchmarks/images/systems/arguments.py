"""The command line that the servers of the peers share."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PeerArguments:
    """What a peer serves, and where."""

    model: str
    """A checkpoint's directory, or ``zero``."""
    dtype: str
    port: int
    batches: Path
    """File of the batch counter; only for peers that batch."""


def parse() -> PeerArguments:
    """From ``sys.argv``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batches", type=Path, required=True)
    return PeerArguments(**vars(parser.parse_args()))
