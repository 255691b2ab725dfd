"""Bytes that can be checked: a seed names an endless stream of them, so both ends know what is right.

A transfer ends in one of three ways: complete (length and hash equal), cleanly failed (the reader was
told by a reset), or silent: it looked whole and was not. The last one is always a failed test.
"""

import dataclasses
import hashlib
import random
import socket
import struct

BLOCK_BYTES = 65536


def blocks(seed, size):
    """The first `size` bytes of stream `seed`, block by block."""
    source = random.Random(seed)
    while size > 0:
        block = source.randbytes(BLOCK_BYTES)[:size]
        size -= len(block)
        yield block


def content(seed, size):
    return b"".join(blocks(seed, size))


def digest(seed, size):
    """SHA-256 of the first `size` bytes of stream `seed`."""
    total = hashlib.sha256()
    for block in blocks(seed, size):
        total.update(block)
    return total.digest()


def send_stream(connection, seed, size):
    for block in blocks(seed, size):
        connection.sendall(block)


@dataclasses.dataclass
class Received:
    """What a reader got, and how it ended: "fin", "reset", "timeout", or "size" (all that was asked for)."""

    length: int
    sha256: bytes
    end: str
    head: bytes  # the first 4 KiB, for messages and small answers

    def matches(self, seed, size):
        return self.length == size and self.sha256 == digest(seed, size)


def receive_stream(connection, size=None, pause=None):
    """Reads `size` bytes, or to the end. `pause(length)` is called after each read."""
    total, length, head, end = hashlib.sha256(), 0, b"", "size"
    while size is None or length < size:
        wanted = 262144 if size is None else min(262144, size - length)
        try:
            data = connection.recv(wanted)
        except socket.timeout:
            end = "timeout"
            break
        except ConnectionError:
            end = "reset"
            break
        if not data:
            end = "fin"
            break
        total.update(data)
        length += len(data)
        if len(head) < 4096:
            head += data[: 4096 - len(head)]
        if pause:
            pause(length)
    return Received(length, total.digest(), end, head)


def receive_exactly(connection, size):
    """`size` bytes; EOFError when the stream ends before."""
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError(f"{len(data)} of {size} bytes")
        data += piece
    return bytes(data)


# The language of backends.exchange: operation, seed, size; then the answer.
REQUEST = struct.Struct(">cQQ")


def toward_visitor(connection, seed, size):
    """Asks backends.exchange for `size` bytes of stream `seed` and reads them."""
    connection.sendall(REQUEST.pack(b"G", seed, size))
    return receive_stream(connection, size)


def toward_backend(connection, seed, size):
    """Sends `size` bytes of stream `seed` to backends.exchange; true if it got exactly these."""
    connection.sendall(REQUEST.pack(b"P", seed, size))
    send_stream(connection, seed, size)
    return receive_exactly(connection, 32) == digest(seed, size)
