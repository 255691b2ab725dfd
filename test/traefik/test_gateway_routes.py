"""Real gateway, real agents, real Traefik: when a page is there, and when it is gone."""

import os
import signal
import ssl
import threading
import time

import pytest

import harness
import traefik_server
from grid_world import AUDIENCE, CONTRACT, World
from traefik_server import Named, make_certificate

GONE_SECONDS = 3
BACK_SECONDS = 5
HOST = "example.gateway.test"


@pytest.fixture
def gateway(programs, traefik):
    def start(*arguments, **options):
        return programs.gateway("--traefik-dir", traefik.directory, "--domain", "gateway.test", *arguments, **options)

    return start


def restarted(programs, gateway):
    arguments = gateway.command[gateway.command.index("--state-dir") + 2:]
    return programs.gateway(*arguments, auth=None, label=gateway.label, listen=gateway.address)


def test_an_orderly_stop(programs, traefik, gateway, backend):
    served = gateway()
    agent = programs.agent(served, name="example", backend=backend(Named, "page").port)
    traefik.wait_for(HOST, "page")
    agent.signal(signal.SIGTERM)
    traefik.wait_for(HOST, status=404, seconds=GONE_SECONDS)
    assert agent.wait() == 0, "once Traefik's idle connections to the backend have had their time"


def test_the_end_of_the_grace(programs, traefik, gateway, backend):
    served = gateway("--grace", "2s")
    agent = programs.agent(served, name="example", backend=backend(Named, "page").port)
    traefik.wait_for(HOST, "page")
    agent.kill()
    traefik.wait_for(HOST, status=404, seconds=2 + GONE_SECONDS)


@pytest.mark.parametrize("returns", [False, True])
def test_a_crash_of_the_gateway(programs, traefik, gateway, backend, returns):
    served = gateway()
    agent = programs.agent(served, name="example", backend=backend(Named, "page").port)
    traefik.wait_for(HOST, "page")
    if not returns:
        agent.kill()
    served.kill()
    began = time.monotonic()
    restarted(programs, served)
    if returns:
        traefik.wait_for(HOST, "page", seconds=BACK_SECONDS)
        time.sleep(harness.scaled(3))  # Traefik's patience: what it saw go and come back, it has read now
        assert traefik.fetch(HOST) == (200, "page")
    else:
        traefik.wait_for(HOST, status=404, seconds=GONE_SECONDS)
        assert time.monotonic() - began < harness.scaled(BACK_SECONDS)


def test_many_restarts_of_an_agent_under_traffic(programs, traefik, gateway, backend):
    """No end of an older registration takes a newer one's route away: neither an agent's, nor a grace's that
    is over when its name has a newer owner for long."""
    served = gateway("--grace", "2s")
    pages = [backend(Named, "even"), backend(Named, "odd")]
    file = traefik.directory / f"diglett-{HOST.partition('.')[0]}.yml"
    ended = threading.Event()
    strange = []

    def visit():
        while not ended.is_set():
            status, page = traefik.fetch(HOST)
            if status == 200 and page not in ("even", "odd"):
                strange.append(page)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        restarts = max(4, int(200 * float(os.environ.get("DIGLETT_SCALE", "1"))))
        ports = set()
        for turn in range(1, restarts + 1):
            agent = programs.agent(served, name="example", backend=pages[turn % 2].port, label="agent")
            ports.add(served.wait_for_name("example", count=turn))
            assert file.exists()
            if turn % 20 in (0, 1) or turn == restarts:  # after a kill, and after a stop
                traefik.wait_for(HOST, pages[turn % 2].pages["/"].decode())
                began = time.monotonic()
                while time.monotonic() - began < harness.scaled(3):  # longer than grace and Traefik's patience
                    assert file.exists(), f"in turn {turn}"
                    time.sleep(0.05)
                assert traefik.fetch(HOST) == (200, pages[turn % 2].pages["/"].decode())
            if turn < restarts:
                agent.kill() if turn % 2 else agent.stop()
        assert len(ports) == 1, "a name keeps its port"
    finally:
        ended.set()
        visitor.join(30)
    assert not strange


@pytest.mark.parametrize("version", [1, 2])
def test_passthrough_tells_the_backend_who_the_visitor_is(programs, traefik, gateway, tmp_path, version):
    """Nginx shows its own certificate, and reads the visitor's address from the PROXY protocol's header."""
    certificate, key = make_certificate(tmp_path, HOST)
    port = traefik_server.free_port()
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl proxy_protocol;\n"
        f"ssl_certificate {certificate}; ssl_certificate_key {key};\n"
        'location / { return 200 "$proxy_protocol_addr $proxy_protocol_port"; } } }\n')
    programs.program("nginx", "/usr/sbin/nginx", "-e", "stderr", "-c", tmp_path / "nginx.conf")
    served = gateway("--traefik-passthrough-entry-points", "passthrough", "--traefik-proxy-protocol", str(version))
    agent = programs.agent(served, "--kind", "tls", name="example", backend=port)
    agent.wait_for_line(f"^https://{HOST}$", lines=agent.out)

    def right():
        try:
            with traefik.visit(HOST, certificate, ("127.0.0.7", 0)) as visitor:
                address, local = visitor.getsockname()
                visitor.sendall(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
                said = b"".join(iter(lambda: visitor.recv(4096), b""))
        except (ssl.SSLError, ConnectionError):
            return False  # Traefik's own certificate: not routed yet
        assert said.rpartition(b"\r\n\r\n")[2].decode() == f"{address} {local}", said
        return True

    harness.wait_until(right, traefik_server.ROUTE_SECONDS, "nginx behind Traefik", step=0.1)
    assert agent.stop() == 0

    def refused():
        try:
            traefik.visit(HOST, certificate).close()
            return False
        except (ssl.SSLError, ConnectionError):
            return True

    harness.wait_until(refused, GONE_SECONDS, "the end of the route", step=0.1)


def test_traefik_restarted(programs, traefik, gateway, backend):
    served = gateway()
    programs.agent(served, name="example", backend=backend(Named, "page").port)
    traefik.wait_for(HOST, "page")
    traefik.restart()
    traefik.wait_for(HOST, "page", seconds=BACK_SECONDS)


def test_the_whole_mission(programs, traefik, backend, tmp_path):
    """A twin's key is all that a workload needs for a page of its own, and a contract all that it rests on."""
    world = World(tmp_path)
    try:
        served = world.gateway(programs, "--traefik-dir", traefik.directory, "--domain", AUDIENCE,
                               "--traefik-public-port", str(traefik.ports["websecure"]), audience=None)
        port = traefik_server.free_port()
        (tmp_path / "page").mkdir(mode=0o755)
        (tmp_path / "page" / "index.html").write_text("nginx's page")
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {tmp_path}/nginx.pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {tmp_path}/page; }} }}\n")
        programs.program("nginx", "/usr/sbin/nginx", "-e", "stderr", "-c", tmp_path / "nginx.conf")
        agent = world.agent(programs, served, backend=port)
        url = f"https://{HOST}:{traefik.ports['websecure']}"
        agent.wait_for_line(".", lines=agent.out)
        assert agent.out == [url]
        traefik.wait_for(HOST, "nginx's page")
        world.chain.cancel("example", CONTRACT)
        traefik.wait_for(HOST, status=404, seconds=1 + GONE_SECONDS)
        assert agent.wait() == 6
        assert agent.out == [url]
    finally:
        world.close()
