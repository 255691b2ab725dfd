"""Agents of ThreeFold twins: real programs over real TLS, with a fake node of the chain."""

import base64
import json
import time

import pytest

import backends
import harness
from grid_chain import mint, twin_key
from minimal_agent import WELCOME
from scripted_peer import Peer
from test_grid_chain import Authority
from grid_world import ALICE, AUDIENCE, BOB, World, dev_key, fetch


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


def test_a_twins_key_is_all_that_an_agent_needs(world, programs, echo):
    gateway = world.gateway(programs)
    agent = world.agent(programs, gateway, backend=echo)
    assert fetch(gateway.wait_for_name("example")) == b"hello"
    agent.wait_for_line(rf"connected to the gateway as grid:{ALICE}")
    assert agent.stop() == 0
    gateway.wait_for_unregister("example")


def test_a_phrase_of_the_usual_kind(world, programs, echo, tmp_path):
    phrase, account = dev_key()
    world.chain.set_twin(ALICE, account)
    file = tmp_path / "phrase"
    file.write_text(phrase)
    file.chmod(0o600)
    gateway = world.gateway(programs)
    programs.agent(gateway, "--grid-twin", ALICE, "--grid-key-file", file, "--grid-audience", AUDIENCE,
                   name="example", backend=echo)
    assert fetch(gateway.wait_for_name("example")) == b"hello"


@pytest.mark.parametrize("scheme", ["ws", "wss", "http", "https"])
def test_the_chain_over_each_transport(world, programs, echo, tmp_path, scheme):
    authority = Authority(tmp_path, "authority")
    node = world.node(**(authority.sign("node") if scheme in ("wss", "https") else {}))
    gateway = world.gateway(programs, "--grid-ca-file", authority.file, endpoints=[node.url(scheme, "localhost")])
    world.agent(programs, gateway, backend=echo)
    assert fetch(gateway.wait_for_name("example")) == b"hello"


@pytest.mark.parametrize("allowed", [False, True])
def test_over_protocol_1_only_where_it_is_allowed(world, programs, echo, allowed):
    gateway = world.gateway(programs, "--accept-v1", *(["--grid-allow-v1"] if allowed else []))
    agent = world.agent(programs, gateway, "--protocol", "1", backend=echo)
    if allowed:
        assert fetch(gateway.wait_for_name("example")) == b"hello"
    else:
        assert agent.wait() == 5
        assert "'example'" in agent.err[-1]


def test_the_audience_is_the_host_that_the_user_named(world, programs, echo):
    gateway = world.gateway(programs, audience="localhost")
    agent = programs.agent(f"LocalHost:{gateway.port}", *world.signer(audience=None), "--once",
                           name="example", backend=echo)
    gateway.wait_for_name("example")
    assert agent.stop() == 0
    other = programs.agent(gateway, *world.signer(audience=None), name="example", backend=echo)
    assert other.wait() == 5, "127.0.0.1 is not what the gateway's tokens are for"


