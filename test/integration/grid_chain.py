"""A made-up chain in the layout of ThreeFold's, to be shown by fake nodes (fake_node.py), and tokens for it.

    chain = Chain()
    chain.set_twin(1, key.account)
    chain.set_name("example", contract=11, twin=1)
    token = mint(key, twin=1, names=["example"], audience="gateway.test")

Every edit makes a block of its own; each block keeps its state, and the times of blocks rise.
"""

import base64
import hashlib
import json
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "grid"

TWINS = "19a2526838feefd7695a3b5715b415b1311378229266fc86f673a3f4cf398e69"
TWIN_PALLET_VERSION = "0x19a2526838feefd7695a3b5715b415b12bb03d1195d924ced2b532dc711277e9"
CONTRACT_PALLET_VERSION = "0x44cb2e51a1811cda53a74b4395e03d572bb03d1195d924ced2b532dc711277e9"
REGISTRATIONS = "44cb2e51a1811cda53a74b4395e03d57364bdba29acc58a903c46b1daed736d1"
CONTRACTS = "44cb2e51a1811cda53a74b4395e03d574342193e496fab7ec59d615ed0dc5530"
TIMESTAMP = "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"

BLOCK_SECONDS = 0.5  # a chain that nothing happens on still makes blocks
KEPT_BLOCKS = 4096

CREATED = b"\x00"
GRACE = b"\x02" + (4242).to_bytes(8, "little")


def compact(number):
    assert number < 1 << 14
    return bytes([number << 2]) if number < 64 else ((number << 2) | 1).to_bytes(2, "little")


def map_key(prefix, argument):
    return "0x" + prefix + hashlib.blake2b(argument, digest_size=16).hexdigest() + argument.hex()


def twin_key(twin):
    return map_key(TWINS, twin.to_bytes(4, "little"))


def registration_key(name):
    return map_key(REGISTRATIONS, compact(len(name)) + name.encode())


def contract_key(contract):
    return map_key(CONTRACTS, contract.to_bytes(8, "little"))


def twin_value(twin, account):
    return "0x" + (twin.to_bytes(4, "little") + account + b"\x00" + b"\x00" + b"\x00").hex()


def old_twin_value(value):
    """The same twin in the layout before runtime spec 124: version, id, account, ip, entities."""
    raw = bytes.fromhex(value[2:])
    return "0x" + ((1).to_bytes(4, "little") + raw[:36] + b"\x00" + b"\x00").hex()


def name_contract_value(contract, twin, name, state=CREATED):
    return "0x" + ((4).to_bytes(4, "little") + state + contract.to_bytes(8, "little")
                   + twin.to_bytes(4, "little") + b"\x01" + compact(len(name)) + name.encode()
                   + b"\x00").hex()


class Chain:
    """Safe to use from any thread."""

    def __init__(self):
        vectors = json.loads((VECTORS / "mock_chain.json").read_text())
        self.runtime_version = vectors["runtime_version"]
        self._lock = threading.RLock()
        self._state = {key: value for key, value in vectors["storage"].items() if value is not None}
        self._blocks = {}  # hash -> state
        self._number = 0
        self._time_ms = 0
        self.edit({})

    def edit(self, changes):
        """`changes` by storage key (None removes) happen in a block of their own; returns its hash."""
        with self._lock:
            state = {**self._state, **changes}
            self._state = {key: value for key, value in state.items() if value is not None}
            return self._seal()

    def _seal(self):
        self._time_ms = max(int(time.time() * 1000), self._time_ms + 1)
        self._number += 1
        head = "0x" + hashlib.sha256(f"block {self._number}".encode()).hexdigest()
        self._blocks[head] = {**self._state, TIMESTAMP: "0x" + self._time_ms.to_bytes(8, "little").hex()}
        if len(self._blocks) > KEPT_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        self._head = head
        return head

    def head(self, lag=0):
        """The newest block, or that of `lag` blocks before, for a node that is behind."""
        with self._lock:
            if time.time() * 1000 > self._time_ms + BLOCK_SECONDS * 1000:
                self._seal()
            return list(self._blocks)[-1 - lag] if lag else self._head

    def state_at(self, block, lag=0):
        """What is stored at `block`; None when no node that is `lag` blocks behind knows it (any more)."""
        with self._lock:
            return None if lag and block in list(self._blocks)[-lag:] else self._blocks.get(block)

    def set_twin(self, twin, account):
        return self.edit({twin_key(twin): twin_value(twin, account)})

    def set_name(self, name, contract, twin, state=CREATED):
        return self.edit({
            registration_key(name): "0x" + contract.to_bytes(8, "little").hex(),
            contract_key(contract): name_contract_value(contract, twin, name, state)})

    def cancel(self, name, contract):
        return self.edit({registration_key(name): None, contract_key(contract): None})

    def owner_at(self, block, name):
        """The twin that owns `name` at `block`, or None."""
        state = self.state_at(block)
        registered = state.get(registration_key(name))
        if registered is None:
            return None
        value = state.get(contract_key(int.from_bytes(bytes.fromhex(registered[2:]), "little")))
        if value is None:
            return None
        raw = bytes.fromhex(value[2:])
        at = 4 + (9 if raw[4] == 2 else 1) + 8
        return int.from_bytes(raw[at:at + 4], "little")


class Key:
    """A twin's ed25519 key."""

    def __init__(self):
        self._key = Ed25519PrivateKey.generate()
        self.account = self._key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.seed = "0x" + self._key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw,
            serialization.NoEncryption()).hex()

    def sign(self, message):
        return self._key.sign(message)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mint(key, twin, names, audience, issued_at=None, lifetime=300):
    issued_at = int(time.time()) if issued_at is None else issued_at
    claims = {"sub": twin, "name": names, "aud": audience, "iat": issued_at, "exp": issued_at + lifetime}
    signed = ".".join(base64url(json.dumps(part).encode())
                      for part in ({"alg": "RS512", "typ": "diglett+jwt"}, claims))
    return signed + "." + base64url(b"e" + key.sign(signed.encode()))
