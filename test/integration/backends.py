"""Backends in threads of the test: one handler function for each behaviour.

`Backend(handler)` listens on a free loopback port and runs `handler(connection, record)` for each
connection. What happened is in `backend.records`, one Record for each connection, in order of accept.
"""

import contextlib
import ctypes
import hashlib
import http.server
import socket
import threading

import harness
import transfers


class Record:
    """One connection to a backend: what it received and how it ended ("fin", "reset", "timeout" or "open")."""

    def __init__(self, peer):
        self.peer = peer
        self.length = 0
        self.end = "open"
        self.done = threading.Event()
        self._sha256 = hashlib.sha256()

    def received(self, data):
        self.length += len(data)
        self._sha256.update(data)

    def sha256(self):
        return self._sha256.digest()

    def wait(self, seconds=10):
        """Waits until the handler has returned; returns the record."""
        assert self.done.wait(harness.scaled(seconds)), f"backend connection still open after {seconds} s"
        return self


class Backend:
    """A listener that gives each connection to `handler(connection, record, *arguments)`."""

    def __init__(self, handler, *arguments, seconds=30, host="127.0.0.1"):
        self._handler, self._arguments = handler, arguments
        self._seconds = harness.scaled(seconds)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.records = []
        self._open = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            connection.settimeout(self._seconds)
            record = Record(peer)
            with self._lock:
                self.records.append(record)
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, record), daemon=True).start()

    def _serve(self, connection, record):
        try:
            self._handler(connection, record, *self._arguments)
        except socket.timeout:
            record.end = "timeout"
        except (ConnectionError, EOFError):
            record.end = "reset"
        except OSError:
            pass  # closed by kill() or close()
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            record.done.set()

    def wait_for_connection(self, number=1, seconds=5):
        """The record of the `number`-th connection."""
        harness.wait_until(lambda: len(self.records) >= number, seconds, f"backend connection {number}")
        return self.records[number - 1]

    def reset_all(self):
        """Ends every connection with a reset."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            reset(connection)

    def stop_listening(self):
        """From now on connections are refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self):
        self.stop_listening()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def reset(connection):
    """Ends a connection with a reset, at once, also while another thread is inside a call on it.

    close() alone would wait for that call; connecting to "no address" disconnects the socket itself.
    """
    no_address = socket.AF_UNSPEC.to_bytes(16, "little")
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).connect(connection.fileno(), no_address, len(no_address))
    connection.close()


def _pieces(connection, record):
    """Everything that comes, to the end; notes it in `record`."""
    while True:
        data = connection.recv(65536)
        if not data:
            record.end = "fin"
            return
        record.received(data)
        yield data


def echo(connection, record):
    """Sends back what comes, and the FIN."""
    for data in _pieces(connection, record):
        connection.sendall(data)


def sink(connection, record):
    """Takes everything and says nothing."""
    for _ in _pieces(connection, record):
        pass


def digest_at_end(connection, record):
    """Takes everything to the FIN, then answers with its SHA-256: works only with half-close."""
    sink(connection, record)
    connection.sendall(record.sha256())


def source(connection, record, seed, size):
    """Sends stream `seed` at once, without being asked, and closes."""
    transfers.send_stream(connection, seed, size)
    connection.shutdown(socket.SHUT_WR)
    sink(connection, record)


def greeting(connection, record, banner=b"220 ready\r\n"):
    """Speaks first, then echoes."""
    connection.sendall(banner)
    echo(connection, record)


def exchange(connection, record):
    """Answers transfers.toward_visitor() and transfers.toward_backend(), as many as come on one connection."""
    while True:
        head = connection.recv(1)
        if not head:
            record.end = "fin"
            return
        head += transfers.receive_exactly(connection, transfers.REQUEST.size - 1)
        operation, seed, size = transfers.REQUEST.unpack(head)
        if operation == b"G":
            transfers.send_stream(connection, seed, size)
        else:
            connection.sendall(transfers.receive_stream(connection, size).sha256)


class WebBackend:
    """An HTTP/1.1 server; `pages` maps a path to its body."""

    def __init__(self):
        self.pages = {"/": b"hello from the backend\n"}
        pages = self.pages

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = pages.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
