"""Who reads slowly, or not at all, waits alone, and costs one bounded window."""

import contextlib
import fcntl
import os
import select
import statistics
import struct
import sys
import termios
import threading
import time

import pytest

import backends
import harness
import transfers

pytestmark = pytest.mark.alone

MIB = 1 << 20
MEASURED_BYTES = 96 * MIB
# Protocol 11.3: 64 MiB for a session's sockets, and a journal of 32 MiB; the rest for buffers in use.
BOUND_BYTES = (64 + 32 + 16) * MIB
FILLED_BYTES = 4 * MIB  # less than eight readers hold up: then nothing was measured
UNREAD_BYTES = 64 << 10  # the least that a socket holds which nobody reads
# What the gateway takes its memory's bound from; half of it is for streams.
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
SHORT_BUDGET_BYTES = 8 * MIB
STOPPED = 64  # a window of 256 KiB for each: twice the budget
MOVING = ((400e3, 8, 0.05), (400e3, 8, 0.05), (3e6, 8, 0.05), (400e3, 8, 0.8))  # bytes/s, seconds, pause
# The machine's other work shows as noise: medians of interleaved runs are compared, twice if need be.
PAIRS = 5
TRIES = 2

# A backend in a process of its own, so that its Python does not share a lock with the readers.
SOURCE = """
import socket, threading
def pour(connection):
    block = bytes(1 << 20)
    try:
        while True:
            connection.sendall(block)
    except OSError:
        pass
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    threading.Thread(target=pour, args=(listening.accept()[0],), daemon=True).start()
"""


@pytest.fixture
def tunnel(programs):
    source = programs.program("backend", sys.executable, "-c", SOURCE)
    port = int(source.wait_for_line(r"^(\d+)$", lines=source.out).group(1))
    gateway = programs.gateway()
    agent = programs.agent(gateway, name="example", backend=port)
    return gateway, agent, gateway.wait_for_name("example")


def speed_of_a_reader(port, size=MEASURED_BYTES):
    """Bytes per second of one visitor that takes everything."""
    with harness.connect(port, seconds=60) as visitor:
        buffer = bytearray(MIB)
        for left in (8 * MIB, size):  # the first for the windows to grow
            began = time.monotonic()
            total = left
            while left > 0:
                got = visitor.recv_into(buffer)
                assert got, "the answer goes on for ever"
                left -= got
        return total / (time.monotonic() - began)


@contextlib.contextmanager
def stopped_reader(tunnel):
    """A visitor whose answer has filled every buffer on the way, and who does not read it."""
    *programs, port = tunnel
    with harness.connect(port) as visitor:
        assert visitor.recv(1)
        wait_until_still(lambda: (unread_bytes(visitor), *(program.resident_bytes() for program in programs)))
        assert unread_bytes(visitor) > UNREAD_BYTES
        yield visitor


def unread_bytes(visitor):
    """What lies in the visitor's own socket."""
    return struct.unpack("i", fcntl.ioctl(visitor, termios.FIONREAD, bytes(4)))[0]


def wait_until_still(value, seconds=10):
    """Until `value()` has been the same for 0.3 s."""
    last, since = value(), time.monotonic()
    deadline = since + harness.scaled(seconds)
    while time.monotonic() - since < 0.3:
        assert time.monotonic() < deadline, f"{last} goes on changing"
        time.sleep(0.02)
        if (now := value()) != last:
            last, since = now, time.monotonic()


@pytest.mark.full_size
def test_a_reader_runs_at_its_own_speed_beside_one_that_has_stopped(tunnel):
    _, _, port = tunnel
    ratios = []
    for _ in range(TRIES):
        alone, beside = [], []
        for _ in range(PAIRS):
            alone.append(speed_of_a_reader(port))
            with stopped_reader(tunnel):
                beside.append(speed_of_a_reader(port))
        ratios.append(statistics.median(beside) / statistics.median(alone))
        print("MB/s alone", [round(speed / 1e6) for speed in alone],
              "beside", [round(speed / 1e6) for speed in beside], f"ratio {ratios[-1]:.2f}")
        if ratios[-1] >= 0.9:
            break
    assert max(ratios) >= 0.9


@pytest.mark.full_size
def test_eight_stopped_readers_stay_within_the_bound(tunnel):
    gateway, agent, port = tunnel
    speed_of_a_reader(port, 64 * MIB)
    before = [program.resident_bytes() for program in (gateway, agent)]
    with contextlib.ExitStack() as stopped:
        for _ in range(8):
            stopped.enter_context(stopped_reader(tunnel))
        speed_of_a_reader(port, 64 * MIB)
        for program, at_first in zip((gateway, agent), before):
            grown = program.resident_bytes() - at_first
            print(f"{program.label}: {grown / MIB:.1f} MiB more with eight readers that do not read")
            assert grown <= BOUND_BYTES
            if program is gateway:
                assert grown >= FILLED_BYTES, "what the readers do not take is kept there"


