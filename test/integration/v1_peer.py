#!/usr/bin/python3
"""Protocol 1 in Python, both roles: written from the description of the protocol, for tests.

It shares no code with the project, so that the two can disagree. As a library:

    agent = Agent(("127.0.0.1", 20000), "example", backend=("127.0.0.1", 9000)).start()
    gateway = Gateway(); agent = gateway.accept(); stream = agent.open(); stream.send(b"...")

On the command line it is a plain agent or gateway:

    v1_peer.py agent -g 127.0.0.1:20000 -n example 9000
    v1_peer.py gateway -l 127.0.0.1:20000

Wire: 38 bytes each way, agent first (magic, version, compressed secp256k1 key); then one ChaCha20 key
stream, the same for both directions, over frames of kind u8, id u32, size u16 (big-endian), payload.
"""

import argparse
import contextlib
import dataclasses
import enum
import hashlib
import secrets
import socket
import struct
import sys
import threading
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

# ---- secp256k1: y^2 = x^3 + 7 over the integers modulo P (SEC 2, section 2.4.1)

P = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add_points(a, b):
    """The sum of two points; None is the point at infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(number, point):
    result = None
    while number:
        if number & 1:
            result = add_points(result, point)
        point = add_points(point, point)
        number >>= 1
    return result


def compress(point):
    return bytes([2 + (point[1] & 1)]) + point[0].to_bytes(32, "big")


def decompress(data):
    """The point of a compressed key; ValueError if there is none."""
    x = int.from_bytes(data[1:], "big")
    if len(data) != 33 or data[0] not in (2, 3) or x >= P:
        raise ValueError("malformed public key")
    square = (x**3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        raise ValueError("malformed public key")
    return x, (y if y & 1 == data[0] & 1 else P - y)


# ---- Handshake and cipher

MAGIC, VERSION, HANDSHAKE_BYTES = b"digl", 1, 38


def handshake(private):
    return MAGIC + bytes([VERSION]) + compress(multiply(private, BASE))


def agree(private, their_handshake):
    """(key, iv) shared with the sender of `their_handshake`."""
    if their_handshake[:4] != MAGIC:
        raise ValueError("invalid wire magic number")
    if their_handshake[4] != VERSION:
        raise ValueError(f"invalid wire version: {their_handshake[4]}")
    x, y = multiply(private, decompress(their_handshake[5:]))
    digest = hashlib.sha512(x.to_bytes(32, "big") + y.to_bytes(32, "big")).digest()
    return digest[:32], digest[32:48]


class KeyStream:
    """One direction. The block counter is 64 bits wide (iv bytes 0-7, little-endian): past 2^32 it
    carries, which some ChaCha20 libraries do not, so a new cipher starts at each multiple of 2^32."""

    BLOCK_BYTES = 64

    def __init__(self, key, iv):
        self._key, self._rest = key, iv[8:]
        self._next = int.from_bytes(iv[:8], "little")
        self._left = 0

    def apply(self, data):
        out = bytearray()
        while data:
            if not self._left:
                iv = self._next.to_bytes(8, "little") + self._rest
                self._cipher = Cipher(algorithms.ChaCha20(self._key, iv), mode=None).encryptor()
                blocks = 2**32 - self._next % 2**32
                self._left = blocks * self.BLOCK_BYTES
                self._next = (self._next + blocks) % 2**64
            piece, data = data[: self._left], data[self._left :]
            out += self._cipher.update(bytes(piece))
            self._left -= len(piece)
        return bytes(out)


# ---- Frames


class Kind(enum.IntEnum):
    OK = 0
    ERROR = 1
    REGISTER = 2
    FINISH_REGISTER = 3
    PAYLOAD = 4
    CLOSE = 5
    TERMINATE = 6
    LOGIN = 7


HEADER = struct.Struct(">BIH")
MAX_PAYLOAD_BYTES = 65535


@dataclasses.dataclass
class Frame:
    kind: int
    id: int = 0
    payload: bytes = b""

    def encode(self):
        return HEADER.pack(self.kind, self.id, len(self.payload)) + self.payload


class Refused(Exception):
    """The gateway answered with an Error; the text is its own."""


class Connection:
    """Frames over one socket, in either role. send() may be called from any thread."""

    def __init__(self, sock, is_agent, private=None):
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        private = private or 1 + secrets.randbelow(ORDER - 1)
        if is_agent:
            sock.sendall(handshake(private))
            theirs = self._receive_exactly(HANDSHAKE_BYTES)
        else:
            theirs = self._receive_exactly(HANDSHAKE_BYTES)
            sock.sendall(handshake(private))
        key, iv = agree(private, theirs)
        self._sending, self._receiving = KeyStream(key, iv), KeyStream(key, iv)
        self._lock = threading.Lock()

    def _receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise EOFError(f"connection ended after {len(data)} of {size} bytes")
            data += piece
        return bytes(data)

    def send_plaintext(self, data):
        """Any bytes, well-formed or not."""
        with self._lock:
            self.sock.sendall(self._sending.apply(data))

    def send(self, kind, id=0, payload=b""):
        self.send_plaintext(Frame(kind, id, payload).encode())

    def receive(self):
        """The next frame; EOFError at the end, ConnectionError and socket.timeout as they come."""
        kind, id, size = HEADER.unpack(self._receiving.apply(self._receive_exactly(HEADER.size)))
        return Frame(kind, id, self._receiving.apply(self._receive_exactly(size)))

    def expect_ok(self):
        frame = self.receive()
        if frame.kind == Kind.ERROR:
            raise Refused(frame.payload.decode("utf-8", "replace"))
        if frame.kind != Kind.OK:
            raise ValueError(f"received unexpected message {frame.kind}")

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


# ---- Agent


@dataclasses.dataclass
class AgentOptions:
    """How an agent behaves; the defaults are good manners as the original has them."""

    token: bytes = b""
    number: int = 0  # of the registration
    private: int = 0  # key; 0: a random one
    ignores_closed: float = 2.0  # seconds without a redial for an id that it closed itself
    max_frame: int = MAX_PAYLOAD_BYTES


class Agent:
    """Signs on in the constructor (Refused if it may not); start() serves `backend` in a thread.

    `frames` are the gateway's frames in order, `dials` the ids for which it dialled.
    """

    def __init__(self, gateway, name, backend=None, options=None, seconds=20, **changes):
        self.options = dataclasses.replace(options or AgentOptions(), **changes)
        self.backend = backend
        self.frames, self.dials = [], []
        self.error = None
        self._backends, self._closed, self._lock = {}, {}, threading.Lock()
        sock = socket.create_connection(gateway, seconds)
        self.connection = Connection(sock, is_agent=True, private=self.options.private)
        self.connection.send(Kind.LOGIN, 0, self.options.token)
        self.connection.expect_ok()
        self.connection.send(Kind.REGISTER, self.options.number, name.encode())
        self.connection.expect_ok()
        self.connection.send(Kind.FINISH_REGISTER)
        sock.settimeout(None)

    def start(self):
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        return self

    def serve(self):
        """Until the connection ends; then every backend connection is closed."""
        try:
            while True:
                frame = self.connection.receive()
                self.frames.append(dataclasses.replace(frame, payload=frame.payload[:64]))
                self._on_frame(frame)
        except (EOFError, OSError) as ended:
            self.error = ended
        finally:
            with self._lock:
                backends = list(self._backends.values())
            for each in backends:
                self._shut(each)

    def _on_frame(self, frame):
        if frame.kind == Kind.PAYLOAD:
            backend = self._backends.get(frame.id) or self._dial(frame.id)
            if backend and frame.payload:
                with contextlib.suppress(OSError):
                    backend.sendall(frame.payload)
        elif frame.kind == Kind.CLOSE:
            with self._lock:
                backend = self._backends.pop(frame.id, None)
                self._closed.pop(frame.id, None)
            if backend:
                self._shut(backend)
        elif frame.kind == Kind.TERMINATE:
            raise EOFError("terminated")

    def _dial(self, id):
        with self._lock:
            if self._closed.get(id, 0) > time.monotonic():
                return None
        self.dials.append(id)
        try:
            backend = socket.create_connection(self.backend, 10)
        except OSError:
            self._close(id)
            return None
        backend.settimeout(None)
        with self._lock:
            self._backends[id] = backend
        threading.Thread(target=self._forward, args=(id, backend), daemon=True).start()
        return backend

    def _forward(self, id, backend):
        """One frame for each read; the Close after them."""
        try:
            while data := backend.recv(self.options.max_frame):
                with self._lock:
                    if self._backends.get(id) is not backend:
                        return
                self.connection.send(Kind.PAYLOAD, id, data)
        except OSError:
            pass
        with self._lock:
            mine = self._backends.get(id) is backend
            if mine:
                del self._backends[id]
        if mine:
            self._close(id)
        self._shut(backend)

    def _close(self, id):
        with self._lock:
            self._closed[id] = time.monotonic() + self.options.ignores_closed
        with contextlib.suppress(OSError):
            self.connection.send(Kind.CLOSE, id)

    @staticmethod
    def _shut(sock):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def open_ids(self):
        with self._lock:
            return set(self._backends)

    def close(self):
        self.connection.close()


# ---- Gateway


class Stream:
    """One visitor at a gateway, played by the caller: send(), receive(), close()."""

    def __init__(self, session, id):
        self.session, self.id = session, id
        self._data, self._ended = bytearray(), False
        self._changed = threading.Condition()

    def send(self, data, frame_bytes=MAX_PAYLOAD_BYTES):
        """As Payload frames; an empty one for no data."""
        for at in range(0, max(len(data), 1), frame_bytes):
            self.session.connection.send(Kind.PAYLOAD, self.id, data[at : at + frame_bytes])

    def close(self):
        self.session.connection.send(Kind.CLOSE, self.id)

    def _on_data(self, data, ended):
        with self._changed:
            self._data += data
            self._ended = self._ended or ended
            self._changed.notify_all()

    def receive(self, size=None, seconds=10):
        """`size` bytes, or all up to the agent's Close; fails after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(
                    lambda: self._ended or (size is not None and len(self._data) >= size), seconds):
                raise TimeoutError(f"{len(self._data)} bytes of {size} after {seconds} s")
            if size is not None and len(self._data) < size:
                raise EOFError(f"{len(self._data)} bytes of {size}")
            return self._take(len(self._data) if size is None else size)

    def receive_some(self, seconds=10):
        """What is there, at least a byte; b"" after the agent's Close."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended or self._data, seconds):
                raise TimeoutError(f"nothing for {seconds} s")
            return self._take(len(self._data))

    def _take(self, size):
        data = bytes(self._data[:size])
        del self._data[:size]
        return data

    def has_ended(self):
        with self._changed:
            return self._ended


class GatewaySession:
    """An agent that has signed on. `errors` is why the connection ended, once it has."""

    def __init__(self, sock, private=0, seconds=10, refuse_login=None, refuse_name=None):
        sock.settimeout(seconds)
        self.connection = Connection(sock, is_agent=False, private=private)
        self.token = self._expect(Kind.LOGIN).payload
        self._answer(refuse_login)
        register = self._expect(Kind.REGISTER)
        self.name, self.number = register.payload.decode(), register.id & 0xFFFF
        self._answer(refuse_name)
        self._expect(Kind.FINISH_REGISTER)
        sock.settimeout(None)
        self.streams, self.strays, self.error = {}, [], None
        self.ended = threading.Event()
        self._next_port = 1024
        threading.Thread(target=self._serve, daemon=True).start()

    def _expect(self, kind):
        frame = self.connection.receive()
        if frame.kind != kind:
            self._answer("received unexpected message")
        return frame

    def _answer(self, refusal):
        if refusal is None:
            self.connection.send(Kind.OK)
            return
        self.connection.send(Kind.ERROR, 0, refusal.encode())
        self.connection.close()
        raise Refused(refusal)

    def _serve(self):
        try:
            while True:
                frame = self.connection.receive()
                stream = self.streams.get(frame.id)
                if stream is None or frame.kind not in (Kind.PAYLOAD, Kind.CLOSE):
                    self.strays.append(frame)
                else:
                    stream._on_data(frame.payload if frame.kind == Kind.PAYLOAD else b"",
                                    frame.kind == Kind.CLOSE)
        except (EOFError, OSError) as ended:
            self.error = ended
        for stream in list(self.streams.values()):
            stream._on_data(b"", True)
        self.ended.set()

    def open(self, id=None):
        """A visitor; by default its id is the registration's number and a port, as the original's is.
        Nothing is sent before the visitor sends."""
        if id is None:
            self._next_port += 1
            id = self.number << 16 | self._next_port
        self.streams[id] = Stream(self, id)
        return self.streams[id]

    def close(self):
        self.connection.close()


class Gateway:
    """Listens on a free loopback port; accept() gives a session for each agent."""

    def __init__(self, address=("127.0.0.1", 0), seconds=20):
        self._listener = socket.create_server(address)
        self._listener.settimeout(seconds)
        self.port = self._listener.getsockname()[1]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def accept_socket(self):
        return self._listener.accept()[0]

    def accept(self, **options):
        return GatewaySession(self.accept_socket(), **options)

    def serve_visitors(self, session):
        """The helper port of `session`: each connection there is a visitor. For the command line."""
        listener = socket.create_server(("127.0.0.1", 0))
        print(f"register domain '{session.name}' -> '{listener.getsockname()[1]}'", flush=True)
        threading.Thread(target=self._accept_visitors, args=(listener, session), daemon=True).start()
        return listener

    def _accept_visitors(self, listener, session):
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            stream = session.open()
            threading.Thread(target=self._toward_backend, args=(visitor, stream), daemon=True).start()
            threading.Thread(target=self._toward_visitor, args=(visitor, stream), daemon=True).start()

    @staticmethod
    def _toward_backend(visitor, stream):
        with contextlib.suppress(OSError):
            while data := visitor.recv(MAX_PAYLOAD_BYTES):
                stream.send(data)
            stream.close()

    @staticmethod
    def _toward_visitor(visitor, stream):
        with contextlib.suppress(OSError):
            while data := stream.receive_some(seconds=None):
                visitor.sendall(data)
        with contextlib.suppress(OSError):
            visitor.shutdown(socket.SHUT_RDWR)
        visitor.close()

    def close(self):
        self._listener.close()


# ---- Command line


def split_address(text, default_host="127.0.0.1"):
    host, _, port = text.rpartition(":")
    return host or default_host, int(port)


def main(arguments):
    parser = argparse.ArgumentParser(description="Protocol 1, for tests")
    roles = parser.add_subparsers(dest="role", required=True)
    agent = roles.add_parser("agent")
    agent.add_argument("-g", "--gateway", type=split_address, required=True)
    agent.add_argument("-n", "--name", required=True)
    agent.add_argument("-t", "--token", default="")
    agent.add_argument("backend", type=split_address)
    gateway = roles.add_parser("gateway")
    gateway.add_argument("-l", "--listen", type=split_address, default=("127.0.0.1", 20000))
    chosen = parser.parse_args(arguments)
    if chosen.role == "agent":
        peer = Agent(chosen.gateway, chosen.name, chosen.backend, token=chosen.token.encode())
        peer.serve()
        return
    listening = Gateway(chosen.listen, seconds=None)
    print(f"listening on {listening.address}", flush=True)
    while True:
        try:
            listening.serve_visitors(listening.accept())
        except (EOFError, OSError, ValueError, Refused) as refused:
            print(refused, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
