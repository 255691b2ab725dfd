"""A real gateway's routes for Traefik, without a Traefik: which files are there, and when."""

import json
import os
import signal
import subprocess
import time

import pytest

import backends
import harness
from grid_world import fetch

DOMAINS = ("gateway.test", "other.test")


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


@pytest.fixture
def routes(tmp_path):
    folder = tmp_path / "routes"
    folder.mkdir()
    return folder


def options(routes, *more):
    return ["--traefik-dir", routes, *(part for domain in DOMAINS for part in ("--domain", domain)), *more]


def route(routes, name):
    """What the file of a name says: its rule and its port."""
    said = json.loads((routes / f"diglett-{name}.yml").read_text())["http"]
    (router,), (service,) = said["routers"].values(), said["services"].values()
    return router["rule"], int(service["loadBalancer"]["servers"][0]["url"].rpartition(":")[2])


def names(routes):
    """What is in the folder but the one that the gateway locks."""
    return sorted(path.name for path in routes.iterdir() if path.name != ".diglett-staging")


def restarted(programs, gateway):
    arguments = gateway.command[gateway.command.index("--state-dir") + 2:]
    return programs.gateway(*arguments, auth=None, label="gateway1", listen=gateway.address)


def test_a_name_is_a_file_as_long_as_it_is_served(programs, routes, echo):
    gateway = programs.gateway(*options(routes))
    agent = programs.agent(gateway, name="shop", backend=echo)
    port = gateway.wait_for_name("shop")
    agent.wait_for_line("https://shop.gateway.test", lines=agent.out)
    rule, routed = route(routes, "shop")
    assert rule == "Host(`shop.gateway.test`) || Host(`shop.other.test`)" and routed == port
    assert 10_000 <= port <= 19_999 and fetch(port) == b"hello"
    assert agent.stop() == 0
    harness.wait_until(lambda: names(routes) == [], 3, "the end of the route")
    assert agent.out == ["https://shop.gateway.test"]


def test_the_printed_address_is_as_configured(programs, routes, echo):
    gateway = programs.gateway(*options(routes, "--traefik-public-scheme", "http", "--traefik-public-port", "8080"))
    agent = programs.agent(gateway, name="shop", backend=echo)
    agent.wait_for_line(".", lines=agent.out)
    assert agent.out == ["http://shop.gateway.test:8080"]


def test_a_lost_link_keeps_the_route_for_its_grace(programs, routes, echo):
    gateway = programs.gateway(*options(routes, "--grace", "3s"))
    agent = programs.agent(gateway, name="shop", backend=echo, label="agent")
    port = gateway.wait_for_name("shop")
    agent.kill()
    time.sleep(1)
    assert route(routes, "shop")[1] == port, "a lost link is no unregister"
    again = programs.agent(gateway, name="shop", backend=echo, label="agent")
    assert gateway.wait_for_name("shop", count=2) == port
    assert fetch(port) == b"hello" and route(routes, "shop")[1] == port
    again.kill()
    kept = time.monotonic()
    harness.wait_until(lambda: names(routes) == [], 10, "the end of the grace")
    assert time.monotonic() - kept >= 2.5


def test_a_restart_after_a_crash_removes_what_was_left(programs, routes, echo):
    gateway = programs.gateway(*options(routes, "--helper-ports", "15100-15101"), label="gateway1")
    (routes / "mine.yml").write_text("http: {}\n")
    agent = programs.agent(gateway, name="shop", backend=echo)
    port = gateway.wait_for_name("shop")
    agent.kill()
    gateway.kill()
    assert "diglett-shop.yml" in names(routes)
    again = restarted(programs, gateway)
    assert names(routes) == ["mine.yml"]
    other = programs.agent(again, name="blog", backend=echo)
    assert again.wait_for_name("blog") != port, "visitors of the old name may still be led there"
    full = programs.agent(again, name="third", backend=echo)
    full.wait_for_line("DIG-2010: name 'third' has to wait: ")
    back = programs.agent(again, name="shop", backend=echo, label="agent1")
    assert again.wait_for_name("shop") == port, "but the old name may have it"
    assert all(program.is_running() for program in (other, full, back))


def test_a_file_of_others_stays_whatever_it_is_called(programs, routes, echo):
    theirs = routes / "diglett-chain.yml"
    theirs.write_text("http:\n  middlewares:\n    auth:\n      basicAuth:\n        users: []\n")
    text = theirs.read_text()
    gateway = programs.gateway(*options(routes))
    gateway.wait_for_line("WARN .*diglett-chain.yml' is called like a file of this gateway's")
    agent = programs.agent(gateway, name="chain", backend=echo)
    agent.wait_for_line("DIG-2010: name 'chain' has to wait: .*diglett-chain.yml' is in the way")
    assert theirs.read_text() == text
    theirs.rename(routes / "chain.yml")
    gateway.wait_for_name("chain", 10)
    assert route(routes, "chain")[0].startswith("Host(`chain.gateway.test`)")
    assert agent.stop() == 0
    harness.wait_until(lambda: names(routes) == ["chain.yml"], 3, "the end of the route")


def test_the_port_of_a_name_that_is_gone_rests(programs, routes, echo):
    gateway = programs.gateway(*options(routes, "--helper-ports", "15110-15110", "--helper-port-rest", "3s"))
    agent = programs.agent(gateway, name="shop", backend=echo)
    port = gateway.wait_for_name("shop")
    assert port == 15_110 and agent.stop() == 0
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        fetch(port, seconds=2)
    programs.agent(gateway, name="blog", backend=echo)
    assert gateway.wait_for_name("blog", 20) == port
    assert time.monotonic() - began >= 2.5


