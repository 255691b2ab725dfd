#!/usr/bin/python3
"""An agent of protocol 2, written from docs/protocol.md alone: it shares no code with the project.

    minimal_agent.py GATEWAY_HOST:PORT NAME BACKEND_HOST:PORT [--token TOKEN] [--pin PIN]

One thread, one loop; each step says which rule of docs/protocol.md it follows. Kept small: one name, no
second attempt (7.5), windows of a fixed size (5.1 and 5.2 allow it).
"""

import argparse
import base64
import collections
import hashlib
import json
import secrets
import selectors
import socket
import struct
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from OpenSSL import SSL, crypto

# 3.2: the kinds of frames.
OK, ERROR, REGISTER, FINISH_REGISTER, DATA, END = 0, 1, 2, 3, 4, 5
LOGIN, HELLO, WELCOME, UNREGISTER, OPEN, WINDOW, RESET = 7, 8, 9, 10, 11, 12, 13
ACK, PING, PONG, GO_AWAY, REFUSED = 14, 15, 16, 17, 21
LOGGED = {OK, ERROR, REGISTER, FINISH_REGISTER, DATA, END, UNREGISTER, OPEN, WINDOW, RESET, GO_AWAY}  # 4.1

HEADER = struct.Struct(">BIH")  # 3.1
MAX_PAYLOAD = 16377  # 3.3
LINK_WINDOW = 1 << 20  # 2.3: what link_limit should be
STREAM_WINDOW = 1 << 18  # 2.3: what stream_limit should be
SILENT_SECONDS, LOST_SECONDS = 5, 15  # 8.1
BACKEND_SECONDS = 5  # 11.3
MAX_QUEUED = 1 << 20  # our own: with more for the carrier to take, backends are not read


def frame(kind, number, payload=b""):
    """3.1, 3.3"""
    assert len(payload) <= MAX_PAYLOAD
    return HEADER.pack(kind, number, len(payload)) + payload


def as_json(**members):
    """3.5"""
    return json.dumps(members).encode()


class Violation(Exception):
    """9.5: the gateway sent what the rules forbid."""


