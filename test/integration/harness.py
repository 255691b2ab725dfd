"""Real programs under test: start them, wait for what they say, stop them by pid.

A test asks the `programs` fixture (conftest.py) for what it needs:

    gateway = programs.gateway()
    agent = programs.agent(gateway, name="example", backend=backend.port)
    port = gateway.wait_for_name("example")

Every wait has a deadline, every port is 0 until the system has chosen one, and each program's output
is kept in a file beside the test's other files. Backends are in backends.py, checked transfers in
transfers.py.
"""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

# Sanitizer builds are several times slower: DIGLETT_TIME_SCALE=4 stretches every deadline here.
TIME_SCALE = float(os.environ.get("DIGLETT_TIME_SCALE", "1"))
START_SECONDS = 10  # a program says that it is ready within this
STOP_SECONDS = 10  # and is gone this long after SIGTERM


def scaled(seconds):
    """`seconds` on the machine that runs the test."""
    return seconds * TIME_SCALE


def wait_until(condition, seconds=5, what="the condition", step=0.02):
    """Returns the first true value of `condition()`; fails after `seconds`."""
    deadline = time.monotonic() + scaled(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {scaled(seconds):g} s")
        time.sleep(step)


def bin_dir():
    """The folder of the built programs, from DIGLETT_BIN_DIR."""
    folder = os.environ.get("DIGLETT_BIN_DIR")
    if not folder:
        raise RuntimeError("set DIGLETT_BIN_DIR to the folder of diglett-server and diglett")
    return Path(folder)


class Program:
    """One process. `err` and `out` are the lines of its stderr and stdout so far."""

    def __init__(self, label, command, folder, env=None):
        self.label = label
        self.command = [str(part) for part in command]
        self.err, self.out = [], []
        self._changed = threading.Condition()
        self._log = open(Path(folder) / f"{label}.log", "w", encoding="utf-8")
        # Settings of the person who runs the tests must not reach the program.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("DIGLETT_")}
        clean.pop("STATE_DIRECTORY", None)
        clean.update({"HOME": str(folder), "XDG_STATE_HOME": str(Path(folder) / "xdg")}, **(env or {}))
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=folder, env=clean)
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stderr, self.err), (self.process.stdout, self.out))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        for raw in stream:
            line = raw.decode("utf-8", "backslashreplace").rstrip("\n")
            with self._changed:
                self._log.write(line + "\n")
                self._log.flush()
                lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def find_line(self, pattern, lines=None, count=1):
        """The match of the `count`-th line (from 1) that matches `pattern`, or None."""
        matches = (re.search(pattern, line) for line in list(self.err if lines is None else lines))
        found = [match for match in matches if match]
        return found[count - 1] if len(found) >= count else None

    def wait_for_line(self, pattern, seconds=START_SECONDS, lines=None, count=1):
        """Waits for find_line() to find something; fails if the program ends first or time is over."""
        deadline = time.monotonic() + scaled(seconds)
        with self._changed:
            while True:
                match = self.find_line(pattern, lines, count)
                if match:
                    return match
                ended = not any(reader.is_alive() for reader in self._readers)
                if ended or time.monotonic() > deadline:
                    why = f"ended with {self.process.poll()}" if ended else "went on"
                    raise AssertionError(f"{self.label} {why} without /{pattern}/; it said:\n{self.said()}")
                self._changed.wait(0.1)

    def said(self):
        return "\n".join((self.err + self.out)[-60:])

    def wait(self, seconds=STOP_SECONDS):
        """The exit code; fails if the program is still there after `seconds`."""
        try:
            code = self.process.wait(scaled(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.label} still runs after {scaled(seconds):g} s") from None
        for reader in self._readers:
            reader.join(scaled(2))
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=STOP_SECONDS):
        """Asks it to stop (SIGTERM) and returns the exit code."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """Ends it without asking (SIGKILL)."""
        if self.is_running():
            self.process.kill()
        return self.wait()

    def cleanup(self):
        """For the fixture: nothing is left behind, whatever the test did."""
        try:
            if self.is_running():
                self.process.kill()
                self.process.wait()
        finally:
            for reader in self._readers:
                reader.join(2)
            self._log.close()

    def trouble(self):
        """What no test may leave in a program: a crash or a sanitizer's report. None if all is well."""
        reports = r"AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:|[Aa]ssert(ion)? failed"
        line = self.find_line(reports)
        code = self.process.poll()
        crashed = code is not None and -code in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS,
                                                 signal.SIGILL, signal.SIGFPE)
        if line or crashed:
            return f"{self.label} (exit {code}) said:\n{self.said()}"
        return None

    def descriptors(self):
        """How many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settled_descriptors(self, seconds=15):
        """The number of descriptors once it has not changed for half a second."""
        last, since = self.descriptors(), time.monotonic()
        deadline = since + scaled(seconds)
        while time.monotonic() - since < 0.5:
            assert time.monotonic() < deadline, f"the descriptors of {self.label} do not settle"
            time.sleep(0.05)
            if self.descriptors() != last:
                last, since = self.descriptors(), time.monotonic()
        return last

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def helper_ports():
    """Settings that keep gateways of tests side by side from each other's helper ports, which a gateway that
    returns expects to find free: a thousand for each worker of pytest, none when there is one alone."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker:
        return {}
    low = 11000 + 1000 * (int(worker.removeprefix("gw")) % 4)
    return {"DIGLETT_HELPER_PORTS": f"{low}-{low + 999}"}


