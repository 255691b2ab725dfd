"""A backend whose name is asked of a name service that never answers: it costs its own visitors and nobody else."""

import os
import socket
import time

import pytest

import backends
import harness

NAME_SERVER = "127.9.9.9"
LOOKUP_SECONDS = 30  # the most that the C library waits for one server
STREAM_SECONDS = 5  # what an agent that stops gives to open streams

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="port 53 and mounts of one's own need root")


@pytest.fixture
def silent_names(tmp_path):
    """A command that runs another with a name service that says nothing, and "alive.test" as a known host."""
    resolver, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    resolver.write_text(f"nameserver {NAME_SERVER}\noptions timeout:{LOOKUP_SECONDS} attempts:1\n")
    hosts.write_text("127.0.0.1 localhost alive.test\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((NAME_SERVER, 53))
        yield ["unshare", "--mount", "sh", "-ec",
               'mount --bind "$0" /etc/resolv.conf; mount --bind "$1" /etc/hosts; shift; exec "$@"', resolver, hosts]


def test_an_agent_that_looks_up_its_gateway_stops_on_request(programs, tmp_path, silent_names):
    agent = programs.program("agent", *silent_names, harness.bin_dir() / "diglett", "-g", "silent.test", "-n", "example",
                             "-d", "-d", "--state-dir", tmp_path / "agent-state", 9)
    time.sleep(1)
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < harness.scaled(3)


def test_a_silent_name_service_holds_up_nobody_else(programs, backend, tmp_path, silent_names):
    gateway = programs.gateway()
    echo = backend(backends.echo).port
    config = tmp_path / "agent.toml"
    config.write_text(f'gateway = "{gateway.address}"\n'
                      '[[service]]\nname = "silent"\nbackend = "silent.test:80"\n'
                      f'[[service]]\nname = "alive"\nbackend = "alive.test:{echo}"\n')
    agent = programs.program("agent", *silent_names, harness.bin_dir() / "diglett", "--config", config,
                             "--state-dir", tmp_path / "agent-state")
    silent, alive = gateway.wait_for_name("silent"), gateway.wait_for_name("alive")
    waiting = [harness.connect(silent) for _ in range(20)]  # more than there are threads
    try:
        time.sleep(0.5)
        for _ in range(3):
            with harness.connect(alive, seconds=3) as visitor:
                visitor.sendall(b"hello")
                assert visitor.recv(5) == b"hello"
        began = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - began < harness.scaled(STREAM_SECONDS + 3)
    finally:
        for visitor in waiting:
            visitor.close()
