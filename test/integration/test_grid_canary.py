"""A token and a key are where the user put them, and nowhere else: not in a log, an error, a command line, a file."""

import base64
import json
import urllib.parse

import pytest

import backends
import grid_chain
import harness
from grid_world import ALICE, AUDIENCE, World, dev_key

TRACE = ("-d", "-d")


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def in_base64(raw):
    """The letters that are the same whatever stands before and after `raw`, in both alphabets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(bytes(before) + raw)
            yield text[(0, 2, 3)[before]:len(text) - (0, 3, 2)[(before + len(raw)) % 3]]


def forms(raw):
    """How a secret could be written down: as it is, in hex, base64 and URLs, in Python's and C++'s lists of numbers."""
    yield raw
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    yield from in_base64(raw)
    yield from ("".join(f"%{byte:{case}}" for byte in raw).encode() for case in ("02X", "02x"))
    yield from (urllib.parse.quote(raw, safe="").encode(), urllib.parse.quote_plus(raw).encode())
    yield from ("".join(f"\\x{byte:{case}}" for byte in raw).encode() for case in ("02X", "02x"))
    yield ", ".join(str(byte) for byte in raw).encode()


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Secrets:
    """What must not be seen; each secret has a label, which is what a failure tells."""

    def __init__(self):
        self._forms = {}

    def add(self, label, raw):
        assert len(raw) >= 16, "short enough to be somewhere by chance"
        self._forms[label] = set(forms(raw))

    def add_token(self, label, token):
        self.add(label, token.encode())
        for part, text in zip(("claims", "signature"), token.split(".")[1:], strict=True):
            self.add(f"{label}: {part}", text.encode())
            self.add(f"{label}: {part}, decoded", unpadded(text))

    def add_seed(self, label, seed):
        self.add(label, seed.encode())
        self.add(f"{label}, its digits", seed.removeprefix("0x").encode())
        self.add(f"{label}, its bytes", bytes.fromhex(seed.removeprefix("0x")))

    def seen_in(self, data):
        return [label for label, each in self._forms.items() if any(form in data for form in each)]


def test_the_search_finds_every_form():
    """The test's own ground: each way to write a secret down is seen, whatever stands around it."""
    secret = bytes(range(251, 256)) + b"a token's signature: ?~>"
    secrets = Secrets()
    secrets.add("it", secret)
    for before in (b"", b"{", b"{\"", b"tok"):
        for after in (b"", b"}", b"\"}", b"end"):
            whole = before + secret + after
            for text in (whole, whole.hex().encode(), whole.hex().upper().encode(), base64.b64encode(whole),
                         base64.urlsafe_b64encode(whole), base64.b64encode(whole).rstrip(b"="),
                         urllib.parse.quote(whole, safe="").encode(), repr(list(whole)).encode()):
                assert secrets.seen_in(b"log: " + text + b" (more)") == ["it"], (before, after, text)
    assert secrets.seen_in(base64.b64encode(b"something else that is as long as that")) == []


def whole_dev_key():
    return json.loads((grid_chain.VECTORS / "keys.json").read_text())["keys"]["dev_root_sr"]


def command_lines(*started):
    """As every user of the machine sees them; and what a program's own user sees beside that."""
    return b"\0".join(open(f"/proc/{program.pid}/{what}", "rb").read()
                      for program in started for what in ("cmdline", "environ", "comm"))


def files_of(folder, but):
    for path in folder.rglob("*"):
        if path.is_file() and path not in but:
            yield path