@contextlib.contextmanager
def reader_at(port, bytes_per_second, seconds, pause):
    """A thread that reads for `seconds`, at each `pause` what is due by then; yields what it got, in a list."""
    got = []

    def read():
        with harness.connect(port) as visitor:
            size = round(bytes_per_second * seconds)
            began = time.monotonic()

            def wait(length):
                due = int((time.monotonic() - began) / pause) * pause * bytes_per_second
                if length > due:
                    time.sleep(pause)

            got.append((transfers.receive_stream(visitor, size, wait), size))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield got
    thread.join(harness.scaled(60))
    assert not thread.is_alive()


@pytest.mark.full_size
@pytest.mark.skipif(os.geteuid() != 0 or not any(map(os.path.exists, MEMORY_LIMITS)),
                    reason="a memory limit of one's own needs root and control groups")
def test_readers_that_move_go_on_while_memory_is_short_of_those_that_do_not(programs, backend, tmp_path):
    (tmp_path / "limit").write_text(f"{2 * SHORT_BUDGET_BYTES}\n")  # streams may use half of it
    mounts = "".join(f"mount --bind {tmp_path}/limit {file} && " for file in MEMORY_LIMITS if os.path.exists(file))
    gateway = programs.gateway(within=["unshare", "--mount", "sh", "-c", mounts + 'exec "$@"', "sh"])
    served = backend(backends.source, 7, 64 * MIB)
    ports = []
    for name in ("stopped", "moving"):
        programs.agent(gateway, name=name, backend=served.port)
        ports.append(gateway.wait_for_name(name))
    before = gateway.resident_bytes()
    with contextlib.ExitStack() as visitors:
        with contextlib.ExitStack() as readers:
            moving = [readers.enter_context(reader_at(ports[1], *pace)) for pace in MOVING]
            served.wait_for_connection(len(MOVING))
            stopped = []
            for _ in range(STOPPED):
                with contextlib.suppress(ConnectionResetError):  # memory is full already
                    stopped.append(visitors.enter_context(harness.connect(ports[0])))
        gone = have_ended(stopped)
        grown = gateway.resident_bytes() - before
    print(f"{gone} of {len(stopped)} stopped readers gone while the others went on; {grown / MIB:.1f} MiB more in use")
    assert gone > 0, "memory was not short"
    assert grown <= SHORT_BUDGET_BYTES + 16 * MIB
    for ((got, size),), pace in zip(moving, MOVING):
        assert got.end == "size" and got.matches(7, size), f"{pace}: {got.end} after {got.length} of {size} bytes"


def have_ended(visitors):
    """How many of them were reset or closed, whatever they have not read."""
    poll = select.poll()
    for visitor in visitors:
        poll.register(visitor, 0)  # POLLHUP and POLLERR are told unasked
    return len(poll.poll(0))


def test_a_backend_that_does_not_read_delays_nobody(programs, backend):
    """The other direction: a visitor that pours into a backend that takes nothing."""
    let_go = threading.Event()

    def not_reading(connection, record):
        if connection.recv(1) == b"s":
            let_go.wait(harness.scaled(30))
            backends.sink(connection, record)
        else:
            backends.exchange(connection, record)

    served = backend(not_reading)
    gateway = programs.gateway()
    programs.agent(gateway, name="example", backend=served.port)
    port = gateway.wait_for_name("example")
    with harness.connect(port, seconds=1) as stuck:
        stuck.sendall(b"s")
        with pytest.raises(TimeoutError):
            transfers.send_stream(stuck, 1, 256 * MIB)
        with harness.connect(port) as running:
            running.sendall(b"r")
            began = time.monotonic()
            assert transfers.toward_backend(running, 2, 4 * MIB)
            assert time.monotonic() - began < harness.scaled(3)
        let_go.set()


def test_a_slow_reader_gets_everything(programs, backend):
    served = backend(backends.source, 7, 24 * MIB)
    gateway = programs.gateway()
    programs.agent(gateway, name="example", backend=served.port)
    with harness.connect(gateway.wait_for_name("example")) as visitor:
        paused = []

        def pause(length):
            if len(paused) < length // (4 * MIB):
                paused.append(time.sleep(0.3))

        got = transfers.receive_stream(visitor, pause=pause)
        assert got.matches(7, 24 * MIB) and got.end == "fin"
        assert len(paused) >= 5
