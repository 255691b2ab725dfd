"""One name that several want at once: in the recorded history it has one owner at each instant."""

import json
import os
import re
import threading
import time

import pytest

import harness
from grid_chain import mint, registration_key
from grid_world import ALICE, AUDIENCE, BOB, CONTRACT, World
from minimal_agent import ERROR, FINISH_REGISTER, GO_AWAY, OK, PING, PONG, REGISTER, UNREGISTER, as_json, frame
from scripted_peer import Peer

pytestmark = pytest.mark.alone

SALES = max(20, round(1_000 * float(os.environ.get("DIGLETT_SCALE", "1"))))
ROUNDS = SALES
NAME = "example"
DECISION = re.compile(rf"name '{NAME}' of grid:(\d+) at block (0x[0-9a-f]+): (.+)")


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


class Customer:
    """A peer that answers what it has to, keeps nothing, and logs in again as often as it must."""

    def __init__(self, port, token):
        self.port, self.token, self.peer = port, token, None

    def connect(self):
        self.close()
        self.peer, self.number = Peer(self.port, seconds=20), 0
        self.peer.send(self.peer.hello() + self.peer.login(self.token()) + frame(FINISH_REGISTER, 0))

    def close(self):
        if self.peer:
            self.peer.close()
        self.peer = None

    def ask(self, name):
        """The number under which `name` was asked for."""
        if self.peer is None:
            self.connect()
        self.number += 1
        self.peer.send(frame(REGISTER, self.number, as_json(name=name)))
        return self.number

    def answer(self, number):
        """(kind, words) of the next Ok or Error for `number`; (None, the code) when the session ends instead."""
        while True:
            heard, self.peer.heard = self.peer.heard, []
            for at, each in enumerate(heard):
                if each.kind == PING:
                    self.peer.send(frame(PONG, 0, each.payload))
                elif each.kind == GO_AWAY:
                    self.close()
                    return None, json.loads(each.payload)
                elif each.kind in (OK, ERROR) and each.id == number:
                    self.peer.heard = heard[at + 1:]
                    return each.kind, json.loads(each.payload)
            if not self.peer.read() and not self.peer.heard:
                end = self.peer.end
                self.close()
                return None, {"code": end}


class Ledger:
    """What the node answered and what the twins were told, each with its time."""

    def __init__(self, node):
        self.heads, self.accepted, self.refused, self.lost = [], [], {}, []
        self._node, self._answer = node, node._answer
        node._answer = self.answer

    def answer(self, request):
        said = self._answer(request)
        if b"chain_getFinalizedHead" in request:
            self.heads.append((time.monotonic(), json.loads(said)["result"]))
        return said

    def heads_between(self, began, ended):
        return [head for at, head in list(self.heads) if began <= at <= ended]


def want(customer, twin, ledger, over, trouble):
    """Tries to have the name, and when it has it waits until it is taken away; until it is all over."""
    try:
        while not over.is_set():
            began = time.monotonic()
            number = customer.ask(NAME)
            kind, words = customer.answer(number)
            if kind == OK:
                ledger.accepted.append((began, time.monotonic(), twin, words["generation"]))
                kind, words = customer.answer(number)
                assert words["code"] in ("revoked",) or over.is_set(), words
                ledger.lost.append((time.monotonic(), twin))
            else:
                ledger.refused[words["code"]] = ledger.refused.get(words["code"], 0) + 1
                time.sleep(0.002)
    except Exception as error:  # whatever it is, the test must hear of it
        trouble.append((twin, repr(error)))


