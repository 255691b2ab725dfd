"""Who the gateway is: pins, first use, certificates; and nothing is said to the wrong one. (protocol 10)"""

import base64
import fcntl
import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import backends
import harness
import network
import transfers

FAKE = Path(__file__).with_name("fake_gateway.py")
PIN = r"(sha256/[A-Za-z0-9+/]{43}=)"
TOKEN = "tok-this-must-not-leave"
ELSEWHERE = "10.98.76.54"  # an address of the machine that is no loopback address


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=folder, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def pin_of(folder, key):
    """The pin of a private key, computed by openssl. (protocol 10.1)"""
    public = openssl(folder, "pkey", "-in", key, "-pubout", "-outform", "DER")
    return "sha256/" + base64.b64encode(hashlib.sha256(public).digest()).decode()


def make_key(folder, name):
    openssl(folder, "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", name)
    return folder / name


def make_ca(folder, name):
    """A certificate authority: name.key and name.pem."""
    make_key(folder, f"{name}.key")
    openssl(folder, "req", "-x509", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "2", "-out", f"{name}.pem",
            "-addext", "basicConstraints=critical,CA:TRUE")
    return folder / f"{name}.pem"


def issue(folder, ca, key, names, out):
    """A certificate for `key` by `ca`, for `names` ("DNS:localhost,IP:127.0.0.1")."""
    openssl(folder, "req", "-new", "-key", key, "-subj", "/CN=gateway", "-out", f"{out}.csr")
    (folder / f"{out}.ext").write_text(f"subjectAltName={names}\n")
    openssl(folder, "x509", "-req", "-in", f"{out}.csr", "-CA", ca, "-CAkey", ca.with_suffix(".key"), "-days", "2",
            "-CAcreateserial", "-extfile", f"{out}.ext", "-out", out)
    return folder / out


def pin_printed(gateway):
    return gateway.wait_for_line(rf"--pin {PIN}").group(1)


@pytest.fixture
def fake(programs, tmp_path):
    """A fake gateway: `fake()` -> (its address, its pin); `fake.reports()` is what it heard."""

    def start(host="127.0.0.1", command=()):
        key = make_key(tmp_path, "fake.key")
        openssl(tmp_path, "req", "-x509", "-key", key, "-subj", "/CN=fake", "-days", "2", "-out", "fake.pem")
        server = programs.program("fake", *command, sys.executable, FAKE, host, key, tmp_path / "fake.pem")
        start.server = server
        port = server.wait_for_line(r"^(\d+)$", lines=server.out).group(1)
        start.reports = lambda count=1: json.loads(
            server.wait_for_line("^{.*", lines=server.out, count=count).group(0))
        return f"{host}:{port}", pin_of(tmp_path, key)

    return start


def known_gateways(tmp_path, agent="agent"):
    path = tmp_path / f"{agent}-state" / "agent" / "known_gateways"
    return [line for line in path.read_text().splitlines() if not line.startswith("#")] if path.exists() else []


def write_known(tmp_path, address, pin, agent="agent"):
    folder = tmp_path / f"{agent}-state" / "agent"
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    (folder / "known_gateways").write_text(f"{address} {pin}\n")


def assert_served(gateway, name="example", count=1):
    with harness.connect(gateway.wait_for_name(name, count=count)) as visitor:
        visitor.sendall(b"hello")
        assert transfers.receive_exactly(visitor, 5) == b"hello"


@pytest.fixture
def echo(backend):
    return backend(backends.echo).port


# ---- Pins


def test_the_printed_pin_is_that_of_the_key_and_stays(programs, tmp_path):
    pins = []
    for _ in range(2):
        gateway = programs.gateway(label="gateway")
        pins.append(pin_printed(gateway))
        assert gateway.stop() == 0
    key = tmp_path / "gateway-state" / "gateway" / "identity.pem"
    assert pins == [pin_of(tmp_path, key)] * 2
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_right_pin_is_accepted(programs, echo, tmp_path):
    gateway = programs.gateway()
    other = "sha256/" + base64.b64encode(bytes(32)).decode()
    agent = programs.agent(gateway, "--pin", other, "--pin", pin_printed(gateway), name="example", backend=echo,
                           label="agent")
    assert_served(gateway)
    assert not agent.find_line("first time")
    assert known_gateways(tmp_path) == [], "a pin of the user needs no memory"


