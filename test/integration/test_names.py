"""Who has a name: tokens, reservations, leases over restarts, and two agents of one identity. (protocol 9.4)"""

import signal
import socket
import time

import pytest

import backends
import harness


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


def tokens_file(folder, **identities):
    """`alice=["a", "b"]`: the token is the identity's name and "-token"."""
    return harness.tokens_file(folder, *((name, f"{name}-token", names) for name, names in identities.items()))


@pytest.fixture
def gateway(programs, tmp_path):
    tokens = tokens_file(tmp_path, alice=["shop", "blog"], bob=["shop", "mine"], root=["*"])
    return programs.gateway("--tokens-file", tokens, "--allow-name", "mail", auth="tokens", label="gateway")


def restarted(programs, gateway, how):
    """The gateway again, at the same address and with the same state."""
    address = gateway.address
    gateway.kill() if how == "kill -9" else gateway.stop()
    arguments = gateway.command[gateway.command.index("--state-dir") + 2:]
    return programs.gateway(*arguments, auth=None, label="gateway", listen=address)


@pytest.fixture
def sign_on(programs, echo):
    """An agent with a token: `sign_on(gateway, "alice", "shop")`; `where` names its installation."""

    def start(gateway, who, name, *arguments, where=None):
        return programs.agent(gateway, "-t", f"{who}-token", *arguments, name=name, backend=echo, label=where)

    return start


def is_served(port):
    try:
        with harness.connect(port, seconds=2) as visitor:
            visitor.sendall(b"x")
            return visitor.recv(1) == b"x"
    except OSError:
        return False


def assert_refused(agent, code):
    assert agent.wait() == 6
    assert len([line for line in agent.err if "DIG-" in line]) == 1, "said once"
    return agent.find_line(rf"{code}.*").group(0)


# ---- Which names


def test_a_token_gives_its_names_and_no_others(gateway, sign_on):
    sign_on(gateway, "alice", "shop")
    assert is_served(gateway.wait_for_name("shop"))
    assert gateway.find_line("logged in as tokens:alice")
    assert_refused(sign_on(gateway, "alice", "mine"), "DIG-4005")
    sign_on(gateway, "root", "anything-at-all")
    gateway.wait_for_name("anything-at-all")


def test_a_name_of_somebody_else_is_taken(gateway, sign_on):
    first = sign_on(gateway, "alice", "shop")
    gateway.wait_for_name("shop")
    assert_refused(sign_on(gateway, "bob", "shop"), "DIG-4003")
    # And stays hers while she is away.
    assert first.stop() == 0
    gateway.wait_for_unregister("shop")
    assert_refused(sign_on(gateway, "bob", "shop"), "DIG-4003")
    sign_on(gateway, "alice", "shop")
    gateway.wait_for_name("shop", count=2)


@pytest.mark.parametrize("name", ["www", "admin", "localhost", "wpad", "autodiscover", "mta-sts", "gateway", "api",
                                  "xn--caf-dma", "ns1"])
def test_reserved_names_are_not_given(gateway, sign_on, name):
    assert_refused(sign_on(gateway, "root", name), "DIG-4002")


def test_a_reserved_name_may_be_allowed(gateway, sign_on):
    sign_on(gateway, "root", "mail")
    gateway.wait_for_name("mail")


@pytest.mark.parametrize("name", ["-a", "a-", "A", "a_b", "a.b", "a" * 64, "../x", "a\nb", "{{env}}", "ä"])
def test_names_have_one_grammar(gateway, sign_on, name):
    agent = sign_on(gateway, "root", name)
    assert_refused(agent, "DIG-4001")
    for line in agent.err:
        assert line.isprintable()
    assert not gateway.find_line("register domain")


@pytest.mark.parametrize("name", ["a", "0", "a" * 63, "a-b", "1-2-3"])
def test_the_grammar_takes_what_dns_takes(gateway, sign_on, name):
    sign_on(gateway, "root", name)
    assert is_served(gateway.wait_for_name(name))


# ---- Restarts


