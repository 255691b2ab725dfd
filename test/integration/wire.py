#!/usr/bin/python3
"""A wire between two network namespaces that can be slow, lossy, or cut, by commands on stdin.

    wire.py NET_A NET_B DEVICE ADDRESS_A ADDRESS_B

NET_A and NET_B are files like /proc/PID/ns/net. In each a TUN device appears, with its address and the other as
peer, and this process carries the packets between them: so it needs root and /dev/net/tun, but no netem in the
kernel. Says "up". Each line {"delay": SECONDS, "rate": BYTES_PER_SECOND, "loss": SHARE, "cut": TRUE} changes what it
names, for both directions, and is answered with "ok". Ends with stdin.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
QUEUE_SECONDS = 0.2  # what waits for its turn longer than this is dropped, as at a router's full queue
MTU = 1500

_libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    with open(namespace, "rb") as file:
        if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def make_end(namespace, device, own, peer):
    """The TUN device in `namespace`; afterwards this process is in there."""
    enter(namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "address", "add", own, "peer", peer, "dev", device], check=True)
    subprocess.run(["ip", "link", "set", device, "mtu", str(MTU), "txqueuelen", "1000", "up"], check=True)
    return tun


class Wire:
    def __init__(self, ends):
        self.delay, self.rate, self.loss, self.cut = 0.0, None, 0.0, False
        self._other = {ends[0]: ends[1], ends[1]: ends[0]}
        self._free = dict.fromkeys(ends, 0.0)  # when the direction from this end has sent what waits
        self._under_way = []  # (arrives at, number, to, packet)
        self._count = 0
        self._dice = random.Random(1)

    def change(self, what):
        for name, value in what.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        if self.cut:
            self._under_way.clear()

    def take(self, end):
        """Every packet that waits at `end`."""
        while True:
            try:
                packet = os.read(end, 65536)
            except BlockingIOError:
                return
            except OSError:  # the interface is down
                return
            now = time.monotonic()
            start = max(now, self._free[end])
            if self.cut or self._dice.random() < self.loss or start - now > QUEUE_SECONDS:
                continue
            self._free[end] = start + (len(packet) / self.rate if self.rate else 0)
            self._count += 1
            heapq.heappush(self._under_way, (self._free[end] + self.delay, self._count, self._other[end], packet))

    def deliver(self):
        """Every packet that has arrived; returns the seconds until the next one, or None."""
        while self._under_way:
            left = self._under_way[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, end, packet = heapq.heappop(self._under_way)
            try:
                os.write(end, packet)
            except OSError:  # its queue is full, or the interface down: lost, as on any wire
                pass
        return None


def main():
    net_a, net_b, device, address_a, address_b = sys.argv[1:]
    ends = [make_end(net_a, device, address_a, address_b), make_end(net_b, device, address_b, address_a)]
    wire = Wire(ends)
    print("up", flush=True)
    while True:
        ready, _, _ = select.select([*ends, 0], [], [], wire.deliver())
        for end in ends:
            if end in ready:
                wire.take(end)
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                return
            wire.change(json.loads(line))
            print("ok", flush=True)


if __name__ == "__main__":
    main()
