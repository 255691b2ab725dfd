"""Many names for a churn: their backends, and visitors who note whose page they got."""

import collections
import contextlib
import http.client
import os
import random
import selectors
import socket
import threading
import time

import harness

SCALE = float(os.environ.get("DIGLETT_SCALE", "1"))
DOMAIN = "gateway.test"
VISITORS = 4
PAUSE_SECONDS = 0.002  # after each answer, for the programs under test
RANGES = range(21_000, 32_000, 500)  # below the ports that the system gives away, beyond the defaults of ours


def free_range(size):
    """LOW-HIGH of as many ports that were all free a moment ago."""
    for low in random.sample(RANGES, len(RANGES)):
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError):
            for port in range(low, low + size):
                taken.enter_context(socket.create_server(("127.0.0.1", port)))
            return f"{low}-{low + size - 1}"
    raise AssertionError(f"no {size} ports in a row are free")


class Pages:
    """A web server with a port for each name. The port alone says whose page it is, never the request:
    a request that went astray gets the page of whom it reached. Connections stay open for the next one."""

    def __init__(self, names):
        self.ports = {}
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        for name in names:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            listener.setblocking(False)
            self.ports[name] = listener.getsockname()[1]
            self._selector.register(listener, selectors.EVENT_READ, (self._accept, name))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            for key, _ in self._selector.select(0.2):
                take, name = key.data
                take(key.fileobj, name)

    def _accept(self, listener, name):
        with contextlib.suppress(BlockingIOError):
            connection, _ = listener.accept()
            connection.settimeout(5)
            self._selector.register(connection, selectors.EVENT_READ, (self._answer, name))

    def _answer(self, connection, name):
        try:
            request = connection.recv(65536)  # a GET without a body: whole, in one piece, on loopback
            for _ in range(request.count(b"\r\n\r\n")):
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode())
        except OSError:
            request = b""
        if not request:
            self._selector.unregister(connection)
            connection.close()

    def close(self):
        self._ended.set()
        self._thread.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()


class Visitors:
    """Threads that ask Traefik for pages until the end of the `with`: for each name that is live, and for as many of
    those that were. An error is an answer; the page of another is noted in `wrong`."""

    def __init__(self, traefik):
        self._traefik = traefik
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._live, self._over = set(), set()
        self.right, self.statuses, self.wrong = collections.Counter(), collections.Counter(), []
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(VISITORS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def expect(self, names):
        with self._lock:
            self._live.update(names)
            self._over.difference_update(names)

    def forget(self, names):
        """They have ended: they are visited all the same, less often when they are many."""
        with self._lock:
            self._live.difference_update(names)
            self._over.update(names)

    def wait_for(self, names, seconds, more=1):
        """Waits until each name has answered with its own page `more` times from now on."""
        with self._lock:
            wanted = {name: self.right[name] + more for name in names}
        behind = list(names)

        def none_behind():
            behind[:] = [name for name in behind if self.right[name] < wanted[name]]
            return not behind

        try:
            harness.wait_until(none_behind, seconds, "each page", step=0.05)
        except AssertionError:
            raise AssertionError(f"{len(behind)} of {len(names)} did not answer, such as {behind[:5]}; "
                                 f"in all: {dict(self.statuses)}, wrong: {self.wrong[:5]}") from None

    def _round(self):
        with self._lock:
            names = list(self._live) + random.sample(sorted(self._over), min(len(self._over), len(self._live) + 20))
        random.shuffle(names)
        return names

    def _visit(self):
        line = None
        while not self._ended.is_set():
            names = self._round()
            for name in names:
                if self._ended.is_set():
                    return
                line = line or http.client.HTTPConnection("127.0.0.1", self._traefik.ports["web"],
                                                          timeout=harness.scaled(10))
                try:
                    line.request("GET", "/", headers={"Host": f"{name}.{DOMAIN}"})
                    answer = line.getresponse()
                    self._note(name, answer.status, answer.read().decode())
                except (OSError, http.client.HTTPException):
                    line.close()
                    line = None
                    self._note(name, 0, "")
                    time.sleep(0.05)
                time.sleep(PAUSE_SECONDS)
            time.sleep(0.01)

    def _note(self, name, status, page):
        with self._lock:
            self.statuses[status] += 1
            if status == 200 and page == name:
                self.right[name] += 1
            elif status == 200:
                self.wrong.append((name, page))
