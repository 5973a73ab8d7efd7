"""One cluster for the whole module: a head without replicas, three workers, Redis, a client."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.cluster.network import Host, NamespacesRefusedError, network
from tests.cluster.ray_cluster import RayCluster, serve_config
from tests.cluster.service import Service

PROGRAMS = {"ip": "iproute2", "redis-server": "redis-server"}
MODEL = "sleeper"
QUICK = {"upscale_delay_seconds": 1, "downscale_delay_seconds": 3, "look_back_seconds": 3}


@pytest.fixture(scope="session")
def programs() -> None:
    """What the tests drive; under ``CI=true`` ``scripts/test`` has installed it."""
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if missing:
        message = f"needs Debian's {', '.join(missing)}: scripts/install-debian"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def hosts(programs: None) -> Iterator[dict[str, Host]]:
    try:
        with network(["head", "one", "two", "three", "redis", "client"]) as made:
            yield made
    except NamespacesRefusedError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def service(hosts: dict[str, Host]) -> Service:
    """The committed configuration on sleeping models, deployed and answering on every host."""
    workers = (hosts["one"], hosts["two"], hosts["three"])
    cluster = RayCluster(hosts["head"], workers, hosts["redis"])
    cluster.start()
    config = serve_config()
    # On a cluster these variables are set before `ray start`.
    del config["controller_options"]
    [application] = config["applications"]
    application["import_path"] = "benchmarks.scaling.app:build"
    arguments = application["args"]
    model = {
        "name": MODEL,
        "source": "sleep:0.2",
        "max_batch_size": 8,
        "target_frames": 12,
        "num_cpus": 0.1,
        "num_gpus": 0,
        "replicas": {"min": 1, "max": 3, "max_per_node": 1, **QUICK},
    }
    arguments |= {"default_model": MODEL, "models": [model], "on_demand": {"allow": []}}
    arguments["ingress"] |= {"num_cpus": 0.1, "replicas": {"min": 3, "max": 3, "max_per_node": 1}}
    arguments["video"] |= {"num_cpus": 0.1, "replicas": {"min": 0, "max": 1}}
    cluster.deploy(config)
    running = Service(cluster, hosts["client"])
    running.wait_until_whole()
    return running
