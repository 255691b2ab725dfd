"""A TCP proxy that keeps what it carries: a listener on the wire."""

import contextlib
import socket
import threading

import harness


class Recorder:
    """Forwards each connection to `target` (a port). `to_target` and `from_target` are the bytes of the
    first connection."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.to_target, self.from_target = bytearray(), bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        logs = [self.to_target, self.from_target]
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = harness.connect(self._target)
            except OSError:
                near.close()  # the target has ended; whoever connects here is to see it
                continue
            near.settimeout(None)
            far.settimeout(None)
            for source, sink, log in zip((near, far), (far, near), logs):
                threading.Thread(target=self._copy, args=(source, sink, log), daemon=True).start()
            logs = [bytearray(), bytearray()]  # of later connections nobody asks

    @staticmethod
    def _copy(source, sink, log):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                log += data
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        """No further connections; those that are there go on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
        self._listener.close()
