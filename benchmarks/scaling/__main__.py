"""Throughput with one and with three replicas of a model whose time is fixed:

    python -m benchmarks.scaling
    python -m benchmarks.scaling --seconds 10 --repeats 1

The model sleeps, so three replicas need no more CPU than one: what is measured is whether the
service keeps them all busy. Takes some four minutes.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from benchmarks import json_file, vigil_server
from benchmarks.goals import Goal, judged
from benchmarks.load import File, Observer, Plan, Request, drive, upload
from benchmarks.machine import ROOT, machine
from benchmarks.scaling.model import SIDE
from benchmarks.servers import HOST, free_port, running
from benchmarks.statistics import Spread, paired_ratio, percentile, steady_rate
from benchmarks.vigil_config import MODEL_NAME, Yaml, arguments_of, let_in, listening, shipped

BATCH_SECONDS = 0.4
MAX_BATCH_SIZE = 8
CONNECTIONS = 72
"""Three replicas with a batch under way and one that waits hold 48 frames."""
WARMUP_SECONDS = 5.0
OUTPUT = ROOT / "benchmarks" / "results" / "scaling.json"
APPLICATION = "benchmarks.scaling.app:build"


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of replicas, once."""

    replicas: int
    images_per_second: float
    of_the_models: float
    """The share of what the models could do at most."""
    p50_seconds: float
    p99_seconds: float
    answers: int
    not_200: int
    wrong: int


GOAL: Goal[Sequence[Measured]] = Goal(
    "throughput with three replicas over that with one", 2.7, "at least", "×", lambda m: _ratio(m)
)


def main() -> int:
    """Measure, write the results file; 1 where the goal is missed or an answer is not right."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=25.0, help="of each window")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    before = machine()
    measured = [
        measure(replicas, options.seconds) for _ in range(options.repeats) for replicas in (1, 3)
    ]
    [verdict] = judged([GOAL], measured)
    print(verdict.line)
    json_file.write(
        {
            "machine": asdict(before),
            "batch_seconds": BATCH_SECONDS,
            "max_batch_size": MAX_BATCH_SIZE,
            "connections": CONNECTIONS,
            "measured": [asdict(one) for one in measured],
            "ratio": asdict(verdict.reached) if verdict.reached else None,
        },
        options.output,
    )
    right = all(one.not_200 == one.wrong == 0 for one in measured)
    return 0 if right and verdict.holds else 1


def measure(replicas: int, seconds: float) -> Measured:
    """Start the service with so many replicas, drive it, end it."""
    request, red = _request()
    with tempfile.TemporaryDirectory(prefix="vigil-") as folder:
        port = free_port()
        directory = Path(folder)
        config = vigil_server.write_config(directory, _config(port, replicas))
        command = vigil_server.serve(config, port, directory / "ray")
        with running(command, port, request, directory / "serve.log"):
            plan = Plan(CONNECTIONS, WARMUP_SECONDS, seconds)
            load = drive(HOST, port, [request], plan, Observer())
    rate = steady_rate(load.completions, load.window_seconds)
    good = [answer for answer in load.answers if answer.status == 200]
    measured = Measured(
        replicas,
        images_per_second=rate,
        of_the_models=rate * BATCH_SECONDS / (MAX_BATCH_SIZE * replicas),
        p50_seconds=percentile(load.latencies_seconds, 50),
        p99_seconds=percentile(load.latencies_seconds, 99),
        answers=len(load.answers),
        not_200=len(load.answers) - len(good),
        wrong=sum(not _is_right(answer.body, red) for answer in good),
    )
    print(measured, flush=True)
    return measured


def _config(port: int, replicas: int) -> dict[str, Yaml]:
    config = listening(shipped(), port)
    applications = config["applications"]
    assert isinstance(applications, list)
    assert isinstance(applications[0], dict)
    applications[0]["import_path"] = APPLICATION
    model: dict[str, Yaml] = {
        "name": MODEL_NAME,
        "source": f"sleep:{BATCH_SECONDS}",
        "max_batch_size": MAX_BATCH_SIZE,
        "num_cpus": 0.1,
        "num_gpus": 0,
        "replicas": {"min": replicas, "max": replicas},
    }
    arguments_of(config).update(
        default_model=MODEL_NAME,
        models=[model],
        on_demand={"allow": []},
        ingress={"replicas": {"min": 1, "max": 1}},
    )
    # What is asked is how much the models do, not what is refused.
    let_in(config, 2 * CONNECTIONS)
    return config


def _request() -> tuple[Request, float]:
    """A plain picture, and the score that the model gives it."""
    red = 200
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (red, 0, 0)).save(file, "PNG")
    picture = File("picture.png", "image/png", file.getvalue())
    return upload("/api/image-classification", "file", [picture]), red / 255


def _is_right(body: bytes, score: float) -> bool:
    scores = {label["label"]: label["score"] for label in json.loads(body)}
    return abs(scores.get("nsfw", -1.0) - score) < 1e-3


def _ratio(measured: Sequence[Measured]) -> Spread | None:
    rates = {
        replicas: [one.images_per_second for one in measured if one.replicas == replicas]
        for replicas in (1, 3)
    }
    return paired_ratio(rates[3], rates[1]) if rates[1] else None


if __name__ == "__main__":
    sys.exit(main())