class Tls:
    """2.1: TLS 1.3 over memory; bytes in, bytes out."""

    def __init__(self, server_name):
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.set_alpn_protos([b"diglett/2"])
        self._connection = SSL.Connection(context, None)
        if server_name:
            self._connection.set_tlsext_host_name(server_name.encode())
        self._connection.set_connect_state()
        self.ended = False  # by close_notify

    def handshake(self):
        """One step; true when it is done."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        if self._connection.get_alpn_proto_negotiated() != b"diglett/2":
            raise Violation("2.1: ALPN did not agree on diglett/2")
        return True

    def pin(self):
        """10.1"""
        key = self._connection.get_peer_certificate().get_pubkey()
        return "sha256/" + base64.b64encode(
            hashlib.sha256(crypto.dump_publickey(crypto.FILETYPE_ASN1, key)).digest()).decode()

    def exporter(self, label):
        """2.4: RFC 8446 section 7.5, with an empty context."""
        return self._connection.export_keying_material(label, 32, b"")

    def feed(self, sealed):
        self._connection.bio_write(sealed)

    def read(self):
        """The plaintext of what was fed."""
        plain = bytearray()
        try:
            while True:
                plain += self._connection.recv(65536)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        return bytes(plain)

    def write(self, plain):
        if plain:
            self._connection.sendall(plain)

    def close(self):
        self._connection.shutdown()

    def pending(self):
        """Sealed bytes for the carrier."""
        try:
            return self._connection.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""


class Stream:
    """Section 6: one visitor, one connection to the backend."""

    def __init__(self, number, limit, backend):
        self.number = number
        self.socket = backend
        self.connected = False
        self.deadline = time.monotonic() + BACKEND_SECONDS
        self.sent, self.send_limit = 0, limit  # toward visitor, 5.2
        self.queue = collections.deque()  # toward backend, not written yet
        self.received, self.consumed, self.receive_limit = 0, 0, STREAM_WINDOW
        self.end_received = self.end_written = self.end_sent = False


class Agent:
    def __init__(self, gateway, name, backend, token="", pin=None, say=print):
        self.name, self.backend, self.token, self.pin, self.say = name, backend, token, pin, say
        self.carrier = socket.create_connection(gateway, 10)
        host = gateway[0]
        self.tls = Tls(None if host.replace(".", "").isdigit() or ":" in host else host)
        self.key = Ed25519PrivateKey.generate()
        self.streams, self.greatest = {}, 0
        self.incoming, self.outgoing = b"", bytearray()
        self.journal_end, self.acked, self.link_limit = 0, 0, 0  # 4.2 ours; 5.1: 0 before Hello
        self.received, self.acknowledged = 0, 0  # 4.2 theirs
        self.ends_of_frames = collections.deque()  # 4.4: where our logged frames end
        self.heard = time.monotonic()
        self.pinged = False
        self.port = None
        self.stage = "greeting"
        self.going_away = None
        self.selector = selectors.DefaultSelector()

    # ---- The opening conversation, section 2

    def open(self):
        while not self.tls.handshake():
            self._flush_blocking()
            sealed = self.carrier.recv(65536)
            if not sealed:
                raise ConnectionError("the gateway closed in the handshake")
            self.tls.feed(sealed)
        self._flush_blocking()
        # 10.2, 10.3: decided before the first frame.
        if self.pin is not None and self.tls.pin() != self.pin:
            raise PermissionError(f"the gateway shows {self.tls.pin()}, expected {self.pin}")
        # 2.2: all of it in one flight.
        self.send(HELLO, 0, as_json(min_version=2, max_version=2, features=[], software="minimal_agent.py",
                                    link_limit=LINK_WINDOW, stream_limit=STREAM_WINDOW))  # 2.3
        self.send(LOGIN, 0, self.login())
        self.send(REGISTER, 1, as_json(name=self.name))  # 2.6: kind and takeover have defaults
        self.send(FINISH_REGISTER, 0)  # 2.10
        self.carrier.setblocking(False)
        self.selector.register(self.carrier, selectors.EVENT_READ)

    def login(self):
        """2.4"""
        public = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        signed = b"diglett-2 login" + self.tls.exporter(b"EXPORTER-diglett-2-login")
        return as_json(agent_key=public.hex(), agent_signature=self.key.sign(signed).hex(),
                       instance=secrets.token_hex(16), token=self.token)

    # ---- Frames out, sections 3 to 5

    def send(self, kind, number, payload=b""):
        data = frame(kind, number, payload)
        if kind in LOGGED:
            self.journal_end += len(data)  # 4.2
            self.ends_of_frames.append(self.journal_end)
        self.tls.write(data)

    def acknowledge(self):
        """4.3, 5.1: we keep little, so the limit follows at a constant distance."""
        if self.received > self.acknowledged:
            self.acknowledged = self.received
            self.send(ACK, 0, struct.pack(">QQ", self.received, self.received + LINK_WINDOW))

    def room_for(self, stream):
        """5.3: bytes of Data that may go out on `stream` now."""
        return max(0, min(MAX_PAYLOAD, stream.send_limit - stream.sent, self.link_limit - self.journal_end - 7,
                          MAX_QUEUED - len(self.outgoing)))

    # ---- Frames in

    def take(self, plain):
        """3.4: only whole frames act."""
        self.incoming += plain
        at = 0
        while len(self.incoming) - at >= HEADER.size:
            kind, number, size = HEADER.unpack_from(self.incoming, at)
            if size > MAX_PAYLOAD:
                raise Violation("3.3")
            if len(self.incoming) - at - HEADER.size < size:
                break
            at += HEADER.size + size
            if kind in LOGGED:
                self.received += HEADER.size + size  # 4.2, also for frames that are dropped (6.6)
            self.act(kind, number, self.incoming[at - size:at])
        self.incoming = self.incoming[at:]

    def act(self, kind, number, payload):
        if self.stage == "greeting":  # 2.2
            if kind != HELLO:
                raise Violation("2.2: the first frame is Hello")
            hello = json.loads(payload)
            if not hello["min_version"] <= 2 <= hello["max_version"]:
                raise Violation("2.3: no common version")
            self.link_limit = hello["link_limit"]  # 5.1
            self.stage = "login"
        elif kind == REFUSED:  # 9.2
            code = struct.unpack(">H", payload[:2])[0]
            raise PermissionError(f"refused: {code} {json.loads(payload[2:]).get('text', '')}")
        elif kind == WELCOME and self.stage == "login":  # 2.5
            self.say(f"logged in as {json.loads(payload)['identity']}")
            self.stage = "serving"
        elif kind == ACK:  # 4.3, 4.4
            self.on_ack(*struct.unpack(">QQ", payload))
        elif kind == PING:  # 8.1
            self.send(PONG, 0, payload)
        elif kind == PONG:
            pass
        elif kind == GO_AWAY:  # 9.3
            self.on_go_away(json.loads(payload))
        elif self.stage != "serving":
            raise Violation(f"2.2: kind {kind} before Welcome")
        elif kind == OK:  # 2.7
            self.port = json.loads(payload).get("port", 0)
            self.say(f"registered at port {self.port}")
        elif kind == ERROR:  # 2.7, 2.9
            error = json.loads(payload)
            raise PermissionError(f"name refused: {error['code']} {error.get('text', '')}")
        elif kind == OPEN:
            self.on_open(number, payload)
        elif kind in (DATA, WINDOW, END, RESET):
            self.on_stream_frame(kind, number, payload)
        else:
            raise Violation(f"3.2: kind {kind}")

    def on_ack(self, received, limit):
        """4.4"""
        while self.ends_of_frames and self.ends_of_frames[0] <= received:
            self.acked = self.ends_of_frames.popleft()
        if received != self.acked:
            raise Violation("4.4: no end of a frame, or of one not sent")
        self.link_limit = max(self.link_limit, limit)

    def on_go_away(self, words):
        self.say(f"the gateway ends the session: {words['code']}")
        self.going_away = time.monotonic() + words.get("deadline_ms", 0) / 1000

    def on_open(self, number, payload):
        """6.1 to 6.3: the backend is dialled at once."""
        registration, _flags, limit = struct.unpack_from(">IBQ", payload)
        if number <= self.greatest:
            raise Violation("6.2: ids grow")
        self.greatest = number
        if registration != 1:
            self.send(RESET, number, struct.pack(">H", 3))  # 6.5: backend-unknown
            return
        backend = socket.socket(socket.AF_INET6 if ":" in self.backend[0] else socket.AF_INET)
        backend.setblocking(False)
        backend.connect_ex(self.backend)
        self.streams[number] = Stream(number, limit, backend)
        self.selector.register(backend, selectors.EVENT_WRITE, self.streams[number])

    def on_stream_frame(self, kind, number, payload):
        if not 1 <= number <= self.greatest:
            raise Violation("6.6: a stream never opened")
        stream = self.streams.get(number)
        if stream is None:
            return  # 6.6: it crossed our Reset
        if kind == WINDOW:  # 5.2
            stream.send_limit = max(stream.send_limit, struct.unpack(">Q", payload)[0])
        elif kind == RESET:  # 6.5
            self.drop(stream, reset=True)
        elif stream.end_received:
            raise Violation("6.4: after End")
        elif kind == END:  # 6.4
            stream.end_received = True
        else:
            stream.received += len(payload)
            if not payload or stream.received > stream.receive_limit:
                raise Violation("6.4 or 5.3")
            stream.queue.append(payload)

    # ---- Streams

    def reset(self, stream, reason, text=""):
        """6.5"""
        self.send(RESET, stream.number, struct.pack(">H", reason) + text.encode()[:200])
        self.drop(stream, reset=True)

    def drop(self, stream, reset=False):
        """6.6; 6.4: a FIN is forwarded only for a FIN."""
        self.selector.unregister(stream.socket)
        if reset:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.socket.close()
        del self.streams[stream.number]

    def serve_stream(self, stream, events):
        try:
            if not stream.connected and events & selectors.EVENT_WRITE:
                error = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    self.reset(stream, 1, "connection refused")  # 6.3, 6.5: backend-refused
                    return
                stream.connected = True
            if stream.connected:
                self.toward_backend(stream)
                self.toward_visitor(stream)
        except OSError:
            self.reset(stream, 0)  # 6.5: aborted

    def toward_backend(self, stream):
        while stream.queue:
            try:
                taken = stream.socket.send(stream.queue[0])
            except BlockingIOError:
                break
            stream.consumed += taken
            if taken < len(stream.queue[0]):
                stream.queue[0] = stream.queue[0][taken:]
            else:
                stream.queue.popleft()
        if stream.receive_limit - stream.consumed < STREAM_WINDOW // 2 and not stream.end_received:
            stream.receive_limit = stream.consumed + STREAM_WINDOW  # 5.2
            self.send(WINDOW, stream.number, struct.pack(">Q", stream.receive_limit))
        if stream.end_received and not stream.queue and not stream.end_written:
            stream.socket.shutdown(socket.SHUT_WR)  # 6.4: a FIN only after all bytes
            stream.end_written = True

    def toward_visitor(self, stream):
        while not stream.end_sent and self.room_for(stream):
            try:
                data = stream.socket.recv(self.room_for(stream))
            except BlockingIOError:
                break
            if data:
                stream.sent += len(data)
                self.send(DATA, stream.number, data)
            else:
                stream.end_sent = True
                self.send(END, stream.number)
        if stream.end_sent and stream.end_written:
            self.drop(stream)  # 6.6

    # ---- The loop

    def wanted(self, stream):
        if not stream.connected:
            return selectors.EVENT_WRITE
        reads = not stream.end_sent and self.room_for(stream) > 0
        return (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if stream.queue else 0)

    def watch(self):
        for stream in self.streams.values():
            events = self.wanted(stream)
            known = self.selector.get_map().get(stream.socket)
            if events and known and known.events != events:
                self.selector.modify(stream.socket, events, stream)
            elif not events and known and known.events:
                self.selector.modify(stream.socket, 0, stream)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outgoing else 0)
        self.selector.modify(self.carrier, events)

    def flush(self):
        while sealed := self.tls.pending():
            self.outgoing += sealed
        while self.outgoing:
            try:
                del self.outgoing[:self.carrier.send(self.outgoing)]
            except BlockingIOError:
                break

    def _flush_blocking(self):
        while sealed := self.tls.pending():
            self.carrier.sendall(sealed)

    def read_carrier(self):
        """5.6: always read. 2.1: a FIN without close_notify is the loss of the carrier."""
        try:
            sealed = self.carrier.recv(262144)
        except BlockingIOError:
            return
        if not sealed and not self.tls.ended:
            raise ConnectionError("the carrier was lost")
        self.heard, self.pinged = time.monotonic(), False
        self.tls.feed(sealed)
        self.take(self.tls.read())

    def tick(self):
        now = time.monotonic()
        if now - self.heard > LOST_SECONDS:
            raise ConnectionError("8.1: the carrier is silent")
        if now - self.heard > SILENT_SECONDS and not self.pinged:
            self.pinged = True
            self.send(PING, 0, secrets.token_bytes(8))
        for stream in list(self.streams.values()):
            if not stream.connected and now > stream.deadline:
                self.reset(stream, 2)  # 6.5: backend-timeout

    def run(self):
        self.open()
        try:
            while not self.tls.ended:
                self.flush()
                self.watch()
                for key, events in self.selector.select(0.5):
                    if key.fileobj is self.carrier:
                        if events & selectors.EVENT_READ:
                            self.read_carrier()
                    elif key.data.number in self.streams:
                        self.serve_stream(key.data, events)
                for stream in list(self.streams.values()):
                    if stream.connected:
                        self.serve_stream(stream, 0)  # what a frame has made possible
                self.acknowledge()
                self.tick()
                if self.going_away and (not self.streams or time.monotonic() > self.going_away):
                    break  # 9.3
        finally:
            self.end()

    def end(self):
        """7.6, 9.6: every stream is reset. 2.1: close_notify, then FIN."""
        for stream in list(self.streams.values()):
            self.drop(stream, reset=True)
        try:
            self.tls.close()
            self.flush()
        except (OSError, SSL.Error):
            pass
        self.carrier.close()


def address(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gateway", type=address)
    parser.add_argument("name")
    parser.add_argument("backend", type=address)
    parser.add_argument("--token", default="")
    parser.add_argument("--pin")
    arguments = parser.parse_args()
    try:
        Agent(arguments.gateway, arguments.name, arguments.backend, arguments.token, arguments.pin,
              say=lambda text: print(text, flush=True)).run()
    except (PermissionError, ConnectionError, Violation) as end:
        raise SystemExit(f"minimal_agent: {end}") from None


if __name__ == "__main__":
    main()