@pytest.mark.parametrize("how", ["kill -9", "SIGTERM"])
def test_name_and_port_outlive_the_gateway(programs, gateway, sign_on, how):
    agent = sign_on(gateway, "alice", "shop")
    port = gateway.wait_for_name("shop")
    again = restarted(programs, gateway, how)
    # The agent comes back by itself, to the same port.
    assert again.wait_for_name("shop", 10) == port
    harness.wait_until(lambda: is_served(port), 5)
    assert agent.stop() == 0
    assert again.wait_for_unregister("shop") is None
    # Nobody else gets it, over another restart.
    last = restarted(programs, again, how)
    assert_refused(sign_on(last, "bob", "shop"), "DIG-4003")
    assert last.is_running()


def test_the_agent_comes_back_soon(programs, gateway, sign_on):
    sign_on(gateway, "alice", "shop")
    gateway.wait_for_name("shop")
    again = restarted(programs, gateway, "kill -9")
    began = time.monotonic()
    again.wait_for_name("shop", 10)
    assert time.monotonic() - began < harness.scaled(3)


def test_a_port_is_nobody_elses_while_its_name_is_away(gateway, sign_on):
    agent = sign_on(gateway, "alice", "shop")
    port = gateway.wait_for_name("shop")
    assert agent.stop() == 0
    gateway.wait_for_unregister("shop")
    with pytest.raises(OSError):
        socket.create_server(("127.0.0.1", port)).close()
    sign_on(gateway, "bob", "mine")
    assert gateway.wait_for_name("mine") != port
    sign_on(gateway, "alice", "shop", where="again")
    assert gateway.wait_for_name("shop", count=2) == port
    harness.wait_until(lambda: is_served(port), 2)


def test_unregister_refuses_visitors_at_once(gateway, sign_on):
    agent = sign_on(gateway, "alice", "shop")
    port = gateway.wait_for_name("shop")
    assert is_served(port)
    assert agent.stop() == 0
    gateway.wait_for_unregister("shop")
    with pytest.raises(ConnectionRefusedError):
        harness.connect(port).close()


# ---- Two agents of one identity


def test_a_living_holder_keeps_the_name(gateway, sign_on):
    sign_on(gateway, "alice", "shop", where="first")
    port = gateway.wait_for_name("shop")
    words = assert_refused(sign_on(gateway, "alice", "shop", where="second"), "DIG-4004")
    # Who, where, since.
    assert "127.0.0.1" in words and "since 20" in words and "--takeover" in words
    assert is_served(port)


def test_takeover_takes_it(gateway, sign_on):
    first = sign_on(gateway, "alice", "shop", where="first")
    gateway.wait_for_name("shop")
    sign_on(gateway, "alice", "shop", "--takeover", where="second")
    assert is_served(gateway.wait_for_name("shop", count=2))
    assert first.wait() == 6, "who lost a name does not take it back by itself"
    assert first.find_line("DIG-4006.*replaced by agent .* at 127.0.0.1")


def test_takeover_needs_the_same_identity(gateway, sign_on):
    sign_on(gateway, "alice", "shop")
    port = gateway.wait_for_name("shop")
    assert_refused(sign_on(gateway, "bob", "shop", "--takeover"), "DIG-4003")
    assert is_served(port)


def test_a_holder_that_does_not_answer_loses_it_within_two_seconds(gateway, sign_on):
    first = sign_on(gateway, "alice", "shop", where="first")
    gateway.wait_for_name("shop")
    first.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        sign_on(gateway, "alice", "shop", where="second")
        port = gateway.wait_for_name("shop", count=2)
        assert time.monotonic() - began < harness.scaled(2)
        assert is_served(port)
    finally:
        first.signal(signal.SIGCONT)
    # It wakes up, hears that it was replaced, and must not fight for the name.
    harness.wait_until(lambda: not first.is_running() or first.find_line("DIG-4004|DIG-4006"), 10)
    time.sleep(1)
    assert is_served(port)
    assert len([line for line in gateway.err if " register domain 'shop'" in line]) == 2


