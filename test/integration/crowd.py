#!/usr/bin/python3
"""Many checked transfers at once, as two programs on one thread each: visitors, and the backend for them.

    crowd.py backend                        prints its port, serves until killed
    crowd.py visit PORT PLAN AT_ONCE [hold] one JSON line of results; PLAN is a file with a list of
                                            [bytes toward backend, bytes toward visitor]

A transfer has an id; its bytes come from the id, differ for each direction and say in each block whose and
the how-manieth they are. The visitor sends id and both sizes, then its bytes and FIN; the backend sends
its bytes as soon as it knows the id, then one byte that says whether what it received was right, then
FIN. So each transfer is complete, cleanly failed (reset, time-out) or silent: it ended well and was wrong.

With `hold` the visitors stop in the middle: once each has had all of the backend's bytes, "held" is printed, and
only SIGUSR1 lets them send theirs. AT_ONCE is then the number of those that have not had them yet.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import random
import resource
import selectors
import signal
import socket
import struct
import sys
import time

HEAD = struct.Struct(">16sQQ")
BLOCK_BYTES = 65536
MARK_BYTES = 16  # of each block: 8 of the id, 8 of counter
GOOD, BAD = b"Y", b"N"
STALL_SECONDS = 60  # without any event at all: something hangs


class Content:
    """The bytes of one direction of one transfer."""

    def __init__(self, name, direction, size):
        self.size, self._name = size, name
        self._base = hashlib.shake_128(name + direction).digest(min(size, BLOCK_BYTES - MARK_BYTES))

    def block(self, number):
        whole = self._name[:8] + number.to_bytes(8, "big") + self._base
        return whole[: max(0, min(BLOCK_BYTES, self.size - number * BLOCK_BYTES))]

    def digest(self):
        total = hashlib.sha256()
        for number in range(-(-self.size // BLOCK_BYTES)):
            total.update(self.block(number))
        return total.digest()


class Inflow:
    """Receives a content; `rest` is what came after it."""

    def __init__(self, content):
        self._content, self._length, self._total = content, 0, hashlib.sha256()
        self.rest = b""

    def take(self, data):
        wanted = self._content.size - self._length
        self.rest += data[wanted:]
        self._total.update(data[:wanted])
        self._length += min(len(data), wanted)

    def is_whole(self):
        return self._length == self._content.size

    def is_right(self):
        return self.is_whole() and self._total.digest() == self._content.digest()


class Outflow:
    """Sends a content, with something before and after it."""

    def __init__(self, content, before=b""):
        self._content, self._next, self._piece = content, 0, memoryview(before)

    def push(self, sock):
        """Sends what the socket takes; true when all is sent."""
        while True:
            if not self._piece:
                if self._next * BLOCK_BYTES >= self._content.size:
                    return True
                self._piece = memoryview(self._content.block(self._next))
                self._next += 1
            try:
                self._piece = self._piece[sock.send(self._piece):]
            except BlockingIOError:
                return False


class Ends:
    """An event loop of connections: each has on_event(loop) -> False when it is over."""

    def __init__(self):
        self._selector = selectors.EpollSelector()
        self._count = 0

    def add(self, connection, events):
        self._selector.register(connection.sock, events, connection)
        connection.events = events
        self._count += 1

    def watch(self, connection, events):
        if events != connection.events:
            connection.events = events
            self._selector.modify(connection.sock, events, connection)

    def drop(self, connection):
        self._selector.unregister(connection.sock)
        connection.sock.close()
        self._count -= 1

    def __len__(self):
        return self._count

    def turn(self, seconds):
        ready = self._selector.select(seconds)
        for key, events in ready:
            key.data.on_event(self, events)
        return bool(ready)


READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Served:
    """The backend's side of a transfer."""

    def __init__(self, sock):
        self.sock, self._head, self._inflow, self._outflow = sock, b"", None, None
        self._heard_end = False
        self._verdict = None

    def on_event(self, ends, events):
        try:
            if events & READ:
                self._read()
            if self._outflow and self._outflow.push(self.sock) and self._heard_end:
                if self._verdict is None:
                    self._verdict = GOOD if self._inflow.is_right() and not self._inflow.rest else BAD
                self.sock.send(self._verdict)
                ends.drop(self)
                return
        except OSError:
            ends.drop(self)
            return
        sending = self._outflow and self._outflow.push(self.sock) is False
        ends.watch(self, (0 if self._heard_end else READ) | (WRITE if sending or self._heard_end else 0))

    def _read(self):
        data = self.sock.recv(262144)
        if not data:
            if self._inflow is None:
                raise ConnectionError("ended before its head")
            self._heard_end = True
        elif self._inflow is None:
            self._head += data
            if len(self._head) >= HEAD.size:
                name, toward_backend, toward_visitor = HEAD.unpack(self._head[: HEAD.size])
                self._inflow = Inflow(Content(name, b"toward backend", toward_backend))
                self._inflow.take(self._head[HEAD.size:])
                self._outflow = Outflow(Content(name, b"toward visitor", toward_visitor))
        else:
            self._inflow.take(data)


