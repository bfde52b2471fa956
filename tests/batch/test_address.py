"""An address at which no cluster is costs seconds, where Ray would try for minutes."""

from __future__ import annotations

import socket

import pytest

from trainlint.batch.cluster import ClusterError, _knock


@pytest.fixture
def port():
    """A port of this machine at which something answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}"])
def test_a_port_that_answers_is_left_to_ray(port, address):
    """What answers there is not looked at."""
    assert _knock(address.format(port=port)) is None


@pytest.mark.parametrize("address", [None, "auto", "local", "ray://anyscale", "nonsense:port"])
def test_an_address_without_a_port_is_left_to_ray(address):
    """Ray has names for clusters of its own."""
    assert _knock(address) is None


def test_a_port_where_nothing_answers_is_an_error_in_one_line(port, monkeypatch):
    """It says where and why."""

    def refuse(*_):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(ClusterError) as error:
        _knock(f"ray://127.0.0.1:{port}")

    assert f"--engine ray: nothing answers at 127.0.0.1:{port} (Connection refused)" == str(error.value)