def test_a_stalled_agent_loses_only_what_another_took(programs, gateway, sign_on, echo, tmp_path):
    path = tmp_path / "both.toml"
    path.write_text(f'gateway = "{gateway.address}"\n' + "".join(
        f'[[service]]\nname = "{name}"\nbackend = {echo}\n' for name in ("shop", "blog")))
    first = programs.program("first", harness.bin_dir() / "diglett", "--config", path, "-t", "alice-token",
                             "--state-dir", tmp_path / "first")
    gateway.wait_for_name("shop")
    gateway.wait_for_name("blog")
    first.signal(signal.SIGSTOP)
    try:
        sign_on(gateway, "alice", "shop", where="second")
        shop = gateway.wait_for_name("shop", count=2)
    finally:
        first.signal(signal.SIGCONT)
    assert is_served(gateway.wait_for_name("blog", count=2)), "it comes back with the other"
    first.wait_for_line("DIG-4006.*shop.*replaced by agent")
    assert is_served(shop)
    assert first.is_running()


def test_a_killed_holder_leaves_it_at_once(gateway, sign_on):
    first = sign_on(gateway, "alice", "shop", where="first")
    gateway.wait_for_name("shop")
    first.kill()
    began = time.monotonic()
    sign_on(gateway, "alice", "shop", where="second")
    port = gateway.wait_for_name("shop", count=2)
    assert time.monotonic() - began < harness.scaled(1)
    harness.wait_until(lambda: is_served(port), 2)


def test_a_restarted_agent_does_not_meet_its_own_ghost(gateway, sign_on):
    """kill -9 and a new start, ten times in a row, each with the name at the first try."""
    for count in range(1, 11):
        agent = sign_on(gateway, "alice", "shop", where="agent")
        gateway.wait_for_name("shop", count=count)
        agent.kill()
    assert not agent.find_line("DIG-400")


# ---- Open gateways


def test_on_an_open_gateway_a_name_belongs_to_the_agents_key(programs, echo):
    gateway = programs.gateway(auth="open")
    first = programs.agent(gateway, name="shop", backend=echo, label="first")
    gateway.wait_for_name("shop")
    assert gateway.find_line("logged in as key:[0-9a-f]{32}")
    assert programs.agent(gateway, name="shop", backend=echo, label="second").wait() == 6
    assert first.stop() == 0
    gateway.wait_for_unregister("shop")
    assert programs.agent(gateway, name="shop", backend=echo, label="second").wait() == 6
    programs.agent(gateway, name="shop", backend=echo, label="first")
    gateway.wait_for_name("shop", count=2)


def test_without_configuration_names_are_not_reserved(programs, echo):
    gateway = programs.gateway(auth=None)
    first = programs.agent(gateway, name="shop", backend=echo, label="first")
    gateway.wait_for_name("shop")
    assert gateway.find_line("logged in as local")
    assert first.stop() == 0
    gateway.wait_for_unregister("shop")
    programs.agent(gateway, name="shop", backend=echo, label="second")
    gateway.wait_for_name("shop", count=2)


def with_services(path, gateway, count, echo):
    path.write_text(f'gateway = "{gateway.address}"\n' + "".join(
        f'[[service]]\nname = "n{number}"\nbackend = {echo}\n' for number in range(count)))
    return path


def test_an_agent_carries_500_services(programs, echo, tmp_path):
    gateway = programs.gateway()
    path = with_services(tmp_path / "agent.toml", gateway, 500, echo)
    agent = programs.program("agent", harness.bin_dir() / "diglett", "--config", path, "--state-dir", tmp_path / "s")
    for number in range(500):
        port = gateway.wait_for_name(f"n{number}", seconds=60)
        if number % 50 == 49:
            assert is_served(port)
    assert not agent.find_line("DIG-")


def test_more_services_than_a_session_holds_are_refused(programs, echo, tmp_path):
    gateway = programs.gateway()
    path = with_services(tmp_path / "agent.toml", gateway, 1001, echo)
    check = programs.program("check", harness.bin_dir() / "diglett", "check", "--config", path)
    assert check.wait() == 3
    assert check.find_line("DIG-1002: .*1001 services are more than the 1000 that one agent carries")
