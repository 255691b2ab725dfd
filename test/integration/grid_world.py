"""A chain, fake nodes that show it, and real programs that use it.

    world = World(tmp_path)
    gateway = world.gateway(programs)
    agent = world.agent(programs, gateway, name="example", backend=port)
"""

import json

import harness
import grid_chain
from fake_node import Node
from grid_chain import Chain, Key, mint

AUDIENCE = "gateway.test"
ALICE, BOB = 1001, 1002  # twins
CONTRACT = 501  # Alice's, for example


class World:
    """A chain on which twin ALICE owns `example`, and twin BOB nothing."""

    def __init__(self, folder):
        self.folder = folder
        self.chain, self.alice, self.bob = Chain(), Key(), Key()
        self.chain.set_twin(ALICE, self.alice.account)
        self.chain.set_twin(BOB, self.bob.account)
        self.chain.set_name("example", CONTRACT, ALICE)
        self.nodes = []

    def node(self, **certificate):
        self.nodes.append(Node(self.chain, **certificate))
        return self.nodes[-1]

    def close(self):
        for node in self.nodes:
            node.stop()

    def gateway(self, programs, *arguments, endpoints=None, audience=AUDIENCE, recheck="1s", **options):
        """A gateway with `--auth grid` that reads the nodes at `endpoints`, or one of its own."""
        endpoints = endpoints or [self.node().url("ws")]
        wishes = ["--grid-recheck", recheck, *(part for url in endpoints for part in ("--grid-endpoints", url))]
        if audience:
            wishes += ["--grid-audience", audience]
        return programs.gateway(*wishes, *arguments, **{"auth": "grid", **options})

    def key_file(self, key, name="twin.key"):
        path = self.folder / name
        path.write_text(key.seed + "\n")
        path.chmod(0o600)
        return path

    def token_file(self, token, name="token"):
        path = self.folder / name
        path.write_text(token + "\n")
        path.chmod(0o600)
        return path

    def token(self, names="example", audience=AUDIENCE, **options):
        return mint(self.alice, ALICE, names, audience, **options)

    def signer(self, key=None, twin=ALICE, audience=AUDIENCE):
        """The agent's options for a key of a twin's."""
        return ["--grid-twin", str(twin), "--grid-key-file", self.key_file(key or self.alice, f"{twin}.key"),
                "--grid-key-type", "ed25519", *(["--grid-audience", audience] if audience else [])]

    def agent(self, programs, gateway, *arguments, name="example", backend, **options):
        return programs.agent(gateway, *self.signer(), *arguments, name=name, backend=backend, **options)


def dev_key():
    """A phrase of the chain's own development keys, of kind sr25519, and its account."""
    keys = json.loads((grid_chain.VECTORS / "keys.json").read_text())["keys"]["dev_root_sr"]
    return keys["phrase"], bytes.fromhex(keys["public"])


def fetch(port, request=b"hello", seconds=10):
    """What an echoing backend behind `port` gives back."""
    with harness.connect(port, seconds=seconds) as visitor:
        visitor.sendall(request)
        return visitor.recv(len(request))
