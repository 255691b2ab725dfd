"""Whatever a peer sends, the gateway goes on serving a good agent, and nothing is left behind.

Every test runs beside a good agent with a visitor in a loop (`guarded`), and ends with the same checks:
descriptors return exactly, the resident memory is within 8 MiB, a second identical round adds nothing.
"""

import concurrent.futures
import contextlib
import errno
import json
import os
import random
import secrets
import socket
import struct
import subprocess
import threading
import time

import pytest
from OpenSSL import SSL

import backends
import harness
import scripted_peer
from minimal_agent import (ACK, DATA, END, ERROR, FINISH_REGISTER, GO_AWAY, HELLO, LOGIN, OK, OPEN, PING, PONG, REFUSED,
                           REGISTER, RESET, UNREGISTER, WELCOME, WINDOW, Tls, as_json, frame)
from scripted_peer import Peer

pytestmark = pytest.mark.alone

JOIN, RESUME, RESUMED, TERMINATE = 18, 19, 20, 6
SEED = int(os.environ.get("DIGLETT_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
SCALE = float(os.environ.get("DIGLETT_SCALE", "1"))
MEMORY_BYTES = 8 << 20
STRANGER = "127.0.0.2"


class Guard:
    """The gateway, a good agent, and a visitor who comes again and again."""

    def __init__(self, programs, port):
        self.programs = programs
        # No configuration: agents of this machine are `local`, and no name stays reserved.
        # Without what is kept of names that are gone, all descriptors return.
        self.gateway = programs.gateway("--grace", "0s", "--helper-port-rest", "0s", auth=None)
        self.agent = programs.agent(self.gateway, name="good", backend=port)
        self._port = self.gateway.wait_for_name("good")
        self._stop, self.served, self.longest = threading.Event(), 0, 0.0
        self._trouble = None
        self._visitor = threading.Thread(target=self._visit)

    def _visit(self):
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                with harness.connect(self._port, seconds=10) as visitor:
                    message = secrets.token_bytes(1000)
                    visitor.sendall(message)
                    got = b""
                    while len(got) < len(message):
                        got += visitor.recv(1000) or pytest.fail("the good agent's stream ended")
                    assert got == message
                self.served += 1
                self.longest = max(self.longest, time.monotonic() - began)
                time.sleep(0.01)
        except BaseException as error:  # told in leave()
            self._trouble = error

    def __enter__(self):
        self._visitor.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._visitor.join()

    def check(self):
        """The good agent was served throughout."""
        assert self._trouble is None, f"the visitor of the good agent: {self._trouble}"
        assert self.served > 0 and self.longest < harness.scaled(5), f"{self.served} served, {self.longest:.1f} s"
        assert self.gateway.is_running() and self.agent.is_running()
        assert not self.agent.find_line("next attempt"), "the good agent was never disconnected"
        for line in self.gateway.err:
            assert line.isprintable(), repr(line)

    def rounds(self, attack, warm_up=None):
        """Runs `attack` twice (after `warm_up`), and looks at what is left."""
        (warm_up or attack)()
        descriptors, memory = [self._descriptors()], [self.gateway.resident_bytes()]
        for _ in range(2):
            attack()
            descriptors.append(self._descriptors())
            memory.append(self.gateway.resident_bytes())
        grown = [(after - memory[0]) / (1 << 20) for after in memory]
        print(f"descriptors {descriptors}, MiB more {[round(each, 1) for each in grown]}, served {self.served}, "
              f"longest {self.longest:.2f} s")
        assert len(set(descriptors)) == 1, "descriptors return exactly"
        if SCALE == 1:  # sanitizers keep freed memory in quarantine
            assert memory[1] - memory[0] < MEMORY_BYTES
            assert memory[2] - memory[1] < 1 << 20, "a second identical round adds nothing"
        self.check()

    def _descriptors(self):
        """Without those of the visitor in the loop."""
        self._stop.set()
        self._visitor.join()
        count = self.gateway.settled_descriptors()
        self._stop.clear()
        self._visitor = threading.Thread(target=self._visit)
        self._visitor.start()
        return count


@pytest.fixture
def guarded(programs, backend):
    with Guard(programs, backend(backends.echo).port) as guard:
        yield guard
    guard.check()


# ---- On the port: what is no agent at all


def ends(sock):
    """What came until the other side closed, and after how many seconds it did."""
    began, data = time.monotonic(), b""
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65536):
            data += piece
    return data, time.monotonic() - began


def client_hello():
    tls = Tls("localhost")
    tls.handshake()
    return tls.pending()


WRONG_STARTS = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "protocol 1": b"digl\x01" + bytes(33),
    "zeros": bytes(100),
    "a lot": b"x" * 1_000_000,
}