def test_a_wrong_pin_ends_the_agent_before_a_byte_has_left(programs, fake):
    address, pin = fake()
    wrong = "sha256/" + base64.b64encode(b"x" * 32).decode()
    agent = programs.agent(address, "--pin", wrong, "-t", TOKEN, name="example", backend=9)
    assert agent.wait() == 5
    assert agent.find_line("DIG-3001") and pin in agent.said() and wrong in agent.said()
    assert fake.reports() == {"handshake": True, "alpn": "diglett/2", "application_bytes": 0}


def test_the_fake_gateway_does_hear_what_is_sent(programs, fake):
    """Or its zeros would prove nothing."""
    address, pin = fake()
    agent = programs.agent(address, "--pin", pin, "-t", TOKEN, name="example", backend=9)
    fake.server.wait_for_line("told something", lines=fake.server.out)
    assert agent.stop() == 0
    assert fake.reports()["application_bytes"] > 100


# ---- First use, and later


def test_first_use_is_remembered(programs, echo, tmp_path):
    gateway = programs.gateway()
    pin = pin_printed(gateway)
    for count in (1, 2):
        agent = programs.agent(gateway, name="example", backend=echo, label="agent")
        assert_served(gateway, count=count)
        assert bool(agent.find_line("met for the first time")) == (count == 1)
        assert (pin in agent.said()) == (count == 1), "the pin is shown the first time"
        assert known_gateways(tmp_path) == [f"{gateway.address} {pin}"]
        assert agent.stop() == 0


def test_an_agent_with_a_key_needs_no_lock_to_start(programs, echo):
    gateway = programs.gateway()
    first = programs.agent(gateway, name="first", backend=echo, label="box")
    gateway.wait_for_name("first")
    first.stop()
    state = Path(first.command[first.command.index("--state-dir") + 1]) / "agent"
    with open(state / "lock", "r+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        programs.agent(gateway, name="second", backend=echo, label="box")
        gateway.wait_for_name("second")
        # One that would have to make its key may not: names would belong to a key that nobody keeps.
        (state / "agent.key").unlink()
        third = programs.agent(gateway, name="third", backend=echo, label="box")
        assert third.wait() == 3 and third.find_line("DIG-1005")


def test_a_changed_key_is_refused_until_the_line_is_deleted(programs, echo, tmp_path):
    gateway = programs.gateway(label="gateway")
    old, address = pin_printed(gateway), gateway.address
    agent = programs.agent(gateway, name="example", backend=echo, label="agent")
    gateway.wait_for_name("example")
    assert agent.stop() == 0
    assert gateway.stop() == 0
    (tmp_path / "gateway-state" / "gateway" / "identity.pem").unlink()

    gateway = programs.gateway(label="gateway", listen=address)
    new = pin_printed(gateway)
    agent = programs.agent(address, name="example", backend=echo, label="agent")
    assert agent.wait() == 5
    said = agent.find_line("DIG-3001.*").group(0)
    assert old in said and new in said
    assert f"delete the line '{address} {old}' in {tmp_path}/agent-state/agent/known_gateways" in said
    assert not gateway.find_line("logged in")

    path = tmp_path / "agent-state" / "agent" / "known_gateways"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if old not in line))
    programs.agent(address, name="example", backend=echo, label="agent")
    assert_served(gateway)
    assert known_gateways(tmp_path) == [f"{address} {new}"]


def test_not_a_byte_leaves_for_a_gateway_with_a_changed_key(programs, fake, tmp_path):
    address, pin = fake()
    known = "sha256/" + base64.b64encode(b"k" * 32).decode()
    write_known(tmp_path, address, known)
    agent = programs.agent(address, "-t", TOKEN, "--tofu", name="example", backend=9, label="agent")
    assert agent.wait() == 5
    assert agent.find_line("DIG-3001") and pin in agent.said() and known in agent.said()
    assert fake.reports() == {"handshake": True, "alpn": "diglett/2", "application_bytes": 0}
    assert known_gateways(tmp_path) == [f"{address} {known}"]


def test_a_broken_memory_of_gateways_is_said_and_kept(programs, tmp_path):
    write_known(tmp_path, "somewhere:1", "no-pin")
    agent = programs.agent("127.0.0.1:1", name="example", backend=9, label="agent")
    assert agent.wait() == 3
    assert agent.find_line("DIG-1006.*known_gateways:1")
    assert known_gateways(tmp_path) == ["somewhere:1 no-pin"]