@pytest.mark.full_size
def test_a_contract_sold_back_and_forth_has_one_owner_at_each_instant(world, programs):
    node = world.node()
    ledger = Ledger(node)
    gateway = world.gateway(programs, "-d", endpoints=[node.url("ws")])
    customers = {ALICE: Customer(gateway.port, lambda: mint(world.alice, ALICE, NAME, AUDIENCE)),
                 BOB: Customer(gateway.port, lambda: mint(world.bob, BOB, NAME, AUDIENCE))}
    over, trouble = threading.Event(), []
    threads = [threading.Thread(target=want, args=(customer, twin, ledger, over, trouble))
               for twin, customer in customers.items()]
    for thread in threads:
        thread.start()
    owners = [ALICE]
    for sale in range(SALES):
        # Two of three sales wait for the buyer to have it, the others come in the middle of what goes on.
        if sale % 3:
            end = time.monotonic() + harness.scaled(5)
            while not trouble and not (ledger.accepted and ledger.accepted[-1][2] == owners[-1]):
                assert time.monotonic() < end, "the buyer does not get the name"
                time.sleep(0.001)
        else:
            time.sleep(sale % 16 / 1000)
        owners.append(BOB if owners[-1] == ALICE else ALICE)
        world.chain.set_name(NAME, CONTRACT + 1 + sale, owners[-1])
    harness.wait_until(lambda: trouble or ledger.accepted[-1][2] == owners[-1], 10, "the last buyer has it")
    over.set()
    world.chain.cancel(NAME, CONTRACT + SALES)
    for thread in threads:
        thread.join(harness.scaled(20))
    assert not trouble, trouble
    assert gateway.is_running()
    accepted = sorted(ledger.accepted, key=lambda each: each[3])
    # Never without the chain: at a block that the node named as newest in between the twin owned the name.
    strict = 0
    for began, ended, twin, _ in accepted:
        owned = [world.chain.owner_at(head, NAME) for head in ledger.heads_between(began, ended)]
        assert twin in owned, f"{twin} was accepted while the chain named {owned}"
        strict += set(owned) == {twin}
    # And by the gateway's own account: the block of each yes names that twin, that of each no does not.
    said = {True: [], False: []}
    for line in list(gateway.err):
        if found := DECISION.search(line):
            twin, block, word = int(found[1]), found[2], found[3]
            assert (world.chain.owner_at(block, NAME) == twin) == (word == "allowed"), line
            said[word == "allowed"].append(twin)
    assert len(said[True]) >= len(accepted) and len(said[False]) >= len(ledger.lost)
    # Generations rise: each acceptance is a later owner than the one before; and the gateway gave the name
    # only after it had taken it away.
    generations = [each[3] for each in accepted]
    assert len(set(generations)) == len(generations)
    changes = [line for line in list(gateway.err) if f"register domain '{NAME}'" in line]
    for at, line in enumerate(changes):
        assert ("unregister" in line) == bool(at % 2), changes[max(0, at - 2):at + 1]
    assert sum("unregister" not in line for line in changes) == len(accepted)
    # And the test's own ground: that all this happened, often, to both.
    for twin in (ALICE, BOB):
        mine = sum(each[2] == twin for each in accepted)
        assert mine >= SALES // 8, (mine, ledger.refused)
    assert strict >= len(accepted) // 4, strict
    assert ledger.refused["name-not-allowed"] > 0


@pytest.mark.full_size
def test_two_identities_race_for_one_name(programs, tmp_path):
    names = [f"race-{number}" for number in range(ROUNDS)]
    tokens = harness.tokens_file(tmp_path, ("alice", "alice-token", ["*"]), ("bob", "bob-token", ["*"]))
    gateway = programs.gateway("--tokens-file", tokens, auth="tokens")
    customers = [Customer(gateway.port, lambda who=who: f"{who}-token") for who in ("alice", "bob")]
    together = threading.Barrier(2, timeout=harness.scaled(30))
    said, trouble = [{}, {}], []

    def race(which):
        customer = customers[which]
        try:
            for round_number, name in enumerate(names):
                if round_number % 100 == 0:  # a session that acknowledges nothing does not last
                    customer.connect()
                together.wait()
                number = customer.ask(name)
                kind, words = customer.answer(number)
                while words.get("code") == "try-later":
                    number = customer.ask(name)
                    kind, words = customer.answer(number)
                said[which][name] = "ok" if kind == OK else words["code"]
                together.wait()
                if kind == OK:
                    customer.peer.send(frame(UNREGISTER, number))
        except Exception as error:  # whatever it is, the test must hear of it
            trouble.append(repr(error))
            together.abort()

    threads = [threading.Thread(target=race, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble, trouble
    for name in names:
        assert sorted(answer[name] for answer in said) == ["name-taken", "ok"], name
    for answer in said:
        assert sum(word == "ok" for word in answer.values()) > ROUNDS // 20, "it was no race"
