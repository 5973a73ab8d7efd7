"""The service on the cluster, as its operator sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tests.cluster.load import eventually
from tests.cluster.network import Host
from tests.cluster.ray_cluster import DASHBOARD_PORT, HTTP_PORT, RayCluster

START_SECONDS = 240

Result = TypeVar("Result")


@dataclass(frozen=True)
class Service:
    """A running service."""

    cluster: RayCluster
    client: Host

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Those that answer HTTP."""
        return (self.cluster.head, *self.cluster.workers)

    def replicas(self, deployment: str) -> dict[str, str]:
        """The host's address of each running replica, by the replica's id."""
        application = self._applications()["classification"]
        return {
            replica["replica_id"]: replica["node_ip"]
            for replica in application["deployments"][deployment]["replicas"]
            if replica["state"] == "RUNNING"
        }

    def status(self, host: Host) -> int:
        """Of ``/readyz`` at a host's address; 0 without an answer."""

        def ask() -> int:
            try:
                return httpx.get(
                    f"http://{host.address}:{HTTP_PORT}/readyz", timeout=10
                ).status_code
            except httpx.TransportError:
                return 0

        return on(self.client, ask)

    def is_whole(self) -> bool:
        """An ingress replica on each worker, and every host answers."""
        workers = {worker.address for worker in self.cluster.workers}
        return (
            all(self.status(host) == 200 for host in self.hosts)
            and set(self.replicas("Ingress").values()) == workers
        )

    def wait_until_whole(self) -> None:
        """See `is_whole`."""
        assert eventually(self.is_whole, START_SECONDS), [self.status(host) for host in self.hosts]

    def rejoin(self, worker: Host) -> None:
        """A lost host starts anew."""
        worker.kill()
        worker.set_link(up=True)
        self.cluster.start_worker(worker)
        self.wait_until_whole()

    def _applications(self) -> dict[str, Any]:
        """From the head's own loopback: the dashboard listens nowhere else."""
        headers = {"Authorization": f"Bearer {self.cluster.token}"}
        url = f"http://127.0.0.1:{DASHBOARD_PORT}/api/serve/applications/"

        def ask() -> dict[str, Any]:
            try:
                response = httpx.get(url, headers=headers, timeout=30)
            except httpx.TransportError:
                return {}
            found: dict[str, Any] = response.json()["applications"] if response.is_success else {}
            return found

        nothing: dict[str, Any] = {"deployments": _NoReplicas()}
        return {"classification": nothing, **on(self.cluster.head, ask)}


class _NoReplicas(dict[str, Any]):
    """What the head says of any deployment while it cannot be asked."""

    def __missing__(self, deployment: str) -> dict[str, Any]:
        return {"replicas": []}


def on(host: Host, call: Callable[[], Result]) -> Result:
    """The result of a call that is made from a host."""
    with host.threads(1) as pool:
        return pool.submit(call).result()
