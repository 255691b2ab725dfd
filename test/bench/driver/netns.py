"""A network namespace of the benchmark's own, with the congestion control fixed for everybody in it.

The namespace has no name: it ends with its last process, so nothing is left behind whatever happens.
"""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
ALLOWED = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
CURRENT = "/proc/sys/net/ipv4/tcp_congestion_control"
WANTED = "cubic"

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)} (the benchmark needs root)")


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


@contextlib.contextmanager
def _algorithm_allowed():
    """Only algorithms on the machine's allowed list can be a namespace's default; the list is put
    back as it was."""
    before = _read(ALLOWED)
    missing = WANTED not in before.split()
    if missing:
        _write(ALLOWED, f"{before} {WANTED}")
    try:
        yield
    finally:
        if missing:
            _write(ALLOWED, before)


@contextlib.contextmanager
def own_network():
    """Moves this process (and what it starts) into a new network namespace; yields the congestion
    control in force there."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_algorithm_allowed())
            _checked(_libc.unshare(CLONE_NEWNET), "unshare")
            own = os.open("/proc/self/ns/net", os.O_RDONLY)
            _write(CURRENT, WANTED)
            _checked(_libc.setns(home, CLONE_NEWNET), "setns")  # the list is seen from here alone
        _checked(_libc.setns(own, CLONE_NEWNET), "setns")
        os.close(own)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        _write("/proc/sys/net/ipv4/ip_local_port_range", "10000 65535")
        yield _read(CURRENT)
    finally:
        _libc.setns(home, CLONE_NEWNET)
        os.close(home)