# ---- A credential and a gateway that is not on this machine


@pytest.fixture
def net():
    with network.private_network() as inside:
        if not inside.command:
            pytest.skip("no network namespaces here")
        inside.run("ip", "addr", "add", f"{ELSEWHERE}/32", "dev", "lo")
        yield inside


def agent_in(programs, net, address, *arguments, label):
    """An agent inside `net`; the folder of its state is named by `label`."""
    return programs.program(label, *net.command, harness.bin_dir() / "diglett", "-g", address, "-n", "example",
                            "--state-dir", programs.folder / f"{label}-state", *arguments, "9")


def test_a_credential_does_not_go_to_a_stranger(programs, net, fake, tmp_path):
    address, pin = fake(ELSEWHERE, net.command)
    agent = agent_in(programs, net, address, "-t", TOKEN, label="agent")
    assert agent.wait() == 5
    assert agent.find_line("DIG-3002") and f"--pin {pin}" in agent.said() and "--tofu" in agent.said()
    assert fake.reports() == {"handshake": True, "alpn": "diglett/2", "application_bytes": 0}
    assert known_gateways(tmp_path) == [], "nothing was agreed to"


def test_tofu_says_yes_beforehand(programs, net, fake, tmp_path):
    address, pin = fake(ELSEWHERE, net.command)
    agent = agent_in(programs, net, address, "-t", TOKEN, "--tofu", "--once", label="agent")
    agent.wait_for_line("met for the first time")
    assert pin in agent.said()
    harness.wait_until(lambda: known_gateways(tmp_path) == [f"{address} {pin}"])
    fake.server.wait_for_line("told something", lines=fake.server.out)
    agent.stop()
    assert fake.reports()["application_bytes"] > len(TOKEN)


@pytest.fixture
def asked(net, fake, tmp_path):
    """`asked(answer)`: an agent at a terminal that meets a gateway for the first time, is asked and has answered;
    -> the agent, the gateway's address and pin."""
    started = []

    def ask(answer, *arguments, pause=0):
        address, pin = fake(ELSEWHERE, net.command)
        ours, its = pty.openpty()
        started.append((os.fdopen(ours, "rb+", buffering=0), subprocess.Popen(
            [*net.command, harness.bin_dir() / "diglett", "-g", address, "-n", "example", "--state-dir",
             tmp_path / "agent-state", "-t", TOKEN, *arguments, "9"], stdin=its, stdout=its, stderr=its, start_new_session=True)))
        os.close(its)
        terminal, agent = started[-1]
        said = read_until(terminal, b"Type yes: ")
        assert pin.encode() in said and address.encode() in said
        assert not known_gateways(tmp_path), "nothing is kept before the answer"
        time.sleep(pause)
        terminal.write(answer)
        return agent, address, pin

    yield ask
    for terminal, agent in started:
        agent.kill()
        agent.wait()
        terminal.close()


def read_until(terminal, end, seconds=10):
    said, deadline = b"", time.monotonic() + harness.scaled(seconds)
    while end not in said:
        left = deadline - time.monotonic()
        assert left > 0 and select.select([terminal], [], [], left)[0], said
        said += terminal.read(1000)
    return said


@pytest.mark.parametrize("answer", [b"no\n", b"y\n", b"\n", b"\x04"], ids=["no", "y", "nothing", "Ctrl-D"])
def test_only_yes_is_a_yes_at_the_terminal(asked, fake, tmp_path, answer):
    agent, _, _ = asked(answer)
    assert agent.wait(harness.scaled(10)) == 5
    assert fake.reports() == {"handshake": True, "alpn": "diglett/2", "application_bytes": 0}
    assert known_gateways(tmp_path) == []


def test_yes_at_the_terminal_sends_the_credential(asked, fake, tmp_path):
    agent, address, pin = asked(b"yes\n")
    fake.server.wait_for_line("told something", lines=fake.server.out)
    assert known_gateways(tmp_path) == [f"{address} {pin}"]
    agent.terminate()
    assert agent.wait(harness.scaled(10)) == 0
    assert fake.reports()["application_bytes"] > len(TOKEN)