@pytest.mark.parametrize("start", WRONG_STARTS)
def test_other_protocols_hear_one_line_of_text(guarded, start):
    with harness.connect(guarded.gateway.port) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(WRONG_STARTS[start])
        answer, seconds = ends(sock)
    if start != "a lot":  # what was not read may make the close a reset, which eats the line
        assert answer == b"This port is for diglett agents: TLS 1.3 with ALPN diglett/2.\r\n"
    assert seconds < harness.scaled(3)


CUTS = {"nothing": 0, "one byte": 1, "a header": 5, "half": 0.5, "all but one": -1}


def test_cut_tls_is_closed_in_time(guarded):
    hello = client_hello()
    with contextlib.ExitStack() as all_of_them:
        opened = []
        for size in CUTS.values():
            sock = all_of_them.enter_context(harness.connect(guarded.gateway.port, seconds=12))
            sock.sendall(hello[:int(len(hello) * size) if isinstance(size, float) else size])
            opened.append(sock)
        began = time.monotonic()
        for sock in opened:
            ends(sock)
        assert time.monotonic() - began < harness.scaled(10)


def test_a_byte_a_second_is_closed_in_time(guarded):
    hello, began = client_hello(), time.monotonic()
    with harness.connect(guarded.gateway.port, seconds=1) as sock:
        for byte in hello:
            try:
                sock.sendall(bytes([byte]))
                if not sock.recv(1000):
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
        assert time.monotonic() - began < harness.scaled(10)


def test_after_the_handshake_silence_is_closed_in_time(guarded):
    for opening in (b"", b"hello"):
        peer = Peer(guarded.gateway.port, seconds=12)
        if opening:
            peer.send(peer.hello())
        end, seconds = peer.read_to_the_end()
        assert end in ("close_notify", "fin", "reset") and seconds < harness.scaled(10)
        peer.close()


def openssl_client(port, *arguments):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input="",
                          capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


def test_only_tls_1_3(guarded):
    for version in ("-tls1_2", "-tls1_1", "-tls1"):
        said = openssl_client(guarded.gateway.port, version, "-alpn", "diglett/2")
        assert "Cipher is (NONE)" in said, said
    assert "TLSv1.3" in openssl_client(guarded.gateway.port, "-alpn", "diglett/2")


def test_another_alpn_is_alert_120(guarded):
    said = openssl_client(guarded.gateway.port, "-alpn", "http/1.1,h2")
    assert "no application protocol" in said or "alert number 120" in said, said


def test_no_alpn_is_closed_after_the_handshake(guarded):
    """A TLS library completes such a handshake. (protocol 2.1)"""
    refused_after_the_handshake(guarded.gateway.port)