class Gateway(Program):
    """diglett-server on a free loopback port. `listen` and `arguments` replace or extend its options;
    `within` is a command to run it under (network.Network.command)."""

    def __init__(self, label, folder, arguments=(), auth="open", listen="127.0.0.1:0", env=None, within=()):
        command = [*within, bin_dir() / "diglett-server", "-l", listen, "--state-dir", Path(folder) / f"{label}-state"]
        if auth:
            command += ["--auth", auth]
        super().__init__(label, command + list(arguments), folder, {**helper_ports(), **(env or {})})

    def wait_until_ready(self):
        self.port = int(self.wait_for_line(r"listening on \S*:(\d+)").group(1))
        return self

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def wait_for_name(self, name, seconds=START_SECONDS, count=1):
        """The helper port that leads to `name`, after its `count`-th registration."""
        line = rf"(?<!un)register domain '{re.escape(name)}' -> '(\d+)'"
        return int(self.wait_for_line(line, seconds, count=count).group(1))

    def wait_for_refusal(self, port, seconds=START_SECONDS):
        """Nobody serves the name there any more, though it may still be public."""
        def is_refused():
            try:
                connect(port).close()
                return False
            except ConnectionError:
                return True
        wait_until(is_refused, seconds, f"that {port} refuses")

    def wait_for_unregister(self, name, seconds=START_SECONDS, count=1):
        self.wait_for_line(rf"unregister domain '{re.escape(name)}'", seconds, count=count)


class Agent(Program):
    """diglett, serving `backend` (a port or HOST:PORT) as `name` through the gateway at `address`."""

    def __init__(self, label, folder, address, name, backend, arguments=(), env=None, within=()):
        where = f"127.0.0.1:{backend}" if isinstance(backend, int) else backend
        command = [*within, bin_dir() / "diglett", "-g", address, "--state-dir", Path(folder) / f"{label}-state"]
        if name:
            command += ["-n", name]
        super().__init__(label, command + list(arguments) + [where], folder, env)


class Programs:
    """Starts programs for one test and ends them all afterwards."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.started = []

    def _keep(self, program):
        self.started.append(program)
        return program

    def _label(self, kind):
        return f"{kind}{1 + sum(p.label.startswith(kind) for p in self.started)}"

    def gateway(self, *arguments, **options):
        """A gateway that listens; further command line `arguments` as they are."""
        label = options.pop("label", None) or self._label("gateway")
        return self._keep(Gateway(label, self.folder, arguments, **options)).wait_until_ready()

    def agent(self, gateway, *arguments, name, backend, **options):
        """An agent of `gateway`: a Gateway or "HOST:PORT". It may not be connected yet."""
        label = options.pop("label", None) or self._label("agent")
        address = gateway if isinstance(gateway, str) else gateway.address
        return self._keep(Agent(label, self.folder, address, name, backend, arguments, **options))

    def program(self, label, *command, env=None):
        """Any other program that shall end with the test."""
        return self._keep(Program(label, command, self.folder, env))

    def close(self):
        """Ends what still runs; returns what went wrong in any of them."""
        for program in self.started:
            program.cleanup()
        return [text for text in (program.trouble() for program in self.started) if text]


def tokens_file(folder, *identities):
    """A tokens file; each identity is (name, its token, the names it may have[, further lines])."""
    path = Path(folder) / "tokens.toml"
    path.write_text("\n".join(
        f'[[identity]]\nname = "{name}"\ntoken-sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
        + "".join(f"{line}\n" for line in (f"names = {json.dumps(names)}", *further))
        for name, token, names, *further in identities))
    path.chmod(0o600)
    return path


def connect(port, host="127.0.0.1", seconds=10, source=None):
    """A TCP connection as a visitor makes it; every later call on it is bounded by `seconds`."""
    visitor = socket.create_connection((host, port), scaled(seconds), source_address=source)
    visitor.settimeout(scaled(seconds))
    return visitor
