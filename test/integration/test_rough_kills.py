"""kill -9 in mid-transfer: whoever dies, no transfer looks whole that is not, and the service comes back.

A transfer under way ends with a reset, or short of what was asked for; never complete with other bytes. (protocol 6.4)
"""

import contextlib
import json
import random
import sys
import threading
import time

import pytest

import backends
import harness
import transfers

ENDLESS = 1 << 40
ROUNDS = 3  # the same programs are killed this often in a row

# A backend in a process of its own: any number of connections, half of what it promises, then it waits for its end.
# It reads nothing, so the visitor's own bytes are under way as well.
HALF_AN_ANSWER = """
import os, socket, sys, threading, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(listening.getsockname()[1], flush=True)
def answer(connection):
    connection.recv(2)
    connection.sendall(b"x" * 3000000)
    os.write(1, b"half\\n")
    time.sleep(60)
while True:
    threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()
"""


class Transfers:
    """Visitors in the midst of a transfer: one takes, one gives. `ends()` waits for them."""

    def __init__(self, port):
        self._ends = {}
        self._moved = {"takes": 0, "gives": 0}
        self._threads = [threading.Thread(target=self._run, args=(who, how, port), daemon=True)
                         for who, how in (("takes", self._take), ("gives", self._give))]
        for thread in self._threads:
            thread.start()
        harness.wait_until(lambda: min(self._moved.values()) > 1 << 20, 10, "bytes both ways")

    def _run(self, who, how, port):
        try:
            with harness.connect(port, seconds=20) as visitor:
                how(visitor)
        except OSError as error:
            self._ends.setdefault(who, f"{type(error).__name__}")

    def _take(self, visitor):
        visitor.sendall(transfers.REQUEST.pack(b"G", 1, ENDLESS))

        def count(length):
            self._moved["takes"] = length

        self._ends["takes"] = transfers.receive_stream(visitor, ENDLESS, count).end

    def _give(self, visitor):
        visitor.sendall(transfers.REQUEST.pack(b"P", 2, ENDLESS))
        for block in transfers.blocks(2, ENDLESS):
            visitor.sendall(block)
            self._moved["gives"] += len(block)

    def ends(self, seconds=10):
        deadline = time.monotonic() + harness.scaled(seconds)
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"a transfer goes on after {seconds} s; ended: {self._ends}"
        return self._ends


def assert_reset(ends):
    # Who writes may meet the reset first as the broken pipe that it left behind.
    assert ends["takes"] == "reset"
    assert ends["gives"] in ("ConnectionResetError", "BrokenPipeError")


def assert_whole(port, seed=7, size=300_000):
    """The service as it should be, over a new connection each time."""
    with harness.connect(port) as visitor:
        assert transfers.toward_visitor(visitor, seed, size).matches(seed, size)
    with harness.connect(port) as visitor:
        assert transfers.toward_backend(visitor, seed, size)


@pytest.fixture
def gateway_of_its_own_ports(programs):
    """Starts a gateway, again too, whose helper ports nobody takes while it is dead: any other gateway on this machine
    begins at the first port of the default range, and above 32767 the system gives ports to anybody."""
    low = random.randrange(22_000, 32_000, 4)

    def start(listen="127.0.0.1:0"):
        return programs.gateway("--helper-ports", f"{low}-{low + 3}", listen=listen, label="gateway")

    return start


def read_leases(tmp_path):
    """The lease file, which must be whole whenever one looks."""
    return json.loads((tmp_path / "gateway-state" / "gateway" / "leases.json").read_text())


def test_a_killed_gateway(programs, gateway_of_its_own_ports, backend, tmp_path):
    served = backend(backends.exchange)
    gateway = gateway_of_its_own_ports()
    agent = programs.agent(gateway, name="example", backend=served.port)
    port = gateway.wait_for_name("example")
    for killed in range(1, ROUNDS + 1):
        before = len(served.records)
        under_way = Transfers(port)
        harness.wait_until(lambda: len(served.records) == before + 2)
        at_backend = served.records[before:]
        gateway.kill()
        assert_reset(under_way.ends())
        assert {record.wait().end for record in at_backend} == {"reset"}
        agent.wait_for_line(r"DIG-2003.*next attempt", count=killed)
        read_leases(tmp_path)
        gateway = gateway_of_its_own_ports(listen=gateway.address)
        began = time.monotonic()
        assert gateway.wait_for_name("example") == port
        assert time.monotonic() - began < harness.scaled(4)  # up to 2 s of jitter, so that no herd comes (protocol 7.5)
        assert_whole(port)
    assert agent.stop() == 0


