"""An agent that says whatever it is told to, inside TLS: for what no good agent would say.

    peer = Peer(gateway.port)
    peer.send(peer.hello() + peer.login())
    peer.wait_for(WELCOME)

Frames and TLS are those of minimal_agent.py, so nothing here is the project's own code.
"""

import dataclasses
import secrets
import socket
import struct
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from OpenSSL import SSL

import harness
from minimal_agent import (ACK, HEADER, HELLO, LOGIN, PING, PONG, Tls, as_json, frame)

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclasses.dataclass
class Heard:
    kind: int
    id: int
    payload: bytes


class Peer:
    """One connection to a gateway, with the handshake done."""

    def __init__(self, port, source="127.0.0.1", seconds=10):
        self.socket = harness.connect(port, seconds=seconds, source=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = Tls(None)
        self.heard = []
        self.end = None
        self._incoming = b""
        while not self.tls.handshake():
            self._flush()
            sealed = self.socket.recv(65536)
            if not sealed:
                raise ConnectionError("closed in the handshake")
            self.tls.feed(sealed)
        self._flush()

    def _flush(self):
        while sealed := self.tls.pending():
            self.socket.sendall(sealed)

    def hello(self, **members):
        return frame(HELLO, 0, as_json(**({"min_version": 2, "max_version": 2, "features": [], "software": "peer",
                                           "link_limit": 1 << 20, "stream_limit": 1 << 18} | members)))

    def login(self, token="", **members):
        signed = b"diglett-2 login" + self.tls.exporter(b"EXPORTER-diglett-2-login")
        return frame(LOGIN, 0, as_json(**({"agent_key": PUBLIC.hex(), "agent_signature": KEY.sign(signed).hex(),
                                           "instance": secrets.token_hex(16), "token": token} | members)))

    def send(self, data):
        """False if the gateway has closed already."""
        try:
            self.tls.write(data)
            self._flush()
        except (OSError, SSL.Error):
            return False
        return True

    def read(self):
        """One read; false at the end, with `end` set: close_notify, fin, reset, tls or timeout."""
        if self.end:
            return False
        try:
            sealed = self.socket.recv(262144)
            if sealed:
                self.tls.feed(sealed)
                self._take(self.tls.read())
            self.end = "close_notify" if self.tls.ended else None if sealed else "fin"
        except socket.timeout:
            self.end = "timeout"
        except ConnectionError:
            self.end = "reset"
        except SSL.Error:
            self.end = "tls"
        return self.end is None

    def _take(self, plain):
        self._incoming += plain
        while len(self._incoming) >= HEADER.size:
            kind, number, size = HEADER.unpack_from(self._incoming)
            if len(self._incoming) < HEADER.size + size:
                return
            self.heard.append(Heard(kind, number, self._incoming[HEADER.size:HEADER.size + size]))
            self._incoming = self._incoming[HEADER.size + size:]

    def wait_for(self, kind, predicate=lambda _: True):
        """The first frame of `kind` that was heard, now or before; None at the end of the connection."""
        seen = 0
        while True:
            for each in self.heard[seen:]:
                if each.kind == kind and predicate(each):
                    return each
            seen = len(self.heard)
            if not self.read():
                return None

    def answers(self):
        """True if the gateway still takes part: it answers a Ping."""
        token = secrets.token_bytes(8)
        return self.send(frame(PING, 0, token)) and self.wait_for(PONG, lambda pong: pong.payload == token) is not None

    def read_to_the_end(self):
        """How the gateway ended it, and after how many seconds."""
        began = time.monotonic()
        while self.read():
            pass
        return self.end, time.monotonic() - began

    def close(self):
        self.socket.close()


def ack(received, limit):
    return frame(ACK, 0, struct.pack(">QQ", received, limit))
