"""What stands at the gateway's address is no good gateway: the agent survives it, says so, tries again, not too often.

Each of them is replaced by a real gateway afterwards, and the agent is back without help. (protocol 7.5)
"""

import contextlib
import itertools
import re
import secrets
import socket
import struct
import threading
import time

import pytest
from OpenSSL import SSL

import backends
import harness
import transfers
from minimal_agent import HELLO, REFUSED, WELCOME, as_json, frame
from test_identity import make_key, openssl, pin_of

NEXT = r"(DIG-[25]\d{3}): (.*); next attempt in [\d.]+ s"


class Fake:
    """A listener that does `each(connection)` to each agent; counts them."""

    def __init__(self, each):
        self._each = each
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = []  # when each came
        self._open = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._over.is_set():
                connection.close()
                return
            self.connections.append(time.monotonic())
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(30)
        try:
            self._each(connection)
        except (OSError, SSL.Error, ValueError):
            pass  # the agent has left
        connection.close()

    def close(self):
        """Gives the port up and ends every connection, so that nobody waits for an answer any more."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def read_on(connection):
    """Until the agent leaves."""
    while connection.recv(65536):
        pass


def garbage(connection):
    connection.sendall(secrets.token_bytes(100_000))
    read_on(connection)


def http(connection):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def torn_tls(connection):
    """A record that says it is longer than what comes."""
    connection.sendall(b"\x16\x03\x03\x40\x00" + bytes(100))
    read_on(connection)


def endless_tls(connection):
    """Nothing but empty records: never an error, never an end."""
    while True:
        connection.sendall(b"\x14\x03\x03\x00\x01\x01" * 1000)


def drip(connection):
    """One byte of a record now and then."""
    for byte in b"\x16\x03\x03\x40\x00" + bytes(1000):
        connection.sendall(bytes([byte]))
        time.sleep(0.2)


OUTSIDE_TLS = {
    "garbage": (garbage, "DIG-5004"),
    "http": (http, "DIG-5004"),
    "nothing": (read_on, "DIG-2004"),
    "drip": (drip, "DIG-2004"),
    "torn TLS": (torn_tls, "DIG-2004"),
    "endless TLS": (endless_tls, "DIG-5004"),
    "a close": (lambda connection: None, "DIG-2003"),
    # Seen while connecting (2001) or later.
    "a reset": (backends.reset, "DIG-200[13]"),
}


def together(table):
    """The rows of a table, those that cost a time-out in one group."""
    silent = [what for what, (_, code) in table.items() if code == "DIG-2004"]
    alone = [pytest.param([what], id=what) for what in table if what not in silent]
    return [*alone, pytest.param(silent, id="silence")]


@pytest.fixture
def fake():
    made = []

    def make(each):
        made.append(Fake(each))
        return made[-1]

    yield make
    for each in made:
        with contextlib.suppress(OSError):  # closed by the test
            each.close()


def assert_tries_on(agent, server, code, attempts, seconds=30):
    """It says `code` at each attempt, makes one every half second at most, and holds on to nothing."""
    agent.wait_for_line(NEXT, seconds)
    descriptors, resident = agent.descriptors(), agent.resident_bytes()
    agent.wait_for_line(NEXT, seconds, count=attempts)
    for line in agent.err:
        assert line.isprintable() and len(line) < 1000
        said = re.search(NEXT, line)
        assert not said or re.match(code, said.group(1)), agent.said()
    # The second attempt comes at once.
    between = [later - earlier for earlier, later in zip(server.connections[1:], server.connections[2:])]
    assert not between or min(between) > 0.4
    assert agent.descriptors() <= descriptors + 2
    assert agent.resident_bytes() < resident + (8 << 20)


def assert_comes_back(programs, agent, port):
    gateway = programs.gateway(listen=f"127.0.0.1:{port}", label="real", auth=None)
    with harness.connect(gateway.wait_for_name("example", 20)) as visitor:
        assert transfers.toward_visitor(visitor, 3, 100_000).matches(3, 100_000)
    assert agent.stop() == 0 and gateway.stop() == 0


def assert_stands(programs, fake, start_agent, rows, attempts_in_silence):
    """For each row (what the fake does, the code that the agent says): it tries on, then finds a real gateway."""
    attempts = attempts_in_silence if len(rows) > 1 else 4
    servers = [fake(each) for each, _ in rows]
    agents = [start_agent(server) for server in servers]
    for server, agent, (_, code) in zip(servers, agents, rows):
        assert_tries_on(agent, server, code, attempts)
    for server, agent in zip(servers, agents):
        server.close()
        assert_comes_back(programs, agent, server.port)


@pytest.mark.parametrize("what", together(OUTSIDE_TLS))
def test_something_that_is_no_gateway(programs, backend, fake, what):
    port = backend(backends.exchange).port
    number = itertools.count(1)

    def start_agent(server):
        return programs.agent(f"127.0.0.1:{server.port}", name="example", backend=port, label=f"agent{next(number)}")

    assert_stands(programs, fake, start_agent, [OUTSIDE_TLS[each] for each in what], attempts_in_silence=2)  # 5 s each


# ---- Inside TLS


def in_tls(tmp_path):
    """`make_each(words)` for a Fake: TLS with ALPN, then `words(connection)`. And the pin of its key."""
    key = make_key(tmp_path, "fake.key")
    openssl(tmp_path, "req", "-x509", "-key", key, "-subj", "/CN=fake", "-days", "2", "-out", "fake.pem")
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.use_privatekey_file(str(key))
    context.use_certificate_chain_file(str(tmp_path / "fake.pem"))
    context.set_alpn_select_callback(lambda _, offered: b"diglett/2")

    def make_each(words):
        def each(connection):
            # pyOpenSSL wants a socket without time-out; the kernel keeps this one.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 30, 0))
            connection.setblocking(True)
            inside = SSL.Connection(context, connection)
            inside.set_accept_state()
            inside.do_handshake()
            words(inside)

        return each

    return make_each, pin_of(tmp_path, key)


def hello(**members):
    return frame(HELLO, 0, as_json(**({"min_version": 2, "max_version": 2, "features": [], "software": "fake",
                                       "link_limit": 1 << 20, "stream_limit": 1 << 18} | members)))


def says(data, leave=False):
    def words(connection):
        connection.sendall(data)
        while not leave and connection.recv(65536):
            pass

    return words


def floods(connection):
    """Well formed frames of a kind that nobody knows, as fast as they go."""
    data = hello() + frame(0x7e, 0, bytes(1000)) * 1000
    while True:
        connection.sendall(data)


INSIDE_TLS = {
    "garbage": (says(b"\xff" + secrets.token_bytes(50_000)), "DIG-5"),
    "zeros": (says(bytes(50_000)), "DIG-5"),
    "nothing": (says(b""), "DIG-2004"),
    "a close": (says(b"", leave=True), "DIG-2003"),
    "hello, then nothing": (says(hello()), "DIG-2004"),
    "hello, then a close": (says(hello(), leave=True), "DIG-2003"),
    "another version": (says(hello(min_version=3, max_version=3) + frame(REFUSED, 0, b"\0\5{}")), "DIG-5002"),
    "a hello that is no JSON": (says(frame(HELLO, 0, b"{]")), "DIG-5"),
    "a frame without end": (says(struct.pack(">BIH", HELLO, 0, 0xffff) + b"x"), "DIG-[25]"),
    "a welcome without sense": (says(hello() + frame(WELCOME, 0, b'{"session": 7}')), "DIG-5"),
    "floods": (floods, "DIG-5"),
}


@pytest.mark.parametrize("what", together(INSIDE_TLS))
def test_a_gateway_that_speaks_nonsense(programs, backend, fake, tmp_path, what):
    port = backend(backends.exchange).port
    make_each, pin = in_tls(tmp_path)
    real = programs.gateway(label="real")  # started once for its pin
    pins = ["--pin", pin, "--pin", real.wait_for_line(r"--pin (\S+)").group(1)]
    assert real.stop() == 0
    number = itertools.count(1)

    def start_agent(server):
        return programs.agent(f"127.0.0.1:{server.port}", *pins, name="example", backend=port,
                              label=f"agent{next(number)}")

    rows = [(make_each(words), code) for words, code in (INSIDE_TLS[each] for each in what)]
    assert_stands(programs, fake, start_agent, rows, attempts_in_silence=1)  # 15 s each