def test_token_and_key_are_written_nowhere_else(world, programs, backend, tmp_path):
    echo = backend(backends.echo).port
    routes = tmp_path / "routes"
    routes.mkdir()
    node = world.node()
    gateway = world.gateway(programs, *TRACE, "--traefik-dir", routes, "--domain", AUDIENCE, endpoints=[node.url("ws")])
    secrets, given, shown = Secrets(), set(), []

    def file(name, text):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o600)
        given.add(path)
        return path

    def agent(*arguments, name="example", **options):
        return programs.agent(gateway, *TRACE, *arguments, name=name, backend=echo, **options)

    def shows(program):
        shown.append(command_lines(gateway, program))
        return program

    def ends(program, code):
        assert program.wait() == code

    # A token that is right, from a file; and the same in the environment, where its own user may see it.
    token = world.token()
    secrets.add_token("token", token)
    by_token = shows(agent("--token-file", file("token", token + "\n")))
    port = gateway.wait_for_name("example")
    with harness.connect(port) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(5) == b"hello"
    harness.wait_until(lambda: list(routes.glob("*.yml")), 5, "the route")
    shown.append(b"".join(path.read_bytes() for path in files_of(routes, ())))
    node.mode = "garbage"  # trouble at a re-check, with all that is said about it
    gateway.wait_for_line(r"(?i)not.*json|understood|garbage|unusable|WARN", 10)
    node.mode = "well"
    assert by_token.stop() == 0
    by_environment = agent(env={"DIGLETT_TOKEN": token})
    gateway.wait_for_name("example", count=2)
    shown.append(open(f"/proc/{by_environment.pid}/cmdline", "rb").read())
    assert by_environment.stop() == 0

    # Tokens that are refused, each in its own way.
    for label, made, code in (
            ("expired", world.token(issued_at=1), 5), ("of the future", world.token(issued_at=4_000_000_000), 5),
            ("for another name", world.token("other"), 6), ("for another gateway", world.token(audience="other.test"), 5),
            ("with a signature cut short", world.token()[:-4], 5), ("with more after it", world.token() + ".more", 5)):
        if code == 5 and label.startswith("with"):
            secrets.add(f"token {label}", made.encode())
        else:
            secrets.add_token(f"token {label}", made)
        ends(agent("--token-file", file(label.replace(" ", "-"), made)), code)

    # A twin's key: a seed, then a phrase.
    secrets.add_seed("seed", world.alice.seed)
    signer = world.signer()
    given.add(tmp_path / f"{ALICE}.key")
    by_seed = shows(agent(*signer))
    gateway.wait_for_name("example", count=3)
    assert by_seed.stop() == 0
    phrase, account = dev_key()
    secrets.add("phrase", phrase.encode())
    for part in ("entropy", "mini_secret_of_phrase", "secret_scalar", "secret_nonce", "secret_scalar_times_8"):
        secrets.add(f"phrase: {part}", bytes.fromhex(whole_dev_key()[part]))
    world.chain.set_twin(ALICE, account)
    kept = file("phrase", phrase + "\n")
    by_phrase = shows(agent("--grid-twin", ALICE, "--grid-key-file", kept, "--grid-audience", AUDIENCE))
    gateway.wait_for_name("example", count=4)
    assert by_phrase.stop() == 0

    # Keys that are wrong, or that others can read.
    words = phrase.split()
    for label, text in (("a word too few", " ".join(words[:-1])), ("the words turned round", " ".join(words[::-1])),
                        ("a word of no list", " ".join([*words[:-1], "canary-word"])), ("a digit too few", world.alice.seed[:-1]),
                        ("a letter in a seed", world.alice.seed[:-1] + "g"), ("two lines", world.alice.seed + "\n\n")):
        secrets.add(f"key with {label}", text.encode())
        ends(agent("--grid-twin", ALICE, "--grid-key-file", file(label.replace(" ", "-"), text),
                   "--grid-audience", AUDIENCE), 3)
    kept.chmod(0o644)
    ends(agent("--grid-twin", ALICE, "--grid-key-file", kept, "--grid-audience", AUDIENCE), 3)
    assert gateway.stop() == 0

    seen = 0
    for path in files_of(tmp_path, given):
        seen += 1
        assert secrets.seen_in(path.read_bytes()) == [], path
    assert seen >= 15 and gateway.find_line(" DEBUG ")
    for each in shown:
        assert each and secrets.seen_in(each) == []
    for program in programs.started:
        assert secrets.seen_in("\n".join(program.err + program.out).encode()) == [], program.label


def test_a_token_that_is_printed_is_printed_once(world, programs, tmp_path):
    """`grid-token` gives the token on stdout, and nothing of it or of the key on stderr."""
    made = programs.program(
        "mint", harness.bin_dir() / "diglett", "grid-token", "--grid-twin", ALICE, "--grid-key-file",
        world.key_file(world.alice), "--grid-key-type", "ed25519", "--name", "example", "--audience", AUDIENCE)
    assert made.wait() == 0
    secrets = Secrets()
    secrets.add_token("token", made.out[0])
    secrets.add_seed("seed", world.alice.seed)
    assert secrets.seen_in("\n".join(made.err).encode()) == []
    assert [label for label in secrets.seen_in(made.out[0].encode()) if label.startswith("seed")] == []
    for path in files_of(tmp_path, {tmp_path / "mint.log", tmp_path / "twin.key"}):
        assert secrets.seen_in(path.read_bytes()) == [], path
