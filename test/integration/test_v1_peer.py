"""The Python side of protocol 1 against the recorded vectors, so that what tests the project is right
itself."""

import hashlib
import json
import socket
import threading
from pathlib import Path

import pytest

import backends
import v1_peer

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "v1"
KEYS = json.loads((VECTORS / "keys.json").read_text())
TRANSCRIPTS = json.loads((VECTORS / "transcripts.json").read_text())
SESSIONS = {session["name"]: session for session in KEYS["sessions"]}


@pytest.mark.parametrize("name", SESSIONS)
def test_both_ends_agree_as_recorded(name):
    session = SESSIONS[name]
    agent, gateway = (int(session[f"{side}_private"], 16) for side in ("agent", "gateway"))
    assert v1_peer.handshake(agent).hex() == session["agent_handshake"]
    assert v1_peer.handshake(gateway).hex() == session["gateway_handshake"]
    secret = v1_peer.agree(agent, bytes.fromhex(session["gateway_handshake"]))
    assert secret == v1_peer.agree(gateway, bytes.fromhex(session["agent_handshake"]))
    assert [part.hex() for part in secret] == [session["key"], session["iv"]]
    key_stream = v1_peer.KeyStream(*secret).apply(bytes(1048576))
    assert key_stream[:256].hex() == session["keystream_256"]
    assert hashlib.sha256(key_stream).hexdigest() == session["keystream_sha256_1048576"]


def test_counter_carries_into_the_second_word():
    case = KEYS["counter_overflow"]
    session = SESSIONS[case["keys"]]
    stream = v1_peer.KeyStream(bytes.fromhex(session["key"]), bytes.fromhex(session["iv"]))
    at = case["overflow_at_byte"]
    pieces = [stream.apply(bytes(size)) for size in (at - 128, 100, 100, 184)]
    assert b"".join(pieces[1:])[:128].hex() == case["keystream_128_before"]
    assert b"".join(pieces[1:])[128:].hex() == case["keystream_256_after"]


@pytest.mark.parametrize("point", KEYS["bad_points"].values())
def test_malformed_keys_are_refused(point):
    with pytest.raises(ValueError):
        v1_peer.decompress(bytes.fromhex(point))


def payload_of(step):
    size = step["size"]
    if "pattern_seed" in step:
        return pattern(size, step["pattern_seed"])
    if "whole_pattern_seed" in step:
        return pattern(size, step["whole_pattern_seed"], step["pattern_offset"])
    return bytes.fromhex(step["payload"])


def pattern(size, seed, offset=0):
    return bytes((i * 31 + (i >> 8) * 17 + seed) % 256 for i in range(offset, offset + size))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda each: each["name"])
def test_frames_encode_as_recorded(transcript):
    session = SESSIONS[transcript["keys"]]
    for side in ("agent", "gateway"):
        stream = v1_peer.KeyStream(bytes.fromhex(session["key"]), bytes.fromhex(session["iv"]))
        plain = b"".join(v1_peer.Frame(step["kind"], step["id"], payload_of(step)).encode()
                         for step in transcript["steps"] if step["from"] == side)
        other = "gateway" if side == "agent" else "agent"
        assert stream.apply(plain).hex() == transcript[f"{side}_to_{other}"]


def test_agent_and_gateway_talk_to_each_other(backend):
    """Over the counter's end, with the keys of the vector."""
    session = SESSIONS["counter_wrap"]
    gateway = v1_peer.Gateway()
    accepted = []
    accepting = threading.Thread(target=lambda: accepted.append(
        gateway.accept(private=int(session["gateway_private"], 16))))
    accepting.start()
    agent = v1_peer.Agent(("127.0.0.1", gateway.port), "example",
                          ("127.0.0.1", backend(backends.echo).port),
                          private=int(session["agent_private"], 16)).start()
    accepting.join(10)
    stream = accepted[0].open()
    text = pattern(400000, 9)
    sender = threading.Thread(target=stream.send, args=(text,))
    sender.start()
    assert stream.receive(len(text)) == text
    sender.join(10)
    stream.close()
    agent.close()
    gateway.close()
    assert accepted[0].ended.wait(5)


def test_gateway_hears_of_a_refused_backend():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    gateway = v1_peer.Gateway()
    accepted = []
    accepting = threading.Thread(target=lambda: accepted.append(gateway.accept()))
    accepting.start()
    agent = v1_peer.Agent(("127.0.0.1", gateway.port), "example", ("127.0.0.1", port)).start()
    accepting.join(10)
    stream = accepted[0].open()
    stream.send(b"hello?")
    assert stream.receive() == b""
    assert stream.has_ended()
    agent.close()
    gateway.close()
