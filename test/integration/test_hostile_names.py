"""Names that no good agent would ask for, said inside TLS: nothing of them reaches a disk or opens a port."""

import json
import random

import pytest

import harness
from minimal_agent import ERROR, FINISH_REGISTER, OK, REGISTER, as_json, frame
from scripted_peer import Peer

SOME = 50  # asked for in one flight; up to 100 may be (protocol 2.6)
MANY = 500
LOW, HIGH = 15_120, 15_129

RESERVED = ["www", "admin", "localhost", "wpad", "autodiscover", "mta-sts", "gateway", "api", "ns1", "mail", "smtp",
            "xn--caf-dma"]
WRITTEN_BY_HAND = [
    "", " ", ".", "..", "-", "_", "-a", "a-", "a_b", "a.b", "A", "a" * 64, "a" * 255, "../x", "../../etc/passwd", "/etc",
    "a/b", "a\\b", "a/../../b", "./a", "a\0b", "a\0", "\0", "a\nb", "a\r\nb", "a\tb", "a b", " a", "a ", "a\u2028b",
    "{{env}}", "{{ env \"HOME\" }}", "{{`x`}}", "a{{b", "}}", "`", "a`b", "`) || Host(`evil.test", "a`) || PathPrefix(`/",
    "a||b", "HostRegexp(`.+`)", "a'b", "a\"b", "\"", "a\": {", "a\\\"", "a: b", "a#b", "# a", "&a", "*a", "!a", "|", ">", "%a",
    "@", "a@file", "a@docker", "$a", "${HOME}", "$(id)", ";id", "a;b", "a&b", "a|b", "a>b", "a<b", "~", "~root", "a~",
    "%2e%2e", "a%2fb", "%s%s%n", "*", "*.a", "a*", "?", "[a]", "(a)", "a,b", "a=b", "a+b", "a:80", "a.gateway.test",
    "diglett-a.yml", "a.yml", "a.tmp", ".diglett-staging", "..diglett", "\u00e4", "\u0430", "a\u0301", "\u200b", "a\u200db",
    "\ufeffa", "\u202ea", "\ud7ff", "\U0001f4a9", "\uff41", "a\u3002b", "\u212a", "\x7f", "\x1b[31m", "\x01", "a\x80", "\x85",
]
NASTY = "\0\n\r\t \"'`{}()[]|\\/.:;,*?!@#$%^&=+<>~_-ABZ\x7f\x80\u00e4\u2028\u202e\ufeff\U0001f4a9"


def hostile_names():
    """Each name with the code that refuses it."""
    dice = random.Random(9)
    names = dict.fromkeys(WRITTEN_BY_HAND, "name-invalid") | dict.fromkeys(RESERVED, "name-reserved")
    while len(names) < MANY:
        letters = [dice.choice("abcxyz019-") for _ in range(dice.choice((1, 3, 20, 60, 63)))]
        for _ in range(dice.choice((1, 1, 2, 8))):
            letters.insert(dice.randrange(len(letters) + 1), dice.choice(NASTY.replace("-", "")))
        names["".join(letters)] = "name-invalid"
    return list(names.items())


def entries(folder):
    """What is in there, and when last something came or went."""
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize("kind", ["http", "tls"])
def test_hostile_names_are_refused_and_leave_nothing(programs, tmp_path, kind):
    routes, staging = tmp_path / "routes", tmp_path / "routes.staging"
    routes.mkdir()
    gateway = programs.gateway("--traefik-dir", routes, "--domain", "gateway.test", "--helper-ports", f"{LOW}-{HIGH}",
                               "--traefik-passthrough-entry-points", "passthrough")
    assert staging.is_dir()
    # The test's own ground: one good name leaves its traces in all three places.
    before = entries(routes), entries(staging)
    good = Peer(gateway.port)
    good.send(good.hello() + good.login() + frame(FINISH_REGISTER, 0) + frame(REGISTER, 1, as_json(name="good", kind=kind)))
    assert json.loads(good.wait_for(OK).payload)["port"] in range(LOW, HIGH + 1)
    after = entries(routes), entries(staging)
    assert before[0] != after[0] and before[1] != after[1]
    descriptors = gateway.settled_descriptors()

    hostile = hostile_names()
    assert len(hostile) == MANY
    for at in range(0, MANY, SOME):
        peer = Peer(gateway.port)
        peer.send(peer.hello() + peer.login() + frame(FINISH_REGISTER, 0))
        for number, (name, _) in enumerate(hostile[at:at + SOME], 1):
            peer.send(frame(REGISTER, number, as_json(name=name, kind=kind)))
        for number, (name, code) in enumerate(hostile[at:at + SOME], 1):
            said = peer.wait_for(ERROR, lambda error, number=number: error.id == number)
            assert said is not None, (name, peer.heard, peer.end)
            assert json.loads(said.payload)["code"] == code, name
        assert peer.answers() and not any(heard.kind == OK for heard in peer.heard)
        peer.close()

    assert (entries(routes), entries(staging)) == after, "something came or went"
    assert [path.name for path in routes.glob("*.*ml")] == ["diglett-good.yml"]
    used = json.loads(good.wait_for(OK).payload)["port"]
    for port in set(range(LOW, HIGH + 1)) - {used}:
        with pytest.raises(ConnectionRefusedError):
            harness.connect(port, seconds=2)
    harness.wait_until(lambda: gateway.descriptors() <= descriptors, 10, "the end of the sessions")
    assert sum("register domain" in line for line in list(gateway.err)) == 1
    assert all(line.isprintable() for line in list(gateway.err))
    assert good.answers()