class Door:
    """Accepts for the backend."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.sock.setblocking(False)

    def on_event(self, ends, _events):
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                sock, _peer = self.sock.accept()
                sock.setblocking(False)
                ends.add(Served(sock), READ)


@dataclasses.dataclass
class Results:
    complete: int = 0
    failed: int = 0
    silent: int = 0
    bytes: int = 0
    troubles: list = dataclasses.field(default_factory=list)


class Visitor:
    """The visitor's side of a transfer."""

    def __init__(self, port, name, toward_backend, toward_visitor, results, hold):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))
        self._what = f"{name.hex()} {toward_backend} toward backend {toward_visitor} toward visitor"
        self._size, self._results = toward_backend + toward_visitor, results
        head = HEAD.pack(name, toward_backend, toward_visitor)
        self._outflow = Outflow(Content(name, b"toward backend", 0 if hold else toward_backend), head)
        self._later = Outflow(Content(name, b"toward backend", toward_backend)) if hold else None
        self._inflow = Inflow(Content(name, b"toward visitor", toward_visitor))
        self.holds, self._sent = hold, False

    def has_content(self):
        return self._inflow.is_whole()

    def go_on(self, ends):
        """Ends the hold."""
        self.holds, self._outflow, self._sent = False, self._later, False
        ends.watch(self, READ | WRITE)

    def on_event(self, ends, events):
        try:
            if not self._sent and events & WRITE and self._outflow.push(self.sock):
                self._sent = True
                if not self.holds:
                    self.sock.shutdown(socket.SHUT_WR)
                ends.watch(self, READ)
            if events & READ:
                data = self.sock.recv(262144)
                self._inflow.take(data)
                if not data:
                    self._ended(ends)
        except BlockingIOError:
            pass
        except OSError as error:
            self._results.failed += 1
            self._results.troubles.append(f"{self._what}: {error}")
            ends.drop(self)

    def _ended(self, ends):
        if self._inflow.is_right() and self._inflow.rest == GOOD:
            self._results.complete += 1
            self._results.bytes += self._size
        else:
            self._results.silent += 1
            self._results.troubles.append(f"{self._what}: a FIN, and {self._inflow.rest[:80]!r}")
        ends.drop(self)


def serve():
    ends = Ends()
    door = Door()
    ends.add(door, READ)
    print(door.sock.getsockname()[1], flush=True)
    while True:
        ends.turn(None)


def visit(port, plan, at_once, hold):
    names = random.Random(os.urandom(16))
    ends, results, began, held = Ends(), Results(), time.monotonic(), []
    begun = 0
    while begun < len(plan) or len(ends):
        idle = sum(visitor.has_content() for visitor in held) if hold else 0
        while begun < len(plan) and len(ends) - idle < at_once:
            visitor = Visitor(port, names.randbytes(16), *plan[begun], results, hold)
            begun += 1
            ends.add(visitor, READ | WRITE)
            held.extend([visitor] if hold else [])
        if len(ends) and not ends.turn(STALL_SECONDS):
            results.troubles.append(f"nothing happens; {len(ends)} transfers are open")
            break
        if hold and sum(visitor.has_content() for visitor in held) == len(plan):
            print("held", flush=True)
            signal.sigwait({signal.SIGUSR1})
            for visitor in held:
                visitor.go_on(ends)
            hold = False
    report = dataclasses.asdict(results) | {"seconds": round(time.monotonic() - began, 3)}
    report["troubles"] = results.troubles[:20]
    print(json.dumps(report), flush=True)


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if sys.argv[1] == "backend":
        serve()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    with open(sys.argv[3], encoding="ascii") as plan:
        visit(int(sys.argv[2]), json.load(plan), int(sys.argv[4]), "hold" in sys.argv[5:])


if __name__ == "__main__":
    main()
