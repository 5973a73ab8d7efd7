"""Thousands of damaged and hostile images through the running service.

``FUZZ_IMAGES`` and ``FUZZ_SEED`` choose how many and which (`scripts/nightly`); a failure names the
mutant, which the same seed makes again.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.assets.image_bombs import BOMBS, DUDS
from tests.assets.image_mutations import Mutant, mutants, originals, polyglots
from tests.assets.images import animation_bytes, image_bytes
from tests.integration.service import Service

T = TypeVar("T")

IMAGES = int(os.environ.get("FUZZ_IMAGES", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
CLIENTS = 12
FILES_PER_REQUEST = 9
GOOD = [image_bytes("jpeg", (320, 200), seed=3), animation_bytes("gif", 3, (64, 48), seed=4)]
DEPLOYMENTS = ("Ingress", "model-builtin-demo", "VideoClassifier")
BOMB_BYTES = 200 * 2**20
BATCH_TOLERANCE = 1e-3
"""A score depends in its last digits on the batch that its frame was in."""


def classify(client: httpx.Client, files: Sequence[bytes]) -> list[dict[str, Any]]:
    parts = [("files", (str(index), data)) for index, data in enumerate(files)]
    answer = client.post("/v1/images", files=parts)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert len(results) == len(files)
    return results


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """As of itertools, which has it from Python 3.12 on."""
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch


def scores(result: dict[str, Any]) -> dict[str, float]:
    return {entry["label"]: entry["score"] for entry in result["labels"]}


def replicas(service: Service) -> set[int]:
    return {pid for name in DEPLOYMENTS for pid in service.replica_pids(name)}


@pytest.fixture(scope="module")
def expected(service: Service) -> list[dict[str, float]]:
    """Scores of the good images, on a service that has seen nothing bad."""
    with service.client() as client:
        return [scores(result) for result in classify(client, GOOD)]


@pytest.fixture(autouse=True)
def no_replica_dies(service: Service) -> Iterator[None]:
    before = replicas(service)
    assert len(before) >= len(DEPLOYMENTS)
    yield
    assert before <= replicas(service)


def require_right_scores(result: dict[str, Any], expected: dict[str, float]) -> None:
    assert scores(result) == pytest.approx(expected, abs=BATCH_TOLERANCE)


def test_every_original_of_the_corpus_is_a_good_image(service: Service) -> None:
    with service.client() as client:
        for few in batched(originals().items(), 10):
            for (name, _), result in zip(few, classify(client, [d for _, d in few]), strict=True):
                assert "problem" not in result, (name, result)


def test_damaged_images_are_answered_or_refused_and_good_ones_keep_their_scores(
    service: Service, expected: list[dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes: Counter[str] = Counter()

    def send(numbered: tuple[int, tuple[Mutant, ...]]) -> list[str]:
        number, few = numbered
        good = number % len(GOOD)
        results = classify(client, [GOOD[good], *(mutant.data for mutant in few)])
        require_right_scores(results[0], expected[good])
        return [outcome(m, r) for m, r in zip(few, results[1:], strict=True)]

    def outcome(mutant: Mutant, result: dict[str, Any]) -> str:
        problem = result.get("problem")
        if problem is None:
            assert result["labels"], mutant.name
            return "answered"
        assert problem["status"] in (413, 415, 422), (mutant.name, problem)
        return str(problem["title"])

    started = time.monotonic()
    hostile = chain((Mutant(n, d) for n, d in polyglots().items()), mutants(IMAGES, SEED))
    with service.client() as client, ThreadPoolExecutor(CLIENTS) as pool:
        for few in pool.map(send, enumerate(batched(hostile, FILES_PER_REQUEST))):
            outcomes.update(few)
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{IMAGES} mutants, seed {SEED}, {seconds:.0f} s: {dict(outcomes)}")
    assert outcomes.total() == IMAGES + len(polyglots())
    assert outcomes["answered"] > IMAGES / 20  # the corpus reaches the pixels, too


def test_a_damaged_image_alone_has_the_status_of_its_problem(service: Service) -> None:
    def send(mutant: Mutant) -> None:
        answer = client.post("/api/image-classification", files={"file": ("x", mutant.data)})
        assert answer.status_code in (200, 413, 415, 422), (mutant.name, answer.text)
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert not any(word in answer.text for word in ("Traceback", ".py"))

    with service.client() as client, ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(send, mutants(IMAGES // 20, SEED + 1)))


def test_bombs_are_refused_within_200_mb_while_good_images_keep_their_scores(
    service: Service, expected: list[dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    table = []
    with service.client() as client:
        for name, make in {**BOMBS, **DUDS}.items():
            data = make()
            with Growth(service.replica_pids("Ingress")) as growth:
                started = time.monotonic()
                answer = client.post("/api/image-classification", files={"file": ("x", data)})
                seconds = time.monotonic() - started
            table.append(
                f"{name:32} {len(data):>9,} B  {answer.status_code}  {seconds:6.3f} s  "
                f"{growth.bytes / 2**20:6.1f} MiB"
            )
            assert answer.status_code in ((200,) if name in DUDS else (413, 415, 422)), name
            # The upload itself and what is made of it on the way come on top.
            assert growth.bytes < BOMB_BYTES + 4 * len(data), name
        for result, scores_before in zip(classify(client, GOOD), expected, strict=True):
            require_right_scores(result, scores_before)
    with capsys.disabled():
        print("\n" + "\n".join(table))


class Growth:
    """The highest resident memory of some processes above that at the start: proc(5), VmHWM."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._before: dict[int, int] = {}
        self.bytes = 0

    def __enter__(self) -> Growth:
        for pid in self._pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            self._before[pid] = _status_bytes(pid, "VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = max(_status_bytes(pid, "VmHWM") - self._before[pid] for pid in self._pids)


def _status_bytes(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024