def test_a_killed_agent(programs, backend):
    served = backend(backends.exchange)
    gateway = programs.gateway(label="gateway")
    agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
    port = gateway.wait_for_name("example")
    for killed in range(1, ROUNDS + 1):
        before = len(served.records)
        under_way = Transfers(port)
        harness.wait_until(lambda: len(served.records) == before + 2)
        at_backend = served.records[before:]
        agent.kill()
        assert_reset(under_way.ends())
        assert {record.wait().end for record in at_backend} == {"reset"}
        gateway.wait_for_refusal(port)
        # While its owner is away nobody else has the name; who comes back has it, at the same port.
        other = programs.agent(gateway, name="example", backend=served.port)
        assert other.wait() == 6 and other.find_line("DIG-4003")
        agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
        assert gateway.wait_for_name("example", count=killed + 1) == port
        assert_whole(port)


def test_a_killed_backend(programs, backend):
    """Its visitor gets less than was promised, and never a clean end after bytes that the backend never read."""
    dying = programs.program("backend", sys.executable, "-c", HALF_AN_ANSWER, 0)
    where = int(dying.wait_for_line(r"^(\d+)$", lines=dying.out).group(1))
    gateway = programs.gateway()
    agent = programs.agent(gateway, name="dying", backend=where)
    programs.agent(gateway, name="steady", backend=backend(backends.exchange).port)
    port, steady = gateway.wait_for_name("dying"), gateway.wait_for_name("steady")
    for killed in range(1, ROUNDS + 1):
        with harness.connect(port) as visitor, harness.connect(port) as writer:
            visitor.sendall(b"GE")
            writer.sendall(b"PU" + bytes(100_000))
            dying.wait_for_line("half", lines=dying.out, count=2)
            dying.kill()
            got = transfers.receive_stream(visitor)
            assert got.length <= 3_000_000 and got.end in ("fin", "reset")
            assert transfers.receive_stream(writer).end == "reset", "a process that dies with bytes unread resets"
        with contextlib.suppress(ConnectionError), harness.connect(port) as visitor:
            assert transfers.receive_stream(visitor).end == "reset"
        agent.wait_for_line("DIG-2002: backend of 'dying'", count=killed)
        assert_whole(steady)
        dying = programs.program("backend", sys.executable, "-c", HALF_AN_ANSWER, where)
        dying.wait_for_line(r"^(\d+)$", lines=dying.out)
    with harness.connect(port) as visitor:
        visitor.sendall(b"GE")
        assert transfers.receive_stream(visitor, 3_000_000).end == "size"
    assert not agent.find_line("next attempt"), "a backend's end costs no session"


@pytest.mark.parametrize("who", ["gateway", "agent"])
def test_no_transfer_is_silently_wrong_while_programs_die(programs, gateway_of_its_own_ports, backend, tmp_path, who):
    """Eight visitors, each one transfer after the other, checked by length and hash; five kills at odd moments."""
    served = backend(backends.exchange)
    gateway = gateway_of_its_own_ports()
    agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
    port = gateway.wait_for_name("example")
    whole, failed, wrong = [], [], []
    over = threading.Event()

    def visit(number):
        while not over.is_set():
            seed, size = 1000 * number + len(whole), 1 << (10 + (number + len(whole)) % 12)
            try:
                with harness.connect(port, seconds=10) as visitor:
                    if number % 2:
                        good = transfers.toward_backend(visitor, seed, size)
                        (whole if good else wrong).append(seed)
                        continue
                    got = transfers.toward_visitor(visitor, seed, size)
                    if got.end == "size":
                        (whole if got.matches(seed, size) else wrong).append(seed)
                    else:
                        # A FIN in the midst would be a clean end for a protocol without lengths.
                        (failed if got.end == "reset" else wrong).append((seed, got.end))
            except EOFError:
                wrong.append((seed, "fin"))
            except TimeoutError as error:
                wrong.append((seed, repr(error)))
            except OSError:
                failed.append(seed)
                time.sleep(0.01)

    visitors = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(8)]
    for visitor in visitors:
        visitor.start()
    for killed in range(1, 6):
        enough = len(whole) + 20
        harness.wait_until(lambda: len(whole) > enough, 20, "transfers between kills")
        time.sleep(0.013 * killed)
        if who == "gateway":
            gateway.kill()
            read_leases(tmp_path)
            gateway = gateway_of_its_own_ports(listen=gateway.address)
            assert gateway.wait_for_name("example") == port
        else:
            agent.kill()
            agent = programs.agent(gateway, name="example", backend=served.port, label="agent")
            gateway.wait_for_name("example", count=killed + 1)
    over.set()
    for visitor in visitors:
        visitor.join(harness.scaled(15))
        assert not visitor.is_alive()
    assert not wrong
    assert failed and len(whole) > 100
    assert_whole(port)
