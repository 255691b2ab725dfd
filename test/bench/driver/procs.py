"""Processes: started so that they end with the driver, and read through /proc."""

import ctypes
import os
import re
import resource
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _in_child(cpus):
    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cpus:
            os.sched_setaffinity(0, cpus)
    return prepare


class Failed(Exception):
    """A program did not do what it was started for."""


class Process:
    """A server in the background; its output goes to a file that can be waited on."""

    def __init__(self, command, log_path, env=None):
        self.command = [str(part) for part in command]
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})}, preexec_fn=_in_child(None))

    @property
    def pid(self):
        return self.popen.pid

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, pattern, seconds=10):
        """The first match of `pattern` in the output."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.log())
            if match:
                return match
            name = os.path.basename(self.command[0])
            if self.popen.poll() is not None:
                raise Failed(f"{name} exited {self.popen.returncode}: {self.log()[-300:].strip()}")
            if time.monotonic() > end:
                raise Failed(f"{name} did not say /{pattern}/: {self.log()[-300:].strip()}")
            time.sleep(0.02)

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(3)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def run(command, seconds, cpus=None):
    """Output of a program that ends by itself within `seconds`."""
    name = os.path.basename(str(command[0]))
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              timeout=seconds, preexec_fn=_in_child(cpus), check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} was not done after {seconds:.0f} s") from None
    if done.returncode != 0:
        raise Failed(f"{name} exited {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def start_tool(command, cpus):
    """A tool with its standard streams as pipes."""
    return subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=_in_child(cpus))


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _threads(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def tree(pids):
    """`pids` and all their descendants."""
    found = []
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for thread in _threads(pid):
            children = _read(f"/proc/{pid}/task/{thread}/children")
            waiting.extend(int(child) for child in children.split())
    return found


def cpu_seconds(pids):
    """CPU time, user and system, of the living threads of these processes and their descendants."""
    total = 0
    for pid in tree(pids):
        for thread in _threads(pid):
            fields = _read(f"/proc/{pid}/task/{thread}/schedstat").split()
            total += int(fields[0]) if fields else 0
    return total / 1e9


def rss_bytes(pids):
    """Resident bytes; from smaps_rollup, since the counter in statm lags behind."""
    total = 0
    for pid in tree(pids):
        match = re.search(r"^Rss:\s+(\d+) kB", _read(f"/proc/{pid}/smaps_rollup"), re.M)
        total += int(match.group(1)) * 1024 if match else 0
    return total


def pin(pids, cpus):
    """Lets these processes and their descendants run on `cpus` only."""
    for pid in tree(pids):
        for thread in _threads(pid):
            try:
                os.sched_setaffinity(int(thread), cpus)
            except ProcessLookupError:
                pass


class ForeignCpu:
    """How many cores others used meanwhile: what the machine was busy with, less our own."""

    def __init__(self):
        self.start = self._sample()

    @staticmethod
    def _sample():
        fields = [int(value) for value in _read("/proc/stat").split("\n", 1)[0].split()[1:9]]
        busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = cpu_seconds([os.getpid()]) + reaped.ru_utime + reaped.ru_stime
        return time.monotonic(), busy, own

    def cores(self):
        now, busy, own = self._sample()
        start, busy_before, own_before = self.start
        wall = max(now - start, 1e-3)
        return max(0.0, ((busy - busy_before) - (own - own_before)) / wall)