def test_a_token_made_beforehand(world, programs, echo, tmp_path):
    gateway = world.gateway(programs)
    made = programs.program(
        "mint", harness.bin_dir() / "diglett", "grid-token", "--grid-twin", ALICE, "--grid-key-file",
        world.key_file(world.alice), "--grid-key-type", "ed25519", "--name", "other", "example", "--audience",
        "Gateway.test.", "--lifetime", "1h")
    assert made.wait() == 0
    assert len(made.out) == 1 and made.err == []
    claims = json.loads(base64.urlsafe_b64decode(made.out[0].split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 3600 and claims["name"] == ["other", "example"]
    programs.agent(gateway, "--token-file", world.token_file(made.out[0]), name="example", backend=echo)
    assert fetch(gateway.wait_for_name("example")) == b"hello"


def test_several_services_are_one_token(world, programs, echo, tmp_path):
    world.chain.set_name("shop", 502, ALICE)
    config = tmp_path / "agent.toml"
    config.write_text(f"""
gateway = "GATEWAY"
[grid]
twin = {ALICE}
key-file = "{world.key_file(world.alice)}"
key-type = "ed25519"
audience = "{AUDIENCE}"
[[service]]
name = "example"
backend = "127.0.0.1:{echo}"
[[service]]
name = "shop"
backend = "127.0.0.1:{echo}"
[[service]]
name = "nobodys"
backend = "127.0.0.1:{echo}"
""")
    gateway = world.gateway(programs)
    config.write_text(config.read_text().replace("GATEWAY", gateway.address))
    agent = programs.program("agent", harness.bin_dir() / "diglett", "--config", config)
    for name in ("example", "shop"):
        assert fetch(gateway.wait_for_name(name)) == b"hello"
    agent.wait_for_line(r"DIG-4005: name 'nobodys': ")
    assert agent.is_running(), "each Register is answered on its own"


def test_an_encoded_name_is_the_chains_to_give(world, programs, echo):
    world.chain.set_name("xn--bcher-kva", 502, ALICE)
    world.chain.set_name("www", 503, ALICE)
    gateway = world.gateway(programs)
    world.agent(programs, gateway, name="xn--bcher-kva", backend=echo)
    assert fetch(gateway.wait_for_name("xn--bcher-kva")) == b"hello"
    agent = world.agent(programs, gateway, name="www", backend=echo)
    assert agent.wait() == 6
    assert "DIG-4002" in agent.err[-1], "the words that others look up stay the operator's"


REFUSED = {
    "another name": (lambda world: world.token("other"), 6, "DIG-4005"),
    "another audience": (lambda world: world.token(audience="other.test"), 5, "DIG-3003"),
    "expired": (lambda world: world.token(issued_at=int(time.time()) - 3600), 5, "DIG-3004"),
    "from the future": (lambda world: world.token(issued_at=int(time.time()) + 600), 5, "DIG-3003"),
    "longer than allowed": (lambda world: world.token(lifetime=25 * 3600), 5, "DIG-3003"),
    "another twin's": (lambda world: mint(world.bob, ALICE, "example", AUDIENCE), 5, "DIG-3003"),
    "without contract": (lambda world: mint(world.bob, BOB, "example", AUDIENCE), 6, "DIG-4005"),
    "of no twin": (lambda world: mint(world.bob, 999, "example", AUDIENCE), 5, "DIG-3003"),
    "no token": (lambda world: "something else", 5, "DIG-3003"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_proved_opens_nothing(world, programs, echo, tmp_path, case):
    make, code, dig = REFUSED[case]
    routes = tmp_path / "routes"
    routes.mkdir()
    gateway = world.gateway(programs, "--traefik-dir", routes, "--domain", AUDIENCE)
    before = gateway.settled_descriptors()
    agent = programs.agent(gateway, "--token-file", world.token_file(make(world)), name="example", backend=echo)
    assert agent.wait() == code
    assert agent.out == []
    assert dig in agent.err[-1] and "'example'" in agent.err[-1], agent.err[-1]
    assert not gateway.find_line(r"(?<!un)register domain")
    assert list(routes.glob("*.yml")) == []
    harness.wait_until(lambda: gateway.descriptors() <= before + 1, 5, "the end of the session")


def test_a_chain_that_cannot_be_asked_is_no_refusal(world, programs, echo):
    node = world.node()
    gateway = world.gateway(programs, endpoints=[node.url("http")])
    node.stop()
    agent = world.agent(programs, gateway, backend=echo)
    agent.wait_for_line("DIG-2011")
    node.start_again()
    assert fetch(gateway.wait_for_name("example", 30)) == b"hello"


def test_a_hundred_logins_at_once_are_few_questions(world, programs):
    node = world.node()
    gateway = world.gateway(programs, endpoints=[node.url("ws")])
    token = world.token()
    # From four addresses, each of which may have 64 connections without a Login.
    peers = [Peer(gateway.port, source=f"127.0.0.{2 + number % 4}", seconds=20) for number in range(100)]
    assert node.count(twin_key(ALICE)) == 0
    flights = [peer.hello() + peer.login(token) for peer in peers]
    for peer, flight in zip(peers, flights, strict=True):
        assert peer.send(flight)
    for peer in peers:
        welcome = peer.wait_for(WELCOME)
        assert welcome is not None, peer.heard
        assert json.loads(welcome.payload)["identity"] == f"grid:{ALICE}"
    assert 1 <= node.count(twin_key(ALICE)) <= 10
    for peer in peers:
        peer.close()


def check(programs, label, *arguments):
    done = programs.program(label, harness.bin_dir() / "diglett-server", "check", "--auth", "grid",
                            "--grid-audience", AUDIENCE, *arguments)
    return done.wait(30), done


def test_check_tries_the_nodes(world, programs):
    well, ill = world.node(), world.node()
    ill.mode = "other-chain"
    code, done = check(programs, "check", "--grid-endpoints", well.url("ws"), "--grid-endpoints", ill.url("http"))
    assert code == 0
    assert done.out[0].startswith(f"usable {well.url('ws')}: substrate-threefold version 152, newest block ")
    assert done.out[1].startswith(f"unusable {ill.url('http')}: ") and "take the address of a node" in done.out[1]
    assert done.out[2:] == ["the configuration is valid"]


def test_check_without_a_usable_node(world, programs):
    node = world.node()
    node.stop()
    code, done = check(programs, "check", "--grid-endpoints", node.url("wss"))
    assert code == 3 and "DIG-1002" in done.err[-1] and "usable" in done.err[-1]
    assert done.out[0].startswith("unusable ")
    code, done = check(programs, "offline", "--offline", "--grid-endpoints", node.url("wss"))
    assert (code, done.out) == (0, ["the configuration is valid"])


def test_check_looks_at_the_authorities_without_asking_anybody(world, programs, tmp_path):
    no_certificate = tmp_path / "ca.pem"
    no_certificate.write_text("no certificate")
    for file in (tmp_path / "missing.pem", no_certificate):
        code, done = check(programs, file.name, "--offline", "--grid-endpoints", "wss://node.test",
                           "--grid-ca-file", file)
        assert code == 3 and done.out == [] and str(file) in done.err[-1]


def test_a_key_that_others_can_read(world, programs, echo, tmp_path):
    gateway = world.gateway(programs)
    options = world.signer()
    (tmp_path / f"{ALICE}.key").chmod(0o640)
    agent = programs.agent(gateway, *options, name="example", backend=echo)
    assert agent.wait() == 3
    assert "DIG-1007" in agent.err[-1] and "chmod 600" in agent.err[-1]
