"""No other name gets a helper port before its rest is over, whatever became of the gateway meanwhile."""

import random
import signal
import socket

import pytest

import backends
import harness


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


def ports_of_our_own(count):
    """Beyond those of other gateways on this machine, which begin at 10000, and of other tests."""
    low = random.randrange(16_000, 19_998, 2)
    return f"{low}-{low + count - 1}"


def start(programs, ports, listen="127.0.0.1:0", rest="10m"):
    arguments = ("--helper-ports", ports, "--helper-port-rest", rest)
    return programs.gateway(*arguments, label="gateway", listen=listen)


def shop_had_a_port(programs, gateway, echo):
    agent = programs.agent(gateway, name="shop", backend=echo, label="shop")
    port = gateway.wait_for_name("shop")
    assert agent.stop() == 0
    gateway.wait_for_unregister("shop")
    return port


def assert_kept_for_shop(programs, gateway, echo, port):
    programs.agent(gateway, name="blog", backend=echo)
    assert gateway.wait_for_name("blog") != port
    full = programs.agent(gateway, name="third", backend=echo)
    full.wait_for_line("DIG-2010: name 'third' has to wait: ")
    with pytest.raises(ConnectionError):
        harness.connect(port, seconds=2)
    programs.agent(gateway, name="shop", backend=echo, label="shop")
    assert gateway.wait_for_name("shop") == port, "its own it has at once"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_cuts_no_rest_short(programs, echo, ending):
    ports = ports_of_our_own(2)
    gateway = start(programs, ports)
    port = shop_had_a_port(programs, gateway, echo)
    gateway.kill() if ending == signal.SIGKILL else gateway.stop()
    assert_kept_for_shop(programs, start(programs, ports, listen=gateway.address), echo, port)


def test_nor_does_a_start_that_fails(programs, echo):
    ports = ports_of_our_own(2)
    gateway = start(programs, ports)
    port = shop_had_a_port(programs, gateway, echo)
    gateway.stop()
    host, number = gateway.address.rsplit(":", 1)
    with socket.create_server((host, int(number))):
        folder = gateway.command[gateway.command.index("--state-dir") + 1]
        failed = programs.program("failed", harness.bin_dir() / "diglett-server", "-l", gateway.address, "--auth", "open",
                                  "--state-dir", folder, "--helper-ports", ports)
        assert failed.wait() == 3
        assert failed.find_line("DIG-")
    assert_kept_for_shop(programs, start(programs, ports, listen=gateway.address), echo, port)


def test_the_rest_goes_on_and_ends(programs, echo):
    ports = ports_of_our_own(1)
    gateway = start(programs, ports, rest="4s")
    port = shop_had_a_port(programs, gateway, echo)
    gateway.stop()
    gateway = start(programs, ports, listen=gateway.address, rest="4s")
    waiting = programs.agent(gateway, name="blog", backend=echo)
    waiting.wait_for_line("DIG-2010: name 'blog' has to wait: ")
    assert gateway.wait_for_name("blog", 20) == port


def test_what_a_start_that_fails_has_removed_is_known_to_the_next(programs, echo, tmp_path):
    routes = tmp_path / "routes"
    routes.mkdir()
    traefik = ("--traefik-dir", routes, "--domain", "gateway.test")
    ports = ("--helper-ports", ports_of_our_own(2))
    gateway = programs.gateway(*ports, *traefik, label="gateway")
    agent = programs.agent(gateway, name="shop", backend=echo, label="shop")
    port = gateway.wait_for_name("shop")
    agent.kill()
    gateway.kill()
    folder = gateway.command[gateway.command.index("--state-dir") + 1]
    (harness.Path(folder) / "gateway" / "ports.json").unlink()  # as a gateway that kept no ports has left it
    host, number = gateway.address.rsplit(":", 1)
    with socket.create_server((host, int(number))):
        failed = programs.program("failed", harness.bin_dir() / "diglett-server", "-l", gateway.address, "--auth", "open",
                                  "--state-dir", folder, *ports, *traefik)
        assert failed.wait() == 3
    assert not list(routes.glob("*.yml"))
    assert_kept_for_shop(programs, programs.gateway(*ports, *traefik, label="gateway", listen=gateway.address), echo, port)
