"""A real Traefik for one test, visitors of it, and the backends behind it."""

import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

import backends
import harness

DOMAINS = ("gateway.test", "other.test")
PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n"  # of the PROXY protocol, section 2.2
START_SECONDS = 30
ROUTE_SECONDS = 5  # Traefik merges changes for 2 s


def binary():
    path = os.environ.get("TRAEFIK")
    if not path:
        raise RuntimeError("set TRAEFIK to the path of a Traefik 3 (scripts/test-traefik)")
    return Path(path)


def free_port():
    """A port that was free a moment ago: Traefik cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def make_certificate(folder, *names):
    """A certificate for `names` that vouches for itself, and its key."""
    certificate, key = folder / f"{names[0].lstrip('*.')}.pem", folder / f"{names[0].lstrip('*.')}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names),
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


class Traefik:
    """`certificate` is the wildcard's that the entry point websecure shows."""

    def __init__(self, programs, folder):
        self._programs, self._folder = programs, folder
        self.directory = folder / "dynamic"
        self.directory.mkdir()
        self.certificate, key = make_certificate(folder, *(f"*.{domain}" for domain in DOMAINS))
        (self.directory / "operator.yml").write_text(
            f"tls:\n  certificates:\n    - certFile: {self.certificate}\n      keyFile: {key}\n"
            "http:\n  middlewares:\n    mark:\n      headers:\n        customResponseHeaders:\n          X-Mark: seen\n")
        self.ports = {name: free_port() for name in ("web", "websecure", "passthrough")}
        self._config = folder / "traefik.yml"
        points = "".join(f"  {name}:\n    address: 127.0.0.1:{port}\n" for name, port in self.ports.items())
        self._config.write_text(
            "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\n"
            f"log:\n  level: INFO\nentryPoints:\n{points}"
            f"providers:\n  file:\n    directory: {self.directory}\n    watch: true\n")
        self.program = None

    def start(self):
        self.program = self._programs.program("traefik", binary(), f"--configFile={self._config}")
        for port in self.ports.values():
            harness.wait_until(lambda port=port: self._accepts(port), START_SECONDS, "Traefik's entry point")
        return self

    def restart(self):
        self.program.stop(20)
        return self.start()

    def crash(self):
        """Ends it without asking, and starts it again."""
        self.program.kill()
        return self.start()

    def _accepts(self, port):
        assert self.program.is_running(), self.program.said()
        try:
            harness.connect(port, seconds=2).close()
            return True
        except OSError:
            return False

    def fetch(self, url_or_host, scheme="https", headers=False):
        """What curl gets at a name: (status, body), with the answer's head in the body if `headers`.
        Status 0 when there was no answer."""
        host = url_or_host.removeprefix("https://").removeprefix("http://")
        port = self.ports["web" if scheme == "http" else "websecure"]
        command = ["curl", "-sS", "-m", "10", "--cacert", self.certificate, "--resolve", f"{host}:{port}:127.0.0.1",
                   "-w", "\n%{http_code}", *(["-i"] if headers else []), f"{scheme}://{host}:{port}/"]
        done = subprocess.run(command, capture_output=True, text=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body if done.returncode == 0 else done.stderr

    def wait_for(self, host, body=None, status=200, scheme="https", seconds=ROUTE_SECONDS):
        """Waits until a name gives `status`, and `body` if told; returns the seconds that it took."""
        begin = time.monotonic()

        def right():
            got = self.fetch(host, scheme)
            return got[0] == status and (body is None or got[1] == body)

        harness.wait_until(right, seconds, f"{status} at {host}", step=0.05)
        return time.monotonic() - begin

    def visit(self, host, trust, source=None):
        """A TLS connection through the entry point that passes bytes on."""
        context = ssl.create_default_context(cafile=trust)
        raw = harness.connect(self.ports["passthrough"], source=source)
        return context.wrap_socket(raw, server_hostname=host)


class Named(backends.WebBackend):
    """A web server whose page is its own name."""

    def __init__(self, name):
        super().__init__()
        self.pages["/"] = name.encode()


class TlsBackend:
    """Speaks TLS itself, behind a PROXY protocol header of version 2 if told; answers a line with
    `ADDRESS PORT LINE` of the visitor, `delay` seconds later, then closes."""

    def __init__(self, certificate, key, proxy=True, delay=0):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._context.num_tickets = 0  # on the wire they look like an answer
        self._proxy, self._delay = proxy, delay
        self._backend = backends.Backend(self._serve)
        self.port = self._backend.port
        self.close = self._backend.close

    def _serve(self, connection, record):
        source = self._header(connection) if self._proxy else record.peer
        try:
            with self._context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as tls:
                line = tls.recv(100)
                threading.Event().wait(self._delay)
                tls.sendall(f"{source[0]} {source[1]} ".encode() + line)
        except ssl.SSLError:
            pass  # a visitor that gave up

    @staticmethod
    def _header(connection):
        head = connection.recv(16, socket.MSG_WAITALL)
        assert head[:12] == PROXY_V2 and head[12:14] == b"\x21\x11", head  # version 2, TCP over IPv4
        rest = connection.recv(struct.unpack(">H", head[14:])[0], socket.MSG_WAITALL)
        return socket.inet_ntoa(rest[:4]), struct.unpack(">H", rest[8:10])[0]
