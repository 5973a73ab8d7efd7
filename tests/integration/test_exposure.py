"""What the service shows to others, run as the container runs it: user, files, ports, logs."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import grpc
import httpx
import pytest
import yaml

from tests.assets.images import image_bytes
from tests.assets.ports import free_port
from tests.integration.confined import TMP, USER, confined, why_not
from tests.integration.service import ROOT, default_config, descendants
from tests.unit.launcher.conditions import eventually

START_SECONDS = 180
STOP_SECONDS = 90
KEY = "a-key-that-no-log-may-show"
WRONG_KEY = "a-wrong-key-that-no-log-may-show"
LISTENING = "0A"
REPLICA_METHOD = "/ray.serve.ASGIService/HandleRequest"
"""By which replicas call each other; what it is sent is unpickled."""
IMAGE = {"file": ("a.jpg", image_bytes("jpeg"))}


@dataclass(frozen=True)
class Exposed:
    """A running service."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, *descendants(self.process.pid)]

    def files(self) -> Iterator[Path]:
        """All that it has written, its private /tmp included."""
        yield self.log
        root = Path(f"/proc/{self.process.pid}/root")
        for folder, below, names in os.walk(root / "tmp"):
            # Not this checkout, where it lies there: it has the keys, and nothing is written to it.
            below[:] = [name for name in below if not Path(folder, name).samefile(ROOT)]
            yield from (Path(folder, name) for name in names)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposed]:
    if reason := why_not():
        assert not os.environ.get("CI"), f"cannot run confined: {reason}"
        pytest.skip(f"cannot run confined: {reason}")
    port = free_port()
    config = default_config()
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    command = [sys.executable, "-m", "vigil_cli", "serve", str(TMP / "serve_config.yaml")]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(TMP),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "API_KEYS": KEY,
    }
    log = tmp_path_factory.mktemp("exposed") / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            confined(command, yaml.safe_dump(config)),
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        assert eventually(lambda: is_ready(url), START_SECONDS), log.read_text()[-4000:]
        yield Exposed(url, process, log)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_it_serves_on_a_read_only_root_without_any_privilege(exposed: Exposed) -> None:
    answer = httpx.post(
        f"{exposed.url}/api/image-classification", files=IMAGE, headers={"X-API-Key": KEY}
    )
    assert answer.status_code == 200, answer.text
    for pid in exposed.pids:
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert set(status["Uid"].split()) == {str(USER)}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"


def test_no_key_stands_in_anything_that_it_writes(exposed: Exposed) -> None:
    for key in (KEY, WRONG_KEY):
        for method, path in (("POST", "/api/image-classification"), ("GET", "/v1/models")):
            files = IMAGE if method == "POST" else None
            httpx.request(
                method, exposed.url + path, files=files, headers={"X-API-Key": key}, timeout=60
            )
        damaged = {"file": ("a.jpg", IMAGE["file"][1][:100])}
        httpx.post(f"{exposed.url}/v1/videos", files=damaged, headers={"X-API-Key": key})
    read = 0
    for path in exposed.files():
        if path.is_file():
            content = path.read_bytes()
            read += 1
            assert KEY.encode() not in content, path
            assert WRONG_KEY.encode() not in content, path
    assert read > 20  # Ray's logs are among them


def test_beyond_loopback_are_only_haproxys_pages_and_what_asks_for_a_token(
    exposed: Exposed,
) -> None:
    haproxy = next(path for path in exposed.files() if path.name == "haproxy.cfg").read_text()
    # Serve sets no address for these: docs/threat-model.md.
    pages = {int(port) for port in re.findall(r"bind (?:\*|):(\d+)", haproxy)}
    elsewhere = [
        (port, program)
        for address, port, program in listeners(exposed)
        if not loopback(address) and port not in pages
    ]
    assert elsewhere, "Serve's replicas call each other here"
    for port, program in elsewhere:
        assert program.startswith("ray::ServeReplica"), (port, program)
        with (
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
            pytest.raises(grpc.RpcError) as refused,
        ):
            channel.unary_unary(REPLICA_METHOD)(b"", timeout=30)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_rays_dashboard_asks_for_a_token(exposed: Exposed) -> None:
    log = exposed.log.read_text()
    found = re.search(r"dashboard at \S*?(http://127\.0\.0\.1:\d+)", log)
    assert found is not None, log
    for path in ("/api/serve/applications/", "/nodes?view=summary", "/api/jobs/"):
        assert httpx.get(found[1] + path, timeout=30).status_code in (401, 403), path


def listeners(exposed: Exposed) -> Iterator[tuple[str, int, str]]:
    """Address and port of every TCP socket that a process of the service listens on, and which."""
    programs: dict[str, str] = {}
    for pid in exposed.pids:
        program = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                programs[descriptor.readlink().name.removeprefix("socket:")] = program
            except FileNotFoundError:
                continue
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            program = programs.get(f"[{fields[9]}]", "")
            if fields[3] == LISTENING and program:
                address, port = fields[1].split(":")
                yield socket.inet_ntop(family, in_network_order(address)), int(port, 16), program


def in_network_order(address: str) -> bytes:
    """proc(5) shows words of 32 bits as this machine holds them."""
    data = bytes.fromhex(address)
    words = [data[start : start + 4] for start in range(0, len(data), 4)]
    return b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)


def loopback(address: str) -> bool:
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback
