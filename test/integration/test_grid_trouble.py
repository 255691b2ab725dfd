"""A node in trouble, as real programs meet it: a newcomer waits with the right words, a live session stays."""

import pytest

import backends
import fake_node
import harness
from grid_world import ALICE, AUDIENCE, BOB, World, fetch
from test_grid_chain import Authority

# How the node fails, over which transport (test_grid_chain.py has each over both), and the gateway's words for it.
TROUBLES = {
    "late": ("ws", "no answer in time"),
    "garbage": ("http", "not understood"),
    "wrong-id": ("ws", "not understood"),
    "old-layout": ("http", "the twin on the chain was not understood"),
    "state-error": ("ws", "the chain cannot be asked now"),
    "stale": ("ws", "newest block is not of now"),
    "ahead": ("http", "newest block is not of now"),
    "drop": ("ws", "the node closed the connection"),
    "long": ("http", "the answer is too long"),
    "gone": ("ws", "connection refused"),
}
assert set(fake_node.MODES) - {"well", "other-chain", "http-error"} <= set(TROUBLES)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.chain.set_name("shop", 502, BOB)
    yield made
    made.close()


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


def begin(node, mode):
    if mode == "gone":
        node.stop()
    else:
        node.mode = mode


def end(node, mode):
    if mode == "gone":
        node.start_again()
    node.mode = "well"
    if mode == "late":
        node.drop_all()


@pytest.mark.parametrize("mode", TROUBLES)
def test_a_node_in_trouble(world, programs, echo, mode):
    scheme, words = TROUBLES[mode]
    node = world.node()
    gateway = world.gateway(programs, endpoints=[node.url(scheme)])
    live = world.agent(programs, gateway, backend=echo)
    port = gateway.wait_for_name("example")
    begin(node, mode)
    newcomer = programs.agent(gateway, *world.signer(world.bob, BOB), name="shop", backend=echo)
    newcomer.wait_for_line("WARN .*DIG-2011", 15)
    undecided = rf"whether grid:{ALICE} may still use name 'example' could not be decided"
    gateway.wait_for_line(undecided, 25)
    assert gateway.find_line(words)
    assert fetch(port) == b"hello" and live.is_running() and newcomer.is_running()
    assert not gateway.find_line("(?<!un)register domain 'shop'"), "nobody could have said yes"
    assert not gateway.find_line("unregister domain") and not newcomer.find_line("ERROR")
    end(node, mode)
    assert fetch(gateway.wait_for_name("shop", 30)) == b"hello"
    # The live session was asked about again, and what it has is what the chain says now.
    assert fetch(port) == b"hello" and not gateway.find_line("unregister domain")
    world.chain.cancel("example", 501)
    assert live.wait(20) == 6, "a node that is well again is believed"
    assert fetch(gateway.wait_for_name("shop")) == b"hello"


@pytest.mark.parametrize("scheme", ["wss", "https"])
@pytest.mark.parametrize("fault", ["wrong host", "expired", "unknown CA"])
def test_an_endpoint_that_proves_nothing(world, programs, echo, tmp_path, scheme, fault):
    authority = Authority(tmp_path, "authority")
    shown = {"wrong host": lambda: authority.sign("host", names="DNS:other.test"),
             "expired": lambda: authority.sign("expired", days=-1),
             "unknown CA": lambda: Authority(tmp_path, "stranger").sign("unknown")}[fault]()
    words = {"wrong host": "hostname mismatch", "expired": "certificate has expired",
             "unknown CA": "unable to get local issuer certificate"}[fault]
    bad, good = world.node(**shown), world.node(**authority.sign("node"))
    check = programs.program("check", harness.bin_dir() / "diglett-server", "check", "--auth", "grid", "--grid-audience",
                             AUDIENCE, "--grid-ca-file", authority.file, "--grid-endpoints", bad.url(scheme, "localhost"))
    assert check.wait(30) == 3
    assert check.out[0].startswith(f"unusable {bad.url(scheme, 'localhost')}: ") and words in check.out[0]
    gateway = world.gateway(programs, "--grid-ca-file", authority.file, endpoints=[bad.url(scheme, "localhost")])
    agent = world.agent(programs, gateway, backend=echo)
    agent.wait_for_line("WARN .*DIG-2011", 15)
    assert agent.is_running() and not gateway.find_line("register domain")
    both = world.gateway(programs, "--grid-ca-file", authority.file,
                         endpoints=[bad.url(scheme, "localhost"), good.url(scheme, "localhost")])
    world.agent(programs, both, backend=echo)
    assert fetch(both.wait_for_name("example", 20)) == b"hello"
    assert not bad.asked, "a question reached a node that proved nothing"
    assert good.asked
