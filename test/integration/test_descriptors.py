"""A gateway whose descriptors visitors use up: they wait, agents do not."""

import time

import pytest

import backends
import harness

pytestmark = pytest.mark.alone

LIMIT = 256
RESERVED = 64  # kReservedDescriptors in src/gateway/limits.hpp
NAMES = 60


def waits_said(gateway):
    return [line for line in gateway.err if "visitors have to wait" in line]


def is_served(port, seconds=5):
    try:
        with harness.connect(port, seconds=seconds) as visitor:
            visitor.sendall(b"x")
            return visitor.recv(1) == b"x"
    except OSError:
        return False


def visitor_of(port):
    """An idle visitor, or None: one for each name may have been accepted as the last place went."""
    try:
        return harness.connect(port)
    except ConnectionResetError:
        return None


def test_visitors_wait_and_agents_do_not(programs, backend, tmp_path):
    echo = backend(backends.echo).port
    gateway = programs.gateway(within=("prlimit", f"--nofile={LIMIT}:{LIMIT}"))
    services = tmp_path / "agent.toml"
    services.write_text(f'gateway = "{gateway.address}"\n' + "".join(
        f'[[service]]\nname = "name{i}"\nbackend = {echo}\n' for i in range(NAMES)))
    programs.program("agent", harness.bin_dir() / "diglett", "--config", services, "--state-dir", tmp_path / "state")
    ports = [gateway.wait_for_name(f"name{i}") for i in range(NAMES)]
    assert is_served(ports[0])
    idle = []
    try:
        for i in range(LIMIT):
            idle.append(visitor_of(ports[i % NAMES]))
        gateway.wait_for_line("DIG-2005: visitors have to wait: no descriptor is left for them")
        full = gateway.settled_descriptors()
        assert full <= LIMIT - RESERVED + 2, "the reserve is there"
        assert not is_served(ports[0], seconds=1)

        # Another agent comes, and has a name that nobody had before.
        other = programs.agent(gateway, name="other", backend=echo)
        gateway.wait_for_name("other", seconds=5)
        other.wait_for_line("connected to the gateway")

        # It is said once a second, not for each name and each look.
        before, began = len(waits_said(gateway)), time.monotonic()
        time.sleep(3)
        said = len(waits_said(gateway)) - before
        assert 1 <= said <= time.monotonic() - began + 2, said
    finally:
        for visitor in idle:
            if visitor:
                visitor.close()
    harness.wait_until(lambda: is_served(ports[0], seconds=1), 20, "service for visitors")
    assert is_served(gateway.wait_for_name("other"))
    assert gateway.settled_descriptors() < LIMIT - RESERVED
