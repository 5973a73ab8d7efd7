"""One real service for the whole session, on models made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.assets.fake_hub import FakeHub, serve
from tests.assets.models import save
from tests.assets.pictures import scene
from tests.assets.stand_ins import ODD, vit
from tests.integration.service import Service, default_config, running

NINE_LABELS = next(stand_in for stand_in in ODD if len(stand_in.labels) == 9)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints by short name, in directories of their own."""
    folder = tmp_path_factory.mktemp("checkpoints")
    pictures = [scene(96, 64, seed) for seed in range(6)]
    made = {"nine": save(NINE_LABELS, folder / "nine", pictures)}
    for name in ("one", "two", "three"):
        stand_in = vit(name, labels=["normal", f"nsfw-{name}"])
        made[name] = save(stand_in, folder / name, pictures)
    pickled = save(vit("pickled"), folder / "pickled", pictures)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    return made | {"pickled": pickled}


@pytest.fixture(scope="session")
def hub(checkpoints: dict[str, Path]) -> Iterator[FakeHub]:
    """The hub that the service loads on-demand models from."""
    with serve() as fake:
        fake.repositories |= {f"acme/{name}": path for name, path in checkpoints.items()}
        fake.failures["acme/gated"] = (403, "GatedRepo")
        yield fake


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, hub: FakeHub, checkpoints: dict[str, Path]
) -> Iterator[Service]:
    """``serve run`` on ``serve_config.yaml`` with a second model and a hub on loopback."""
    folder = tmp_path_factory.mktemp("service")
    config = default_config()
    args = config["applications"][0]["args"]
    args["models"][0] |= {"num_cpus": 0.4, "replicas": {"min": 1, "max": 1}}
    args["models"].append(
        {
            "name": "test/nine-labels",
            "source": str(checkpoints["nine"]),
            "num_cpus": 0.2,
            "replicas": {"min": 1, "max": 1},
        }
    )
    # One replica, whose decoders are known to the tests.
    args["video"] |= {"replicas": {"min": 1, "max": 1}}
    args["on_demand"] |= {"allow": ["acme/*"], "max_loaded": 2}
    args["limits"] |= {"max_pixels": 20_000_000, "max_image_bytes": 8 * 2**20}
    environ = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "hub")}
    with running(config, folder, environ) as running_service:
        yield running_service


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as http:
        yield http
