"""The network between agent and gateway: slow and lossy, silent for a while, cut and back.

Gateway and agent are in networks of their own, joined by a wire that the test holds (wire.py). A link without a byte
for 15 s is dead at both ends, and the agent comes back by itself. (protocol 7.5, 8)
"""

import concurrent.futures
import contextlib
import ctypes
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

import backends
import harness
import network
import transfers

WIRE = Path(__file__).with_name("wire.py")
CLONE_NEWNET = 0x40000000
DEAD_SECONDS = 15  # protocol 8.2
MEGABYTE = 1 << 20

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/dev/net/tun"),
                                reason="network namespaces and /dev/net/tun need root")


def inside(net, function, *arguments, **options):
    """Calls `function` in a thread that is in the network `net`: sockets made there stay there."""

    def call():
        with open(net.namespace, "rb") as file:
            assert ctypes.CDLL(None).setns(file.fileno(), CLONE_NEWNET) == 0
        return function(*arguments, **options)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


class Wire:
    """A running wire.py."""

    def __init__(self, near, far, number):
        self.device, self.far = f"wire{number}", far
        self.near_address, self.far_address = f"10.99.{number}.1", f"10.99.{number}.2"
        self.process = subprocess.Popen(
            ["/usr/bin/python3", WIRE, near.namespace, far.namespace, self.device, self.near_address,
             self.far_address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "up\n"

    def change(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def set_link(self, state):
        """The far end's interface "down" or "up"."""
        self.far.run("ip", "link", "set", self.device, state)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def join():
    """`join(count)` -> the gateway's network, and `count` wires that lead to one agent's network each."""
    with contextlib.ExitStack() as stack:

        def make(count=1):
            nets = [stack.enter_context(network.private_network()) for _ in range(count + 1)]
            if not all(net.command for net in nets):
                pytest.skip("this system gives no network namespaces")
            wires = []
            for number, far in enumerate(nets[1:], 1):
                wires.append(Wire(nets[0], far, number))
                stack.callback(wires[-1].close)
            return nets[0], wires

        yield make


@pytest.fixture
def serve(programs):
    """`serve(net, wires)` -> the gateway, and for each wire an agent "agentN", its backend and its port."""
    made = []

    def start(net, wires, protocol=2):
        gateway = programs.gateway(*(["--accept-v1"] if protocol == 1 else []), listen="0.0.0.0:0",
                                   within=net.command)
        services = []
        for number, wire in enumerate(wires, 1):
            made.append(inside(wire.far, backends.Backend, backends.exchange, seconds=60))
            agent = programs.agent(f"{wire.near_address}:{gateway.port}", "--protocol", protocol,
                                   name=f"name{number}", backend=made[-1].port, within=wire.far.command)
            services.append((agent, made[-1], gateway.wait_for_name(f"name{number}")))
        return gateway, services

    yield start
    for each in made:
        each.close()


def visit(net, port, seconds=60):
    return inside(net, harness.connect, port, seconds=seconds)


def toward_visitor(net, port, seed, size):
    with visit(net, port) as visitor:
        return transfers.toward_visitor(visitor, seed, size).matches(seed, size)


def toward_backend(net, port, seed, size):
    with visit(net, port) as visitor:
        return transfers.toward_backend(visitor, seed, size)


def fails(how, *arguments):
    """Whether the transfer broke off."""
    try:
        return not how(*arguments)
    except (OSError, EOFError):
        return True


def test_a_slow_and_lossy_link_delivers_everything(join, serve):
    """10 Mbit/s, 100 ms there and back, one packet in a hundred lost: slow, and complete."""
    net, (wire,) = join()
    _, ((agent, _, port),) = serve(net, [wire])
    wire.change(delay=0.05, rate=1_250_000, loss=0.01)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(how, net, port, seed, MEGABYTE)
                     for seed, how in enumerate((toward_visitor, toward_backend, toward_visitor, toward_backend))]
        with visit(net, port) as visitor:
            for number in range(20):
                began = time.monotonic()
                assert transfers.toward_visitor(visitor, number, 100).matches(number, 100)
                # A lost packet costs everybody a round trip or two; a queue of megabytes would cost seconds.
                assert time.monotonic() - began < harness.scaled(5)
        assert all(each.result() for each in under_way)
    assert not agent.find_line("next attempt")


def test_a_silence_shorter_than_15_s_costs_nothing(join, serve):
    net, (wire,) = join()
    _, ((agent, _, port),) = serve(net, [wire])
    wire.change(rate=4_000_000)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        under_way = [pool.submit(how, net, port, 1, 8 * MEGABYTE) for how in (toward_visitor, toward_backend)]
        time.sleep(0.5)
        wire.change(cut=True)
        time.sleep(5)
        assert not any(each.done() for each in under_way)
        wire.change(cut=False)
        assert all(each.result() for each in under_way)
    assert not agent.find_line("next attempt")


def test_a_link_that_is_cut_for_20_s_comes_back(join, serve):
    """Two agents at once: one loses its interface, the other's packets vanish without a word."""
    net, wires = join(2)
    down, silent = wires
    gateway, services = serve(net, wires)
    visitors = [visit(net, port) for _, _, port in services]
    for visitor in visitors:
        visitor.sendall(transfers.REQUEST.pack(b"G", 1, 1 << 40))
        assert transfers.receive_stream(visitor, MEGABYTE).end == "size"
    began = time.monotonic()
    down.set_link("down")
    silent.change(cut=True)
    with concurrent.futures.ThreadPoolExecutor(len(visitors)) as pool:
        ends = list(pool.map(lambda visitor: (transfers.receive_stream(visitor).end, time.monotonic() - began),
                             visitors))
    for visitor, (end, seconds) in zip(visitors, ends):
        visitor.close()
        assert end == "reset"
        assert DEAD_SECONDS - 1 < seconds < DEAD_SECONDS + harness.scaled(2)
    for agent, served, _ in services:
        agent.wait_for_line("DIG-200[34]: .*next attempt", 5)
        assert served.records[0].wait().end == "reset"
    for number in (1, 2):
        gateway.wait_for_line(rf"\[session {number}\] .* has gone")
    time.sleep(max(0, 20 - (time.monotonic() - began)))
    down.set_link("up")
    silent.change(cut=False)
    back = time.monotonic()
    for number, (agent, _, port) in enumerate(services, 1):
        # A connection attempt whose packets vanished is TCP's: it tries again after 1, 2 and 4 s.
        assert gateway.wait_for_name(f"name{number}", 12, count=2) == port, "the same port"
        assert toward_visitor(net, port, number, 100_000) and toward_backend(net, port, number, 100_000)
        assert agent.is_running()
        print(f"name{number} was back after {time.monotonic() - back:.1f} s")


def test_protocol_1_notices_a_dead_link_too(join, serve):
    """It has no ping: TCP asks an idle peer, and the tunnel sees that nobody acknowledges what is under way.

    One link is idle; over the other both ends have much to send.
    """
    net, wires = join(2)
    idle, busy = wires
    gateway, services = serve(net, wires, protocol=1)
    busy.change(rate=2_000_000)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        port = services[1][2]
        under_way = [pool.submit(fails, how, net, port, 1, 64 * MEGABYTE) for how in (toward_visitor, toward_backend)]
        time.sleep(1)
        began = time.monotonic()
        idle.set_link("down")
        busy.change(cut=True)
        # Of an idle link the last word may be 5 s old.
        for number, (agent, _, _) in enumerate(services, 1):
            agent.wait_for_line("DIG-200[34]: .*next attempt", DEAD_SECONDS + harness.scaled(4))
            gateway.wait_for_line(rf"\[session {number}\] .* has gone", DEAD_SECONDS + harness.scaled(4))
        assert DEAD_SECONDS - 6 < time.monotonic() - began < DEAD_SECONDS + harness.scaled(4)
        assert all(each.result() for each in under_way)
    idle.set_link("up")
    busy.change(cut=False)
    for number in (1, 2):
        port = gateway.wait_for_name(f"name{number}", 12, count=2)
        assert toward_visitor(net, port, number, 100_000) and toward_backend(net, port, number, 100_000)


@pytest.mark.full_size
def test_protocol_1_waits_for_a_visitor_that_pauses(join, serve):
    """The gateway stops reading then, and the window shuts: that is no sign of death, however long it lasts."""
    net, wires = join(1)
    _, ((agent, _, port),) = serve(net, wires, protocol=1)
    size = 64 * MEGABYTE
    with visit(net, port) as visitor:
        visitor.sendall(transfers.REQUEST.pack(b"G", 1, size))
        time.sleep(DEAD_SECONDS + 7)
        received = transfers.receive_stream(visitor, size)
        assert received.matches(1, size)
    assert not agent.find_line("next attempt")
