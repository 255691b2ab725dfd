"""The grid authenticator over real sockets, against fake nodes that behave and misbehave."""

import json
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fake_node
import grid_chain
import harness
from fake_node import Node
from grid_chain import Chain, Key, mint

AUDIENCE = "gateway.test"
ANSWER_SECONDS = 20
SCHEMES = ("ws", "wss", "http", "https")


class Driver:
    """The program of test/support/grid_driver.cpp."""

    started = []

    def __init__(self, *endpoints, arguments=(), folder=None):
        command = [harness.bin_dir() / "grid_driver", "--audience", AUDIENCE, *arguments]
        for endpoint in endpoints:
            command += ["--endpoint", endpoint]
        self.log_path = Path(folder) / f"driver{len(self.started)}.log"
        self._log = open(self.log_path, "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self._log, bufsize=0)
        self.started.append(self)
        self._rest = b""
        self.greeting = self.line()

    def line(self):
        end = time.monotonic() + harness.scaled(ANSWER_SECONDS)
        while b"\n" not in self._rest:
            assert select.select([self.process.stdout], [], [], end - time.monotonic())[0], "no answer"
            more = self.process.stdout.read(65536)
            if not more:
                return None
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def ask(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        return self.line()

    def check(self):
        lines = [self.ask("check")]
        while lines[-1] != "checked":
            lines.append(self.line())
        return lines[:-1]

    def log(self):
        return self.log_path.read_text()

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=harness.scaled(ANSWER_SECONDS)) == 0, self.log()
        self._log.close()


@pytest.fixture
def drive(tmp_path):
    yield lambda *endpoints, arguments=(): Driver(*endpoints, arguments=arguments, folder=tmp_path)
    running, Driver.started = Driver.started, []
    try:
        for driver in running:
            if driver.process.poll() is None:
                driver.end()
    finally:
        for driver in running:
            if driver.process.poll() is None:
                driver.process.kill()
                driver.process.wait()


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=folder, capture_output=True, timeout=30,
                          check=False)
    assert done.returncode == 0, done.stderr


