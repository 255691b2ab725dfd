"""Names whose right is asked for again while they live: real programs, with a fake node of the chain."""

import re
import time

import pytest

import backends
import harness
from grid_chain import CONTRACT_PALLET_VERSION, GRACE
from grid_world import ALICE, BOB, CONTRACT, World, fetch


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


def test_a_cancelled_contract_ends_the_name(world, programs, echo):
    gateway = world.gateway(programs)
    agent = world.agent(programs, gateway, backend=echo)
    gateway.wait_for_name("example")
    world.chain.cancel("example", CONTRACT)
    assert agent.wait() == 6
    assert "DIG-4007" in agent.err[-1] and "'example'" in agent.err[-1], agent.err[-1]
    gateway.wait_for_unregister("example")


def test_a_cancelled_contract_ends_no_other_name(world, programs, echo):
    world.chain.set_name("shop", 502, ALICE)
    gateway = world.gateway(programs)
    config = world.folder / "agent.toml"
    config.write_text("".join(f'[[service]]\nname = "{name}"\nbackend = {echo}\n' for name in ("example", "shop")))
    agent = programs.program("agent", harness.bin_dir() / "diglett", "--config", config, "-g", gateway.address,
                             *world.signer())
    ports = {name: gateway.wait_for_name(name) for name in ("example", "shop")}
    world.chain.cancel("example", CONTRACT)
    gateway.wait_for_unregister("example")
    agent.wait_for_line(r"DIG-4007: name 'example': ")
    assert fetch(ports["shop"]) == b"hello"
    assert agent.is_running()


def test_a_name_that_is_sold_goes_to_its_new_owner(world, programs, echo):
    """At once: the contract outranks what the gateway has reserved."""
    gateway = world.gateway(programs)
    seller = world.agent(programs, gateway, backend=echo)
    gateway.wait_for_name("example")
    world.chain.set_name("example", CONTRACT + 1, BOB)
    buyer = programs.agent(gateway, *world.signer(world.bob, BOB), name="example", backend=echo)
    assert seller.wait() == 6
    assert fetch(gateway.wait_for_name("example", count=2)) == b"hello"
    assert buyer.is_running()


def test_a_name_that_is_sold_while_nobody_asks(world, programs, echo):
    gateway = world.gateway(programs, recheck="10m")
    seller = world.agent(programs, gateway, backend=echo)
    gateway.wait_for_name("example")
    world.chain.set_name("example", CONTRACT + 1, BOB)
    programs.agent(gateway, *world.signer(world.bob, BOB), name="example", backend=echo)
    assert seller.wait() == 6, "asked at once because another has a contract"
    assert fetch(gateway.wait_for_name("example", count=2)) == b"hello"


def test_a_name_that_is_bought_again_is_kept(world, programs, echo):
    gateway = world.gateway(programs)
    agent = world.agent(programs, gateway, backend=echo)
    port = gateway.wait_for_name("example")
    world.chain.set_name("example", CONTRACT + 1, ALICE)
    node = world.nodes[0]
    asked = node.count("chain_getFinalizedHead")
    harness.wait_until(lambda: node.count("chain_getFinalizedHead") > asked + 2, 10, "two looks at the name")
    assert fetch(port) == b"hello" and agent.is_running()


def test_another_account_ends_the_session(world, programs, echo):
    gateway = world.gateway(programs)
    agent = world.agent(programs, gateway, backend=echo)
    gateway.wait_for_name("example")
    world.chain.set_twin(ALICE, world.bob.account)
    assert agent.wait() == 5
    gateway.wait_for_line(rf"name 'example' is revoked from grid:{ALICE}: the twin belongs to another account")
    assert re.search("DIG-3003: .*'example'.*another account", agent.err[-1]), agent.err[-1]
    gateway.wait_for_unregister("example")


@pytest.mark.parametrize("strict", [False, True])
def test_a_grace_period(world, programs, echo, strict):
    gateway = world.gateway(programs, *(["--grid-strict"] if strict else []))
    agent = world.agent(programs, gateway, backend=echo)
    port = gateway.wait_for_name("example")
    world.chain.set_name("example", CONTRACT, ALICE, GRACE)
    if strict:
        assert agent.wait() == 6
    else:
        node = world.nodes[0]
        asked = node.count("chain_getFinalizedHead")
        harness.wait_until(lambda: node.count("chain_getFinalizedHead") > asked + 2, 10, "two looks at the name")
        assert fetch(port) == b"hello"


def test_a_chain_in_trouble_ends_nothing(world, programs, echo):
    gateway = world.gateway(programs)
    agent = world.agent(programs, gateway, backend=echo)
    port = gateway.wait_for_name("example")
    node = world.nodes[0]
    for mode in ("garbage", "state-error", "stale", "old-layout"):
        node.mode = mode
        time.sleep(harness.scaled(1.5))
        assert fetch(port) == b"hello", mode
    world.chain.edit({CONTRACT_PALLET_VERSION: None})
    node.mode = "well"
    time.sleep(harness.scaled(1.5))
    assert fetch(port) == b"hello"
    assert agent.is_running() and not gateway.find_line("unregister domain")
