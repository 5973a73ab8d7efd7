from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from serve_app.launcher import ports
from serve_app.launcher.serve_ports import replica_port_variables


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_is_taken_is_a_sentence_that_names_it(
    listener: socket.socket, host: str
) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(ports.PortUnavailableError, match=rf"Port {port} is taken .* http_options"):
        ports.require_free(host, port)


def test_a_port_is_free_again_right_after_its_listener_closed(listener: socket.socket) -> None:
    address = listener.getsockname()
    with socket.create_connection(address), listener.accept()[0]:
        pass
    listener.close()
    ports.require_free(*address)


def test_an_address_of_another_machine_is_a_sentence_too() -> None:
    with pytest.raises(ports.PortUnavailableError, match=r"cannot listen on 192\.0\.2\.99:8000"):
        ports.require_free("192.0.2.99", 8000)


def test_an_internal_port_gives_way_to_the_next_free_one(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert ports.first_free(port) > port


def test_services_on_different_ports_get_blocks_of_their_own() -> None:
    first, second = replica_port_variables(8000), replica_port_variables(8001)
    assert first != second
    assert first == replica_port_variables(8000)
    for variables in (first, second):
        for protocol in ("HTTP", "GRPC"):
            low, high = (
                int(variables[f"RAY_SERVE_DIRECT_INGRESS_{bound}_{protocol}_PORT"])
                for bound in ("MIN", "MAX")
            )
            assert high - low == 100


def test_a_block_in_which_somebody_listens_is_left_alone() -> None:
    low = int(replica_port_variables(8000)["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", low + 7))
        listener.listen()
        other = int(replica_port_variables(8000)["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"])
    assert not low <= other < low + 100
