#!/usr/bin/python3
"""The long transfers and the churn, against the real programs.

    run.py --bin-dir DIR [--smoke] [--bytes N] [--churn-seconds N]

One stream of 20 GiB each way, its hash equal at both ends; then visitors that come and go, for two hours,
while the memory and the descriptors of both programs are watched. --smoke does both in under a minute.
The last line says "soak: passed" or "soak: FAILED".
"""

import argparse
import hashlib
import os
import random
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))

from backends import Backend, echo  # noqa: E402
from harness import Programs, connect  # noqa: E402
from transfers import content  # noqa: E402

GIB = 1 << 30
MIB = 1 << 20
BLOCK_BYTES = 4 * MIB
FULL_BYTES, SMOKE_BYTES = 20 * GIB, GIB // 2
FULL_SECONDS, SMOKE_SECONDS = 7200, 15
SETTLE_SECONDS = 900  # memory is compared from here on in a full run
MAX_SLOPE_BYTES_PER_HOUR = MIB
SMOKE_GROWTH_BYTES = 8 * MIB


def long_blocks(size):
    """`size` bytes without repetition: a random block, its number written over its start."""
    base = bytearray(random.Random(size).randbytes(BLOCK_BYTES))
    for number in range(-(-size // BLOCK_BYTES)):
        base[:8] = number.to_bytes(8, "big")
        left = size - number * BLOCK_BYTES
        yield memoryview(base)[:left] if left < BLOCK_BYTES else memoryview(base)


def send_long(connection, size):
    digest = hashlib.sha256()
    for block in long_blocks(size):
        digest.update(block)
        connection.sendall(block)
    connection.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def receive_long(connection):
    digest, length = hashlib.sha256(), 0
    while data := connection.recv(MIB):
        digest.update(data)
        length += len(data)
    return length, digest.hexdigest()


def receiving_backend(connection, record):
    length, digest = receive_long(connection)
    connection.sendall(f"{length} {digest}".encode())


def one_long_stream(programs, size):
    """Toward the backend, then toward the visitor."""
    gateway = programs.gateway()
    receiver = Backend(receiving_backend, seconds=3600)
    sender = Backend(lambda connection, record: send_long(connection, size), seconds=3600)
    try:
        programs.agent(gateway, name="toward-backend", backend=receiver.port)
        programs.agent(gateway, name="toward-visitor", backend=sender.port)
        begin = time.monotonic()
        with connect(gateway.wait_for_name("toward-backend"), seconds=600) as visitor:
            sent = send_long(visitor, size)
            answer = b"".join(iter(lambda: visitor.recv(4096), b"")).decode()
        assert answer == f"{size} {sent}", f"toward backend: sent {size} {sent}, arrived {answer}"
        middle = time.monotonic()
        with connect(gateway.wait_for_name("toward-visitor"), seconds=600) as visitor:
            received = receive_long(visitor)
        assert received == (size, sent), f"toward visitor: {received} of {size} {sent}"
        end = time.monotonic()
        print(f"one stream of {size / GIB:g} GiB: toward backend {middle - begin:.0f} s, "
              f"toward visitor {end - middle:.0f} s, hashes equal", flush=True)
    finally:
        receiver.close()
        sender.close()


def visit(port, seed):
    data = content(seed, random.Random(seed).randrange(1, 100_000))
    with connect(port) as visitor:
        sender = threading.Thread(target=visitor.sendall, args=(data,))
        sender.start()
        back = bytearray()
        while len(back) < len(data):
            piece = visitor.recv(65536)
            if not piece:
                break
            back += piece
        sender.join()
    assert bytes(back) == data, f"visitor {seed} got {len(back)} of {len(data)} bytes, or others"


def churn(programs, seconds):
    """Visitors one after another, and an agent that leaves and comes back, with the key that it had, each minute and
    in a short run too."""
    gateway = programs.gateway()
    backend = Backend(echo)
    samples, visits, returns = [], 0, 0
    try:
        agent = programs.agent(gateway, name="churn", backend=backend.port, label="agent")
        port = gateway.wait_for_name("churn")
        begin = time.monotonic()
        pause = min(60, seconds / 4)
        next_return, next_sample = begin + pause, begin
        while (now := time.monotonic()) < begin + seconds:
            if now >= next_sample:
                samples.append((now - begin, gateway.resident_bytes(), gateway.descriptors()))
                next_sample += max(1, seconds / 200)
            if now >= next_return:
                agent.stop()
                returns += 1
                agent = programs.agent(gateway, name="churn", backend=backend.port, label="agent")
                port = gateway.wait_for_name("churn", count=returns + 1)
                next_return += pause
            visit(port, visits)
            visits += 1
        judge_growth(samples, seconds)
        print(f"churn: {visits} visitors and {returns} returns in {seconds} s, "
              f"gateway at {samples[-1][1] / MIB:.1f} MiB", flush=True)
    finally:
        backend.close()


def judge_growth(samples, seconds):
    settle = SETTLE_SECONDS if seconds > 2 * SETTLE_SECONDS else seconds / 3
    settled = [sample for sample in samples if sample[0] >= settle]
    growth = settled[-1][1] - settled[0][1]
    allowed = max(SMOKE_GROWTH_BYTES, MAX_SLOPE_BYTES_PER_HOUR * seconds / 3600)
    assert growth <= allowed, f"resident memory grew by {growth} bytes, {allowed:.0f} allowed"
    descriptors = [sample[2] for sample in settled]
    assert max(descriptors) - min(descriptors) <= 8, f"descriptors between {min(descriptors)} and {max(descriptors)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bin-dir", required=True)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--bytes", type=int)
    parser.add_argument("--churn-seconds", type=int)
    options = parser.parse_args()
    os.environ["DIGLETT_BIN_DIR"] = str(Path(options.bin_dir).resolve())
    size = options.bytes or (SMOKE_BYTES if options.smoke else FULL_BYTES)
    seconds = options.churn_seconds or (SMOKE_SECONDS if options.smoke else FULL_SECONDS)
    failed = False
    for step, amount in ((one_long_stream, size), (churn, seconds)):
        with tempfile.TemporaryDirectory() as folder:
            programs = Programs(Path(folder))
            try:
                step(programs, amount)
            except AssertionError as wrong:
                print(f"{step.__name__}: {wrong}", flush=True)
                failed = True
            finally:
                for trouble in programs.close():
                    print(f"{step.__name__}: {trouble}", flush=True)
                    failed = True
    print(f"soak: {'FAILED' if failed else 'passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
