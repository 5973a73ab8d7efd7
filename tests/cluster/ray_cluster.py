"""A Ray cluster on the hosts of a network, set up as ``docs/operations.md`` says."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.network import ROOT, Host

BIN = Path(sys.executable).parent
GCS_PORT = 6379
DASHBOARD_PORT = 8265
HTTP_PORT = 8000
START_TRIES = 4
"""``ray start`` allows a raylet 30 s, which a busy machine may need more than once."""

DETECT_LOST_NODES = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "2s",
    "RAY_SERVE_HAPROXY_TIMEOUT_CONNECT_S": "2",
    "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S": "1800",
}
GIVE_CONNECTIONS_UP = "net.ipv4.tcp_retries2=5"
FOUR_NODES_ON_TWO_CORES = {
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_HAPROXY_STARTUP_TIMEOUT_S": "60",
}
"""Serve replaces a proxy that is not there within 5 s, which four starting at once may not be."""
SURVIVE_THE_HEAD = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}


def serve_config() -> dict[str, Any]:
    """``serve_config.yaml`` as it is committed."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    return config


@dataclass(frozen=True)
class RayCluster:
    """A head without replicas, workers, and the Redis that outlives the head."""

    head: Host
    workers: tuple[Host, ...]
    redis: Host
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    password: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def environ(self) -> dict[str, str]:
        """Of every process of every node."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        # What serve_config.yaml says for a cluster that `serve run` starts itself.
        serve = serve_config()["controller_options"]["runtime_env"]["env_vars"]
        return {
            **inherited,
            **serve,
            **DETECT_LOST_NODES,
            **SURVIVE_THE_HEAD,
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.5",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_USAGE_STATS_ENABLED": "0",
            **FOUR_NODES_ON_TWO_CORES,
            "PYTHONPATH": str(ROOT),
        }

    def start(self) -> None:
        """Redis, the head, the workers."""
        for host in (self.head, *self.workers):
            host.run("sysctl", "-w", GIVE_CONNECTIONS_UP, environ=self.environ)
        self.start_redis()
        self.start_head()
        for worker in self.workers:
            self.start_worker(worker)

    def start_redis(self) -> None:
        options = ("--bind", self.redis.address, "--requirepass", self.password, "--save", "")
        files = ("--appendonly", "no", "--dir", str(self.redis.files), "--daemonize", "yes")
        self.redis.run("redis-server", *options, *files, environ=self.environ)

    def start_head(self) -> None:
        """Start the head; also anew, when another one had the same Redis before."""
        # The hosts share one table of processes: `ray start` would find the old head's address in
        # the workers' command lines, and take it for running.
        (self.head.files / "ray" / "ray_current_cluster").unlink(missing_ok=True)
        redis = {
            "RAY_REDIS_ADDRESS": f"{self.redis.address}:6379",
            "RAY_external_storage_namespace": self.head.network,
        }
        self._ray_start(
            self.head,
            ("--head", f"--port={GCS_PORT}", f"--redis-password={self.password}", "--num-cpus=0"),
            self.environ | redis,
        )

    def start_worker(self, worker: Host) -> None:
        """Join the cluster."""
        address = f"--address={self.head.address}:{GCS_PORT}"
        self._ray_start(worker, (address, "--num-cpus=1"), self.environ)

    def _ray_start(self, host: Host, options: Sequence[str], environ: Mapping[str, str]) -> None:
        """As a service manager would, again where ``ray start`` gave up."""
        own = (f"--node-ip-address={host.address}", "--num-gpus=0")
        for tries_left in reversed(range(START_TRIES)):
            try:
                host.run(str(BIN / "ray"), "start", *own, *options, environ=environ)
            except AssertionError:
                if not tries_left:
                    raise
                host.kill()
            else:
                return

    def deploy(self, config: dict[str, Any]) -> None:
        """``serve deploy``, on the head."""
        file = self.head.files / "serve_config.yaml"
        file.write_text(yaml.safe_dump(config))
        self.head.run(
            str(BIN / "serve"),
            "deploy",
            "--address",
            f"http://127.0.0.1:{DASHBOARD_PORT}",
            str(file),
            environ=self.environ,
        )