class Authority:
    """A certificate authority of the test's own, and what it signs."""

    def __init__(self, folder, name):
        self.folder = Path(folder) / name
        self.folder.mkdir()
        self.file = self.folder / "ca.pem"
        openssl(self.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", f"/CN={name}")

    def sign(self, label, names="DNS:localhost,IP:127.0.0.1", days=2):
        """The files of a certificate for `names` and its key."""
        openssl(self.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{label}.key", "-out", f"{label}.csr", "-subj", "/CN=node")
        (self.folder / f"{label}.ext").write_text(f"subjectAltName={names}\n")
        openssl(self.folder, "x509", "-req", "-in", f"{label}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", days, "-extfile", f"{label}.ext", "-out", f"{label}.pem")
        return {"certificate": self.folder / f"{label}.pem", "key": self.folder / f"{label}.key"}


class World:
    """A chain on which twin 1001 owns example, and twin 1002 nothing; the nodes that show it."""

    def __init__(self, folder):
        self.folder = folder
        self.chain, self.alice, self.bob = Chain(), Key(), Key()
        self.chain.set_twin(1001, self.alice.account)
        self.chain.set_twin(1002, self.bob.account)
        self.chain.set_name("example", 501, 1001)
        self.nodes = []

    def node(self, **certificate):
        self.nodes.append(Node(self.chain, **certificate))
        return self.nodes[-1]

    def token(self, names="example", **options):
        return mint(self.alice, 1001, names, AUDIENCE, **options)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    for node in made.nodes:
        node.stop()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_reads_the_same_over_every_transport(world, drive, authority, scheme, host):
    node = world.node(**(authority.sign("node") if scheme in ("wss", "https") else {}))
    driver = drive(node.url(scheme, host), arguments=("--ca-file", authority.file))
    report, = driver.check()
    assert report.startswith(f"usable {scheme}://{host}:{node.port}: substrate-threefold version 152, newest")
    if scheme in ("wss", "https"):
        assert node.server_names == {"localhost" if host == "localhost" else None}
    assert driver.ask(f"login a {world.token(['example', 'other'])}") == "ok grid:1001"
    assert driver.ask("name a example") == "ok"
    assert driver.ask("name a other").startswith("no name-not-allowed the chain has no name contract")
    assert driver.ask("name a third").startswith("no name-not-allowed the token is for another name")
    world.chain.set_name("example", 501, 1001, grid_chain.GRACE)
    assert driver.ask("name a example") == "ok"
    world.chain.set_name("example", 501, 1002)
    assert driver.ask("name a example") == "no name-not-allowed the name contract belongs to another twin"
    world.chain.set_name("example", 502, 1001)
    assert driver.ask("name a example") == "ok"
    world.chain.cancel("example", 502)
    assert "a minute" in driver.ask("name a example")
    world.chain.set_name("example", 503, 1001)
    assert driver.ask("owner grid:1001 example") == "ok"
    world.chain.set_twin(1001, world.bob.account)
    assert driver.ask("owner grid:1001 example") == "ok"
    assert driver.ask("name a example").startswith("ends credential the twin belongs to another account")


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_refuses_certificates_that_prove_nothing(world, drive, authority, tmp_path, scheme):
    stranger = Authority(tmp_path, "stranger")
    wrong_host = world.node(**authority.sign("host", names="DNS:other.test"))
    expired = world.node(**authority.sign("expired", days=-1))
    unknown = world.node(**stranger.sign("unknown"))
    plain = world.node()
    driver = drive(*(node.url(scheme, "localhost") for node in (wrong_host, expired, unknown, plain)),
                   arguments=("--ca-file", authority.file))
    reports = driver.check()
    for report, words in zip(reports, ("hostname mismatch", "certificate has expired",
                                       "unable to get local issuer certificate", "no TLS there"), strict=True):
        assert report.startswith("unusable ") and words in report, report
        assert "--grid-ca-file" in report
    assert driver.ask(f"login a {world.token()}").startswith("no undecided")
    assert not any(node.asked for node in world.nodes), "a question reached a node that proved nothing"


def test_tells_of_a_ca_file_that_is_none(world, drive, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    for name, words in (("empty.pem", "holds no certificate"), ("missing.pem", "No such file|no such file")):
        driver = drive(world.node().url("ws"), arguments=("--ca-file", tmp_path / name))
        assert any(word in driver.greeting for word in words.split("|")), driver.greeting
        assert driver.process.wait(timeout=harness.scaled(5)) == 3


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_ends_nothing_while_the_node_misbehaves(world, drive, scheme):
    node = world.node()
    driver = drive(node.url(scheme), arguments=("--patience-ms", "300"))
    assert driver.ask(f"login a {world.token()}") == "ok grid:1001"
    assert driver.ask("name a example") == "ok"
    world.chain.set_twin(1003, world.bob.account)
    unread = mint(world.bob, 1003, "example", AUDIENCE)
    modes = [mode for mode in fake_node.MODES if mode not in ("well", "other-chain", "http-error")]
    for mode in modes + (["http-error"] if scheme == "http" else []):
        node.mode = mode
        assert driver.ask("name a example").startswith("no undecided"), mode
        assert driver.ask(f"login b {unread}").startswith("no undecided"), mode
        node.mode = "well"
        if mode == "late":
            node.drop_all()
        harness.wait_until(lambda: driver.ask("name a example") == "ok", 12, f"after {mode}", step=0.2)
    node.stop()
    assert driver.ask("name a example").startswith("no undecided")
    assert driver.ask(f"login b {unread}").startswith("no undecided")
    node.start_again()
    harness.wait_until(lambda: driver.ask("name a example") == "ok", 12, "the node is back", step=0.2)
    assert driver.ask("login a " + world.token()) == "ok grid:1001"


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_takes_the_next_node(world, drive, scheme):
    first, second = world.node(), world.node()
    driver = drive(first.url(scheme), second.url(scheme), arguments=("--patience-ms", "300"))
    assert driver.ask(f"login a {world.token()}") == "ok grid:1001"
    assert not second.asked
    for mode in ("late", "garbage", "state-error", "stale", "drop", "wrong-id", "long"):
        first.mode = mode
        assert driver.ask("name a example") == "ok", mode
    first.stop()
    assert driver.ask("name a example") == "ok"
    world.chain.set_name("example", 501, 1002)
    assert driver.ask("name a example").startswith("no name-not-allowed")


def test_comes_back_to_the_first_node(world, drive):
    first, second = world.node(), world.node()
    first.mode = "late"
    driver = drive(first.url("ws"), second.url("ws"), arguments=("--patience-ms", "200"))
    assert driver.ask(f"login a {world.token()}") == "ok grid:1001"
    began = time.monotonic()
    assert driver.ask("name a example") == "ok"
    assert time.monotonic() - began < harness.scaled(0.2), "waited for the node that failed"
    first.mode = "well"

    def is_back():
        before = second.count("chain_getFinalizedHead")
        assert driver.ask("name a example") == "ok"
        return second.count("chain_getFinalizedHead") == before
    harness.wait_until(is_back, 15, "the first node is asked again", step=0.2)


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_a_hundred_logins_at_once_read_the_twin_once(world, drive, scheme):
    node = world.node()
    driver = drive(node.url(scheme))
    assert driver.ask(f"logins 100 {world.token()}") == "ok 100"
    assert node.count(grid_chain.twin_key(1001)) <= 10


def test_tokens_that_are_wrong(world, drive):
    node = world.node()
    driver = drive(node.url("ws"))
    now = int(time.time())
    for token, words in (
            (mint(world.alice, 1001, "example", "other.test"), "no credential the token is for another gateway"),
            (world.token(issued_at=now - 300), "no expired the token has expired"),
            (world.token(issued_at=now + 60), "no credential the token's iat lies in the future"),
            (world.token(lifetime=90_000), "no credential the token is valid for longer")):
        assert driver.ask(f"login a {token}").startswith(words)
    assert not node.asked, "the chain was asked about a token that is wrong in itself"
    stolen = mint(world.bob, 1001, "example", AUDIENCE)
    assert driver.ask(f"login a {stolen}").startswith("no credential the token is not signed by the twin's account")
    nobody = mint(world.bob, 999, "example", AUDIENCE)
    assert driver.ask(f"login a {nobody}").startswith("no credential the chain knows no twin")


def test_no_decision_is_older_than_one_before(world, drive):
    """A node that lags does not bring the owner before back."""
    first, second = world.node(), world.node()
    driver = drive(first.url("ws"), second.url("http"), arguments=("--patience-ms", "500"))
    assert driver.ask(f"login a {world.token()}") == "ok grid:1001"
    assert driver.ask("name a example") == "ok"
    for _ in range(30):
        world.chain.edit({})
    world.chain.set_name("example", 501, 1002)
    assert driver.ask("owner grid:1002 example") == "ok"
    second.lag = 20
    old = world.chain.head(second.lag)
    assert world.chain.owner_at(old, "example") == 1001, "the test's own ground"
    first.stop()
    assert driver.ask("name a example").startswith("no undecided")
    second.lag = 0
    assert driver.ask("name a example") == "no name-not-allowed the name contract belongs to another twin"


def test_follows_a_contract_that_is_sold_back_and_forth(world, drive):
    driver = drive(world.node().url("ws"))
    bob = mint(world.bob, 1002, "example", AUDIENCE)
    assert driver.ask(f"login a {world.token()}") == "ok grid:1001"
    assert driver.ask(f"login b {bob}") == "ok grid:1002"
    assert driver.ask("name a example") == "ok"
    assert driver.ask("name b example").startswith("no name-not-allowed")
    for turn in range(50):
        owner = 1001 if turn % 2 else 1002
        world.chain.set_name("example", 600 + turn, owner)
        assert (driver.ask("name a example") == "ok") == (owner == 1001), turn
        assert (driver.ask("name b example") == "ok") == (owner == 1002), turn


def test_the_log_keeps_the_token_to_itself(world, drive):
    driver = drive(world.node().url("ws"))
    token = world.token()
    assert driver.ask(f"login a {token}") == "ok grid:1001"
    assert driver.ask("name a example") == "ok"
    assert "example" in driver.log()
    assert not any(part in driver.log() for part in token.split("."))


def test_the_node_as_a_program(world, drive, tmp_path):
    program = subprocess.Popen([sys.executable, fake_node.__file__], stdout=subprocess.PIPE, text=True)
    try:
        ports = dict(program.stdout.readline().split() for _ in range(2))
        driver = drive(f"ws://127.0.0.1:{ports['node']}")
        with socket.create_connection(("127.0.0.1", int(ports["control"])), timeout=10) as control:
            stream = control.makefile("rw")

            def tell(**command):
                stream.write(json.dumps(command) + "\n")
                stream.flush()
                return stream.readline().strip()
            assert tell(twin={"id": 1001, "account": "0x" + world.alice.account.hex()}).startswith("0x")
            assert tell(name={"name": "example", "contract": 9, "twin": 1001}).startswith("0x")
            assert driver.ask(f"login a {world.token()}") == "ok grid:1001"
            assert driver.ask("name a example") == "ok"
            assert tell(cancel={"name": "example", "contract": 9}).startswith("0x")
            assert driver.ask("name a example").startswith("no name-not-allowed")
            assert tell(mode="nonsense").startswith("error")
            assert tell(mode="garbage").startswith("0x")
            assert driver.ask("name a example").startswith("no undecided")
    finally:
        program.kill()
        program.wait()