def test_a_slow_yes_is_not_too_late(asked, fake):
    """Though the gateway has stopped waiting for the login meanwhile."""
    asked(b"yes\n", "--once", pause=4)
    fake.server.wait_for_line("told something", lines=fake.server.out)
    assert fake.reports()["application_bytes"] == 0, "the first connection waited for the answer"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_at_the_question_is_a_stop_on_request(asked, fake, tmp_path, number):
    agent, _, _ = asked(b"")
    agent.send_signal(number)
    assert agent.wait(harness.scaled(10)) == 0
    assert fake.reports()["application_bytes"] == 0
    assert known_gateways(tmp_path) == []


def test_without_a_credential_no_ceremony_is_needed(programs, net, fake, tmp_path):
    address, pin = fake(ELSEWHERE, net.command)
    agent = agent_in(programs, net, address, label="agent")
    agent.wait_for_line("met for the first time")
    fake.server.wait_for_line("told something", lines=fake.server.out)
    agent.stop()
    assert fake.reports()["application_bytes"] > 0


def test_the_default_gateway_takes_no_agent_from_elsewhere(programs, net):
    gateway = programs.program("gateway", *net.command, harness.bin_dir() / "diglett-server", "-l", f"{ELSEWHERE}:0",
                               "--state-dir", programs.folder / "gateway-state")
    port = gateway.wait_for_line(r"listening on \S*:(\d+)").group(1)
    agent = agent_in(programs, net, f"{ELSEWHERE}:{port}", label="agent")
    assert agent.wait() == 5
    assert agent.find_line("DIG-3005")
    assert not gateway.find_line("register domain")


# ---- Certificates


@pytest.fixture
def certified(programs, tmp_path):
    """A gateway whose identity key has a certificate by "good" for `names`."""

    def start(names="DNS:localhost,IP:127.0.0.1"):
        first = programs.gateway(label="gateway")
        pin = pin_printed(first)
        assert first.stop() == 0
        ca = make_ca(tmp_path, "good")
        issue(tmp_path, ca, tmp_path / "gateway-state" / "gateway" / "identity.pem", names, "identity.crt")
        gateway = programs.gateway("--identity-cert", tmp_path / "identity.crt", label="gateway")
        assert pin_printed(gateway) == pin, "a certificate changes no pin"
        return gateway, ca, pin

    return start


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_ca_vouches_for_the_gateway(programs, certified, echo, tmp_path, host):
    gateway, ca, _ = certified()
    agent = programs.agent(f"{host}:{gateway.port}", "--ca", ca, name="example", backend=echo, label="agent")
    assert_served(gateway)
    assert not agent.find_line("first time")
    assert known_gateways(tmp_path) == []


def test_a_pin_holds_with_a_certificate_too(programs, certified, echo):
    gateway, _, pin = certified()
    programs.agent(gateway, "--pin", pin, name="example", backend=echo)
    assert_served(gateway)


def test_another_ca_does_not(programs, certified, tmp_path):
    gateway, _, _ = certified()
    other = make_ca(tmp_path, "other")
    agent = programs.agent(gateway, "--ca", other, "-t", TOKEN, name="example", backend=9)
    assert agent.wait() == 5
    assert agent.find_line("DIG-3002")
    assert not gateway.find_line("logged in")


def test_a_certificate_for_another_host_does_not(programs, certified, tmp_path):
    gateway, ca, _ = certified("DNS:elsewhere.example")
    agent = programs.agent(gateway, "--ca", ca, name="example", backend=9)
    assert agent.wait() == 5
    assert agent.find_line("DIG-3002")


def test_a_self_signed_gateway_needs_more_than_a_ca(programs, tmp_path):
    gateway = programs.gateway()
    agent = programs.agent(gateway, "--ca", make_ca(tmp_path, "good"), name="example", backend=9)
    assert agent.wait() == 5


def test_a_certificate_for_another_key_is_a_mistake_of_the_configuration(programs, tmp_path):
    ca = make_ca(tmp_path, "good")
    issue(tmp_path, ca, make_key(tmp_path, "another.key"), "DNS:localhost", "wrong.crt")
    gateway = programs.program("gateway", harness.bin_dir() / "diglett-server", "-l", "127.0.0.1:0", "--state-dir",
                               tmp_path / "state", "--identity-cert", tmp_path / "wrong.crt")
    assert gateway.wait() == 3
    assert gateway.find_line("DIG-1002")
