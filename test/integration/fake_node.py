"""A fake node of ThreeFold's chain: JSON-RPC over ws and http on one port, or wss and https.

    node = Node(chain)                                  # or Node(chain, certificate=..., key=...)
    node.url("ws"), node.url("http")
    node.mode = "late"                                  # MODES; "well" again ends it
    node.stop()

As a program, with a port of its own by which the chain is edited and the node misbehaves:

    fake_node.py [--port 0] [--control-port 0] [--certificate FILE --key FILE]

says `node PORT` and `control PORT`. A line to the control port, a JSON object with one of `edit` (storage
by key), `twin` ({id, account}), `name` ({name, contract, twin, grace}), `cancel` ({name, contract}) and
`mode`, is answered by a line, the hash of the newest block.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import sys
import threading
import time

import grid_chain

MODES = {
    "well": "answers",
    "late": "takes questions and says nothing",
    "garbage": "answers what is no JSON",
    "wrong-id": "answers another question",
    "old-layout": "has twins in an older layout",
    "state-error": "fails to read what is stored, but knows its head",
    "stale": "is an hour behind",
    "ahead": "is an hour ahead",
    "other-chain": "is a node of something else",
    "drop": "closes in the middle of an answer",
    "long": "answers without end",
    "http-error": "answers with HTTP status 503",
}
WEB_SOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
TLS_HANDSHAKE = b"\x16"  # the first byte of a client that speaks TLS (RFC 8446 section 5.1)
IDLE_SECONDS = 60
HOUR_MS = 3_600_000


class Node:
    def __init__(self, chain, certificate=None, key=None, port=0):
        self.chain = chain
        self.mode = "well"
        self.lag = 0  # blocks behind the others
        self.asked = {}  # by method, and by storage key
        self._lock = threading.Lock()
        self.server_names = set()  # that clients of TLS asked for; None for none
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate, key)
            self._tls.sni_callback = lambda _, name, __: self.server_names.add(name)
        self._connections = set()
        self._stopped = False
        self._listen(port)

    def _listen(self, port):
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def url(self, scheme, host="127.0.0.1"):
        return f"{scheme}://{host}:{self.port}"

    def count(self, what):
        with self._lock:
            return self.asked.get(what, 0)

    def stop(self):
        """The node is gone: nothing listens, every connection is closed."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close() alone would leave the thread in accept()
        self._listener.close()
        self.drop_all()

    def start_again(self):
        self._stopped = False
        self._listen(self.port)

    def drop_all(self):
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(IDLE_SECONDS)
        with self._lock:
            self._connections.add(connection)
        raw = connection
        try:
            if self._stopped:
                return
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            elif connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                return
            with connection.makefile("rb") as stream:
                while self._serve_request(connection, stream):
                    pass
        except (OSError, ValueError, EOFError):
            pass
        finally:
            with self._lock:
                self._connections.discard(raw)
            connection.close()

    def _serve_request(self, connection, stream):
        """One HTTP request, or all of a web socket; whether another may follow."""
        start = stream.readline(8192)
        if not start:
            return False
        headers = {}
        while (line := stream.readline(8192)) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("upgrade", "").lower() == "websocket":
            digest = hashlib.sha1((headers["sec-websocket-key"] + WEB_SOCKET_GUID).encode()).digest()
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
            while self._serve_message(connection, stream):
                pass
            return False
        body = stream.read(int(headers.get("content-length", "0")))
        return self._send_http(connection, self._answer(body))

    def _send_http(self, connection, text):
        if text is None:
            return self._hang(connection)
        if self.mode == "http-error":
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
            return True
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        message = head.encode() + text
        if self.mode == "drop":
            connection.sendall(message[:len(message) - len(text) // 2])
            return False
        connection.sendall(message)
        return True

    def _serve_message(self, connection, stream):
        code, payload = read_frame(stream)
        if code == 0x9:
            connection.sendall(frame(payload, 0xA))
            return True
        if code == 0xA:
            return True
        if code != 0x1:
            return False
        text = self._answer(payload)
        if text is None:
            return self._hang(connection)
        message = frame(text)
        if self.mode == "drop":
            connection.sendall(message[:len(message) // 2])
            return False
        connection.sendall(message)
        return True

    def _hang(self, connection):
        """Says nothing until the mode changes; then the connection ends."""
        while self.mode == "late" and not self._stopped:
            time.sleep(0.02)
        return False

    def _answer(self, request):
        """The bytes that answer `request`; None for silence."""
        question = json.loads(request)
        method, params = question["method"], question["params"]
        with self._lock:
            self.asked[method] = self.asked.get(method, 0) + 1
            if method == "state_getStorage":
                self.asked[params[0]] = self.asked.get(params[0], 0) + 1
        mode = self.mode
        if mode == "late":
            return None
        if mode == "garbage":
            return b"<html><body>502 Bad Gateway</body></html>"
        answer = {"jsonrpc": "2.0", "id": question["id"] + (mode == "wrong-id")}
        if mode == "long":
            answer["result"] = "0x" + "00" * 1_000_000
        elif method == "state_getRuntimeVersion":
            answer["result"] = dict(self.chain.runtime_version)
            if mode == "other-chain":
                answer["result"]["specName"] = "polkadot"
        elif method in ("chain_getFinalizedHead", "chain_getBlockHash"):
            answer["result"] = self.chain.head(self.lag)
        elif method == "state_getStorage":
            answer.update(self._read(mode, *params))
        else:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        return json.dumps(answer).encode()

    def _read(self, mode, key, block):
        state = self.chain.state_at(block, self.lag)
        if state is None or (mode == "state-error" and key != grid_chain.TIMESTAMP):
            return {"error": {"code": 4003, "message":
                              f"Client error: UnknownBlock: State already discarded for {block}"}}
        value = state.get(key)
        if key == grid_chain.TIMESTAMP and mode in ("stale", "ahead"):
            made = int.from_bytes(bytes.fromhex(value[2:]), "little")
            made += HOUR_MS if mode == "ahead" else -HOUR_MS
            value = "0x" + made.to_bytes(8, "little").hex()
        if mode == "old-layout" and value and key.startswith("0x" + grid_chain.TWINS):
            value = grid_chain.old_twin_value(value)
        return {"result": value}


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def read_frame(stream):
    """(opcode, payload) of a whole message's frame from a client. (RFC 6455 section 5.2)"""
    first, second = read_exactly(stream, 2)
    size = second & 0x7F
    if size == 126:
        size, = struct.unpack(">H", read_exactly(stream, 2))
    elif size == 127:
        size, = struct.unpack(">Q", read_exactly(stream, 8))
    if not first & 0x80 or not second & 0x80 or size > 1 << 20:
        raise ValueError("not a whole masked message")
    mask = read_exactly(stream, 4)
    payload = read_exactly(stream, size)
    return first & 0xF, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def frame(payload, opcode=0x1):
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | opcode, size])
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 127, size)
    return head + payload


def obey(node, command):
    chain = node.chain
    if "edit" in command:
        chain.edit(command["edit"])
    elif "twin" in command:
        chain.set_twin(command["twin"]["id"], bytes.fromhex(command["twin"]["account"].removeprefix("0x")))
    elif "name" in command:
        wish = command["name"]
        state = grid_chain.GRACE if wish.get("grace") else grid_chain.CREATED
        chain.set_name(wish["name"], wish["contract"], wish["twin"], state)
    elif "cancel" in command:
        chain.cancel(command["cancel"]["name"], command["cancel"]["contract"])
    elif command["mode"] in MODES:
        node.mode = command["mode"]
    else:
        raise ValueError("no such mode")
    return chain.head()


def serve_control(node, listener):
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            for line in stream:
                try:
                    said = obey(node, json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    said = f"error {error!r}"
                stream.write(said.encode() + b"\n")
                stream.flush()


def main():
    parser = argparse.ArgumentParser(description="A fake node of ThreeFold's chain, for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    given = parser.parse_args()
    node = Node(grid_chain.Chain(), given.certificate, given.key, given.port)
    listener = socket.create_server(("127.0.0.1", given.control_port))
    print(f"node {node.port}\ncontrol {listener.getsockname()[1]}", flush=True)
    serve_control(node, listener)


if __name__ == "__main__":
    sys.exit(main())
