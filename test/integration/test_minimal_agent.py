"""minimal_agent.py, written from docs/protocol.md alone, and our gateway understand each other."""

import ast
import concurrent.futures
import random
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

import backends
import harness
import transfers

AGENT = Path(__file__).with_name("minimal_agent.py")


@pytest.fixture
def minimal(programs):
    """Starts gateway and minimal agent: `minimal(backend.port)` -> helper port."""

    def start(port, *arguments, gateway=None):
        start.gateway = gateway or programs.gateway()
        start.agent = programs.program("minimal", sys.executable, "-u", AGENT, start.gateway.address, "example",
                                       f"127.0.0.1:{port}", *arguments)
        return start.gateway.wait_for_name("example")

    return start


def test_it_shares_nothing_with_the_project():
    imported = {name.name.split(".")[0] for node in ast.walk(ast.parse(AGENT.read_text()))
                if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module.split(".")[0] for node in ast.walk(ast.parse(AGENT.read_text()))
                 if isinstance(node, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names == {"OpenSSL", "cryptography"}


def test_it_serves_a_page(minimal, web):
    port = minimal(web.port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        assert answer.read() == b"hello from the backend\n"
    assert minimal.agent.find_line(f"registered at port {port}", minimal.agent.out)


def test_it_carries_transfers_both_ways(minimal, backend):
    port = minimal(backend(backends.exchange).port)

    def both(seed, size):
        with harness.connect(port, seconds=60) as visitor:
            assert transfers.toward_backend(visitor, seed, size)
            assert transfers.toward_visitor(visitor, seed + 1, size).matches(seed + 1, size)

    both(1, 20_000_000)
    sizes = random.Random(5)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(both, 100 + 2 * i, int(2 ** sizes.uniform(0, 20))) for i in range(60)]:
            done.result()


def test_half_close_and_resets_pass(minimal, backend):
    served = backend(backends.digest_at_end)
    port = minimal(served.port)
    with harness.connect(port) as visitor:
        transfers.send_stream(visitor, 1, 3_000_000)
        visitor.shutdown(socket.SHUT_WR)
        got = transfers.receive_stream(visitor)
        assert (got.head, got.end) == (transfers.digest(1, 3_000_000), "fin")
    visitor = harness.connect(port)
    served.wait_for_connection(2)
    backends.reset(visitor)
    assert served.records[1].wait().end == "reset"
    with harness.connect(port) as visitor:
        served.wait_for_connection(3)
        served.reset_all()
        assert transfers.receive_stream(visitor).end == "reset"


def test_a_refused_backend_is_a_reset(minimal, backend):
    served = backend(backends.echo)
    served.stop_listening()
    with harness.connect(minimal(served.port)) as visitor:
        assert transfers.receive_stream(visitor).end == "reset"


def test_it_hears_that_the_gateway_stops(minimal, web):
    minimal(web.port)
    assert minimal.gateway.stop() == 0
    assert minimal.agent.wait() == 0
    assert minimal.agent.find_line("the gateway ends the session: shutdown", minimal.agent.out)


def test_token_and_pin(minimal, programs, web, tmp_path):
    tokens = harness.tokens_file(tmp_path, ("alice", "right", ["example"]))
    gateway = programs.gateway("--tokens-file", tokens, auth="tokens")
    pin = gateway.wait_for_line(r"--pin (sha256/\S+)").group(1)
    minimal(web.port, "--token", "right", "--pin", pin, gateway=gateway)
    assert minimal.agent.find_line("logged in as tokens:alice", minimal.agent.out)
    for wrong in (["--token", "wrong", "--pin", pin], ["--token", "right", "--pin", "sha256/x"]):
        agent = programs.program("refused", sys.executable, AGENT, gateway.address, "example", "127.0.0.1:9", *wrong)
        assert agent.wait() == 1
        assert agent.find_line("refused: 1 " if "wrong" in wrong else "the gateway shows")
