"""The batcher on a real Ray Serve: what it makes of 500 calls a second to a model of 50 ms."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator

import numpy as np
import pytest
import ray
import ray.cloudpickle
from ray import serve

from deployments.classifier.replica import ItemResult
from deployments.types import Scores
from tests.integration import stand_ins
from tests.integration.service import Service
from tests.integration.stand_ins import CountedClassifier, FixedCostModel

CALLS = 300
CALLS_PER_SECOND = 500
MODEL_SECONDS = 0.05
MAX_BATCH_SIZE = 32
ROUNDS = 3


@pytest.fixture
def on_the_services_ray(service: Service) -> Iterator[None]:
    """This process as a driver of the running service's Ray."""
    # The replicas cannot import the tests.
    ray.cloudpickle.register_pickle_by_value(stand_ins)
    ray.init(service.ray_address, namespace="serve", log_to_driver=False)
    yield
    serve.delete("batching")
    ray.shutdown()
    ray.cloudpickle.unregister_pickle_by_value(stand_ins)


async def one_round(handle: serve.handle.DeploymentHandle) -> tuple[list[float], list[ItemResult]]:
    frames = [np.full((1, 8, 8, 3), i % 256, np.uint8) for i in range(CALLS)]

    async def call(number: int) -> tuple[float, ItemResult]:
        await asyncio.sleep(number / CALLS_PER_SECOND)  # the offered load, not a wait for anything
        started = time.perf_counter()
        (result,) = await handle.classify.remote([frames[number]])
        return time.perf_counter() - started, result

    answers = await asyncio.gather(*map(call, range(CALLS)))
    return [seconds for seconds, _ in answers], [result for _, result in answers]


@pytest.mark.usefixtures("on_the_services_ray")
def test_batches_grow_with_the_load_and_latency_stays_low(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = FixedCostModel("fixed", MODEL_SECONDS, MAX_BATCH_SIZE)
    deployment = serve.deployment(
        name="fixed",
        max_ongoing_requests=2 * MAX_BATCH_SIZE,
        ray_actor_options={"num_cpus": 0.1},
    )(CountedClassifier)
    handle = serve.run(deployment.bind(model, 2048), name="batching", route_prefix=None)

    async def rounds() -> list[tuple[float, float]]:
        await handle.classify.remote([np.zeros((1, 8, 8, 3), np.uint8)])
        figures = []
        for _ in range(ROUNDS):
            before = await handle.batches.remote()
            seconds, results = await one_round(handle)
            batches = await handle.batches.remote() - before
            for number, result in enumerate(results):
                assert isinstance(result, np.ndarray)
                scores: Scores = result
                assert scores[0, 1] == pytest.approx(number % 256 / 255)
            figures.append((CALLS / batches, statistics.median(seconds)))
        return figures

    figures = asyncio.run(rounds())
    with capsys.disabled():
        print(
            f"\nbatching, {CALLS} calls at {CALLS_PER_SECOND}/s, {MODEL_SECONDS * 1000:.0f} ms a "
            f"batch of at most {MAX_BATCH_SIZE}: (mean batch, median latency in s) of each round: "
            + ", ".join(f"({batch:.1f}, {seconds:.3f})" for batch, seconds in figures)
        )
    # The latency is printed rather than asserted: it is the machine's as much as the batcher's.
    assert max(batch for batch, _ in figures) >= 15