def test_one_folder_is_for_one_gateway(programs, routes):
    programs.gateway(*options(routes))
    second = programs.program("second", harness.bin_dir() / "diglett-server", "-l", "127.0.0.1:0", "--state-dir",
                              routes.parent / "second-state", *options(routes))
    assert second.wait() == 3
    assert "DIG-1005" in second.err[-1] and str(routes) in second.err[-1]


def test_a_staging_folder_of_others_is_not_taken(programs, routes):
    staging = routes.with_name("routes.staging")
    staging.mkdir()
    staging.chmod(0o777)
    for command in ((), ("check",)):
        done = programs.program(f"server{len(command)}", harness.bin_dir() / "diglett-server", *command,
                                "-l", "127.0.0.1:0", "--state-dir", routes.parent / "state", *options(routes))
        assert done.wait() == 3
        assert f"DIG-1007: the staging directory '{staging}' must belong" in done.err[-1]


def test_a_kind_that_cannot_be_published_is_refused(programs, routes, echo):
    gateway = programs.gateway(*options(routes))
    agent = programs.agent(gateway, "--kind", "tls", name="shop", backend=echo)
    assert agent.wait() == 6
    assert "'shop'" in agent.err[-1] and names(routes) == []


def test_tls_is_passed_through_where_it_can_be(programs, routes, echo):
    gateway = programs.gateway(*options(routes, "--traefik-passthrough-entry-points", "passthrough",
                                        "--traefik-public-scheme", "http", "--traefik-public-port", "8080",
                                        "--traefik-passthrough-public-port", "8443"))
    agent = programs.agent(gateway, "--kind", "tls", name="shop", backend=echo)
    agent.wait_for_line(".", lines=agent.out)
    assert agent.out == ["https://shop.gateway.test:8443"]
    said = json.loads((routes / "diglett-shop.yml").read_text())
    router, = said["tcp"]["routers"].values()
    assert router["tls"] == {"passthrough": True} and router["entryPoints"] == ["passthrough"]


@pytest.mark.parametrize("optional", [False, True])
def test_a_folder_that_is_gone(programs, routes, echo, optional):
    gateway = programs.gateway(*options(routes, *(["--traefik-optional"] if optional else [])))
    routes.rename(routes.with_name("moved"))
    agent = programs.agent(gateway, name="shop", backend=echo)
    if optional:
        gateway.wait_for_name("shop")
        routes.mkdir()
        harness.wait_until(lambda: names(routes) == ["diglett-shop.yml"], 10, "the route")
        assert agent.stop() == 0
        harness.wait_until(lambda: names(routes) == [], 3, "the end of the route")
        return
    agent.wait_for_line("DIG-2010: name 'shop' has to wait: .*restart Traefik")
    routes.mkdir()
    gateway.wait_for_name("shop", 90)
    assert agent.is_running() and names(routes) == ["diglett-shop.yml"]


def test_an_agent_that_comes_back_keeps_its_route_without_a_folder(programs, routes, echo):
    gateway = programs.gateway(*options(routes, "--traefik-optional"))
    agent = programs.agent(gateway, name="shop", backend=echo, label="agent")
    port = gateway.wait_for_name("shop")
    harness.wait_until(lambda: names(routes) == ["diglett-shop.yml"], 5, "the route")
    routes.rename(routes.with_name("moved"))
    agent.kill()
    again = programs.agent(gateway, name="shop", backend=echo, label="agent")
    assert gateway.wait_for_name("shop", count=2) == port
    gateway.wait_for_line("WARN .*'shop' goes on without an optional registrar: traefik: .*is gone")
    routes.with_name("moved").rename(routes)
    gateway.wait_for_line("name 'shop' has its optional registrar traefik")
    assert route(routes, "shop")[1] == port and fetch(port) == b"hello"
    assert again.stop() == 0
    harness.wait_until(lambda: names(routes) == [], 3, "the end of the route")


def test_a_full_disk_costs_nothing_but_new_names(programs, tmp_path, echo):
    routes = tmp_path / "disk"
    routes.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", routes], capture_output=True)
    if mount.returncode != 0:
        pytest.skip("no right to mount a small disk")
    try:
        gateway = programs.gateway(*options(routes))
        programs.agent(gateway, name="shop", backend=echo)
        port = gateway.wait_for_name("shop")
        filler = os.open(routes / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, bytes(4096)):
                pass
        except OSError:
            os.close(filler)
        agent = programs.agent(gateway, name="blog", backend=echo)
        agent.wait_for_line("DIG-2010: name 'blog' has to wait: .*No space left")
        assert route(routes, "shop")[1] == port and fetch(port) == b"hello"
        (routes / "filler").unlink()
        gateway.wait_for_name("blog", 5)
        assert agent.is_running()
        for program in programs.started:
            assert program.stop() == 0
    finally:
        subprocess.run(["umount", routes], check=True)


def test_check_looks_at_the_folder(programs, tmp_path):
    def check(*arguments):
        done = programs.program("check", harness.bin_dir() / "diglett-server", "check", *arguments)
        return done.wait(), done
    missing = tmp_path / "missing"
    code, done = check(*options(missing))
    assert code == 3 and str(missing) in done.err[-1]
    missing.mkdir()
    code, done = check(*options(missing))
    assert (code, done.out, list(missing.iterdir())) == (0, ["the configuration is valid"], [])


def test_a_range_that_the_system_uses_is_warned_of(programs, echo):
    gateway = programs.gateway("--helper-ports", "40000-40100")
    gateway.wait_for_line("WARN .*--helper-ports 40000-40100: .*ip_local_port_range")
    programs.agent(gateway, name="shop", backend=echo)
    assert 40_000 <= gateway.wait_for_name("shop") <= 40_100
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