def refused_after_the_handshake(port):
    """Well before the deadline for a login (protocol 11.3), so it is not that which closes."""
    with harness.connect(port, seconds=2) as sock:
        sock.setblocking(True)
        limit = struct.pack("ll", int(harness.scaled(2)), 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        tls = SSL.Connection(SSL.Context(SSL.TLS_METHOD), sock)
        tls.set_connect_state()
        tls.do_handshake()
        try:
            with pytest.raises(SSL.ZeroReturnError):
                tls.recv(1000)
        except SSL.SysCallError as error:
            # What a client had on its way when the gateway closed turns the close into a reset.
            assert error.args[0] in (errno.ECONNRESET, errno.EPIPE), error


# ---- A thousand who say nothing


def thousand_silent(guard):
    """From one stranger; each closed within 10 s, while a new agent logs in."""
    count = int(1000 * SCALE)
    sockets, began = [], time.monotonic()
    for _ in range(count):
        sockets.append(harness.connect(guard.gateway.port, seconds=10, source=(STRANGER, 0)))
    number = len(guard.programs.started)
    newcomer = guard.programs.agent(guard.gateway, name=f"new{number}", backend=9)
    guard.gateway.wait_for_name(f"new{number}", 5)
    for sock in sockets:
        ends(sock)
        sock.close()
    assert time.monotonic() - began < harness.scaled(10)
    assert newcomer.stop() == 0


def test_1000_silent_connections_are_closed_and_cost_nothing(guarded):
    guarded.rounds(lambda: thousand_silent(guarded))


# ---- Mutations of the TLS bytes


def mutated(data, source):
    """`data` with one to three accidents."""
    data = bytearray(data)
    for _ in range(source.randrange(1, 4)):
        at = source.randrange(len(data) + 1)
        match source.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << source.randrange(8)
            case 1 if data:
                data[at % len(data)] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
            case 2:
                data[at:at] = source.randbytes(source.randrange(1, 9))
            case 3:
                del data[at:at + source.randrange(1, 9)]
            case 4:
                piece = data[at:at + source.randrange(1, 64)]
                data[at:at] = piece
            case 5:
                del data[at:]
            case _ if len(data) > 4:
                data[at % len(data):at % len(data) + 2] = source.randbytes(2)
    return bytes(data)


def mutated_tls(port, source):
    """One connection whose ClientHello, or what follows it, is damaged."""
    tls, damage_first = Tls("localhost"), source.random() < 0.6
    with harness.connect(port, source=(STRANGER, 0)) as sock, contextlib.suppress(OSError, SSL.Error):
        tls.handshake()
        hello = tls.pending()
        sock.sendall(mutated(hello, source) if damage_first else hello)
        if not damage_first:
            while not tls.handshake():
                if sealed := tls.pending():
                    sock.sendall(sealed)
                answer = sock.recv(65536)
                if not answer:
                    return
                tls.feed(answer)
            tls.write(frame(HELLO, 0, b"{}") + frame(LOGIN, 0, b"{}"))
            sock.sendall(mutated(tls.pending(), source))
        sock.shutdown(socket.SHUT_WR)
        ends(sock)


def test_1000_mutations_of_the_tls_bytes(guarded):
    print(f"DIGLETT_SEED={SEED}")

    def attack(count=int(1000 * SCALE)):
        source = random.Random(SEED)
        for _ in range(count):
            mutated_tls(guarded.gateway.port, source)

    guarded.rounds(attack, warm_up=lambda: attack(50))


# ---- Inside TLS: every frame in every state


# What an agent may send, by stage. (protocol 2.2) Frames of a stream are for stream 1.
ALWAYS = {ACK, PING, PONG, GO_AWAY}
STAGES = {
    "first": {HELLO},
    "greeted": ALWAYS | {LOGIN},
    "logged in": ALWAYS | {REGISTER, UNREGISTER, FINISH_REGISTER},
    "serving": ALWAYS | {REGISTER, UNREGISTER},
    "with a stream": ALWAYS | {REGISTER, UNREGISTER, DATA, WINDOW, END, RESET},
}
REFUSED_IN_WORDS = {JOIN, RESUME}  # in the place of Login: Refused `unknown`, not a violation
KINDS = {"Ok": OK, "Error": ERROR, "Register": REGISTER, "FinishRegister": FINISH_REGISTER, "Data": DATA, "End": END,
         "Terminate": TERMINATE, "Login": LOGIN, "Hello": HELLO, "Welcome": WELCOME, "Unregister": UNREGISTER,
         "Open": OPEN, "Window": WINDOW, "Reset": RESET, "Ack": ACK, "Ping": PING, "Pong": PONG, "GoAway": GO_AWAY,
         "Join": JOIN, "Resume": RESUME, "Resumed": RESUMED, "Refused": REFUSED, "22": 22, "99": 99, "255": 255}
assert sorted(KINDS.values())[:22] == list(range(22)), "every kind of protocol 3.2"


def registered(peer, name):
    peer.send(frame(REGISTER, 1, as_json(name=name)) + frame(FINISH_REGISTER, 0))
    ok = peer.wait_for(OK)
    assert ok is not None, peer.heard
    return int(json.loads(ok.payload)["port"])


def brought_to(stage, port):
    """A peer in `stage`, and a visitor if there is a stream."""
    peer, visitor = Peer(port), None
    if stage != "first":
        peer.send(peer.hello())
        assert peer.wait_for(HELLO)
    if stage not in ("first", "greeted"):
        peer.send(peer.login())
        assert peer.wait_for(WELCOME)
    if stage in ("serving", "with a stream"):
        helper = registered(peer, f"x{secrets.token_hex(6)}")
        if stage == "with a stream":
            visitor = harness.connect(helper)
            assert peer.wait_for(OPEN)
    return peer, visitor


def well_formed(kind, peer):
    """(id, payload) of a frame of `kind` that is right in itself."""
    return {
        OK: (1, as_json(name="x")),
        ERROR: (1, as_json(code="unknown")),
        REGISTER: (9, as_json(name=f"y{secrets.token_hex(6)}")),
        FINISH_REGISTER: (0, b""),
        DATA: (1, b"data"),
        END: (1, b""),
        LOGIN: (0, peer.login()[7:]),
        HELLO: (0, peer.hello()[7:]),
        WELCOME: (0, as_json(session="00" * 16, grace_ms=0, identity="x", max_streams=1, max_registrations=1,
                             next_pins=[])),
        UNREGISTER: (5, b""),
        OPEN: (1, struct.pack(">IBQ", 1, 0, 1000) + bytes(6)),
        WINDOW: (1, struct.pack(">Q", 1 << 19)),
        RESET: (1, struct.pack(">H", 0) + b"text"),
        ACK: (0, struct.pack(">QQ", 0, 1 << 21)),
        PING: (0, bytes(8)),
        PONG: (0, bytes(8)),
        GO_AWAY: (0, as_json(code="shutdown")),
        JOIN: (1, bytes(68)),
        RESUME: (0, bytes(68)),
        RESUMED: (0, bytes(52)),
        REFUSED: (0, struct.pack(">H", 1) + as_json(text="no")),
    }.get(kind, (0, b"x"))


def malformed(kind, number, payload):
    """Frames that are wrong in any stage: of a wrong size, no JSON, with an id where there is none."""
    yield frame(kind, number, payload + b"\x01") if kind not in (DATA, RESET, PING) else frame(kind, number)
    if payload[:1] == b"{":
        yield frame(kind, number)
        yield frame(kind, number, b"[" * 100)
        yield frame(kind, number, payload[:-1])
        yield frame(kind, number, payload[:-1] + b',"code":"a","code":"b"}')
        yield frame(kind, number, b'{"a":{"a":{"a":{"a":{}}}},' + payload[1:])
        yield frame(kind, number, payload.replace(b'"', b'"\xff', 1))
    elif len(payload) > 4:
        yield frame(kind, number, payload[:1])
    if number == 0:
        yield frame(kind, 7, payload)
    yield struct.pack(">BIH", kind, number, 16378) + bytes(100)


def verdict(peer):
    """"goes on", "refused" or "violation": the gateway's last words, and that it did close."""
    # Twice, because what is decided beside the link may come after the first Pong.
    if peer.answers() and peer.answers():
        return "goes on"
    peer.read_to_the_end()
    assert peer.end in ("close_notify", "fin", "reset"), peer.end
    last = [each for each in peer.heard if each.kind in (GO_AWAY, REFUSED)]
    if last and last[-1].kind == REFUSED and struct.unpack(">H", last[-1].payload[:2])[0] == 6:
        return "refused"
    return "violation"


@pytest.mark.parametrize("stage", STAGES)
def test_every_frame_in_every_state(guarded, stage):
    port, wrong = guarded.gateway.port, []
    for name, kind in KINDS.items():
        peer, visitor = brought_to(stage, port)
        number, payload = well_formed(kind, peer)
        expected = "goes on" if kind in STAGES[stage] else "violation"
        peer.send(frame(kind, number, payload))
        if stage == "greeted" and kind in REFUSED_IN_WORDS:
            expected = "refused"
            peer.read_to_the_end()  # a Ping could cross the gateway's close, and a reset eat its words
        got = verdict(peer)
        peer.close()
        if visitor:
            visitor.close()
        if got != expected and not (kind == GO_AWAY and stage == "greeted"):  # the agent said that it ends it
            wrong.append(f"{stage}, {name}: {got}, expected {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("stage", STAGES)
def test_every_malformed_frame_in_every_state(guarded, stage):
    port, wrong, count = guarded.gateway.port, [], 0
    for name, kind in KINDS.items():
        spare = Peer(port)
        number, payload = well_formed(kind, spare)
        spare.close()
        for bad in malformed(kind, number, payload):
            peer, visitor = brought_to(stage, port)
            peer.send(bad)
            if verdict(peer) == "goes on":
                wrong.append(f"{stage}, {name}: {bad[:60]!r}")
            peer.close()
            if visitor:
                visitor.close()
            count += 1
    print(f"{count} frames")
    assert not wrong, "\n".join(wrong)


# ---- Inside TLS: mutations


def conversation(peer, name):
    """The frames of a good agent that registers a name and ends it again; the first two are the login."""
    return [peer.hello(), peer.login(), frame(REGISTER, 1, as_json(name=name, kind="http", takeover=False)),
            frame(FINISH_REGISTER, 0), scripted_peer.ack(0, 1 << 21), frame(PING, 0, bytes(8)),
            frame(DATA, 1, b"answer" * 50), frame(WINDOW, 1, struct.pack(">Q", 1 << 19)), frame(END, 1),
            frame(RESET, 2, struct.pack(">H", 1) + b"connection refused"), frame(UNREGISTER, 1),
            frame(REGISTER, 2, as_json(name=name + "b")), frame(PONG, 0, bytes(8)),
            frame(GO_AWAY, 0, as_json(code="shutdown", text="the agent stops"))]


def mutated_frames(frames, source, count):
    """`count` damaged frames of `frames`, in order, a few good ones between them."""
    for _ in range(count):
        kept = source.choice(frames)
        if source.random() < 0.3:
            yield kept
        yield mutated(source.choice(frames), source)


MUTATIONS_OF_A_CONNECTION = 5


def one_mutated_connection(port, seed):
    """Before or after login; half of the time with a stream, so that its frames mean something."""
    source = random.Random(seed)
    peer = Peer(port, source=STRANGER if source.random() < 0.5 else "127.0.0.1")
    name = f"m{source.randrange(1 << 40):x}"
    frames = conversation(peer, name)
    visitor = None
    with contextlib.suppress(OSError):
        if source.random() < 0.6:
            if source.random() < 0.5:
                peer.send(frames[0] + frames[1])
            else:
                peer.send(b"".join(frames[:4]))
                if ok := peer.wait_for(OK):
                    visitor = harness.connect(int(json.loads(ok.payload)["port"]), seconds=2)
            frames = frames[2:]
        peer.send(b"".join(mutated_frames(frames, source, MUTATIONS_OF_A_CONNECTION)))
        with contextlib.suppress(OSError, SSL.Error):
            peer.tls.close()
            peer._flush()
            peer.socket.shutdown(socket.SHUT_WR)
        peer.read_to_the_end()
    peer.close()
    if visitor:
        visitor.close()
    return peer.end


def several_mutated_connections(port, seeds):
    """The work of one process of the pool."""
    return [one_mutated_connection(port, seed) for seed in seeds]


def test_20000_mutations_inside_tls(guarded):
    print(f"DIGLETT_SEED={SEED}")
    connections = int(20_000 * SCALE) // MUTATIONS_OF_A_CONNECTION
    port = guarded.gateway.port
    with concurrent.futures.ProcessPoolExecutor(3) as pool:

        def attack(count=connections):
            seeds = [f"{SEED}/{number}" for number in range(count)]
            work = [pool.submit(several_mutated_connections, port, seeds[at::6]) for at in range(6)]
            found = [end for done in work for end in done.result(harness.scaled(120))]
            assert "timeout" not in found, "every connection is closed in time"
            return found

        guarded.rounds(attack, warm_up=lambda: attack(200))
