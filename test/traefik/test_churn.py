"""More names than ports, all visited through a real Traefik: a name's visitors get its own page or none.

An agent registers a batch of names, a backend each, and ends: most are told to stop, some are killed. Visitors never
stop asking for the names of all batches, those included that have ended. What keeps a port from its next owner is its
rest: with `--helper-port-rest 0s` the first test fails.
"""

import concurrent.futures
import random
import re
import time

import pytest

import churn
import harness
from churn import DOMAIN, SCALE, Pages, Visitors

NAMES = max(60, int(1_000 * SCALE))
BATCHES = 20
AT_ONCE = 3  # batches that the ports are enough for: with more, each might wait for the last port of another
BATCH_SECONDS = 120
PRINTED = re.compile(r"(?<!un)register domain '([^']+)' -> '(\d+)'")


@pytest.fixture
def pages():
    made = []

    def make(names):
        made.append(Pages(names))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def gateway(programs, traefik):
    def start(ports, *arguments):
        return programs.gateway(
            "--traefik-dir", traefik.directory, "--domain", DOMAIN, "--traefik-entry-points", "web",
            "--traefik-tls=false", "--helper-ports", ports, "--grace", "2s", *arguments)

    return start


def agent_of(programs, gateway, label, names, pages):
    """One agent for all `names`; the same label is the same identity."""
    config = programs.folder / f"{label}.toml"
    config.write_text(f'gateway = "{gateway.address}"\n' + "".join(
        f'[[service]]\nname = "{name}"\nbackend = {pages.ports[name]}\n' for name in names))
    return programs.program(label, harness.bin_dir() / "diglett", "--config", config,
                            "--state-dir", programs.folder / f"{label}-state")


def registered(gateway):
    """(name, port) of each registration so far."""
    found = (PRINTED.search(line) for line in list(gateway.err))
    return [match.groups() for match in found if match]


def test_many_names_in_few_ports(programs, traefik, gateway, pages):
    size = NAMES // BATCHES
    batches = [[f"n{batch}x{number}" for number in range(size)] for batch in range(BATCHES)]
    names = [name for batch in batches for name in batch]
    backends = pages(names)
    served = gateway(churn.free_range(AT_ONCE * size), "--helper-port-rest", "5s")

    def run(number):
        batch = batches[number]
        agent = agent_of(programs, served, f"batch{number}-", batch, backends)
        visitors.expect(batch)
        visitors.wait_for(batch, BATCH_SECONDS)
        time.sleep(random.random())
        if number % 4 == 3:
            agent.kill()
        else:
            assert agent.stop() == 0
        visitors.forget(batch)

    with Visitors(traefik) as visitors, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as batch_runners:
        for done in [batch_runners.submit(run, number) for number in range(BATCHES)]:
            done.result()
        time.sleep(harness.scaled(5))  # the last ones' routes end, and are visited meanwhile
    print(f"{len(names)} names, {dict(visitors.statuses)}")
    assert not visitors.wrong, visitors.wrong[:10]
    assert all(visitors.right[name] for name in names)
    ports = registered(served)
    assert {name for name, _ in ports} == set(names)
    assert len({port for _, port in ports}) <= AT_ONCE * size < len(names)


def test_names_beyond_the_ports_wait_whatever_becomes_of_traefik(programs, traefik, gateway, pages):
    """The rest is the default's 10 minutes: a port has one owner in this test, whoever else waits for it."""
    count = NAMES // 5
    first, second = [f"a{number}" for number in range(count)], [f"b{number}" for number in range(count)]
    third = [f"c{number}" for number in range(NAMES - 2 * count)]
    backends = pages([*first, *second, *third, "tenant"])
    size = count + count // 4
    served = gateway(churn.free_range(size))
    with Visitors(traefik) as visitors:
        one = agent_of(programs, served, "first", first, backends)
        visitors.expect(first)
        visitors.wait_for(first, 30)

        agent_of(programs, served, "second", second, backends)
        harness.wait_until(lambda: len(registered(served)) == size, 30, "the last port")
        lucky = [name for name, _ in registered(served)[count:]]
        assert set(lucky) < set(second)
        visitors.expect(second)
        visitors.wait_for(lucky, 30)
        late = agent_of(programs, served, "third", third, backends)
        visitors.expect(third)
        late.wait_for_line(f"DIG-2010: name '{third[-1]}' has to wait: ", 30)

        # Traefik reads nothing any more, and goes on with routes of names that are gone.
        (traefik.directory / "tenant.yml").write_text("http: {routers: {half")
        assert one.stop() == 0
        visitors.forget(first)
        traefik.program.wait_for_line("error|ERR", 10, lines=traefik.program.out)
        visitors.wait_for(lucky, 10, more=5)
        assert len(registered(served)) == size, "ports rest"

        # Traefik has no routes at all before the file is mended; then another file claims a name of ours.
        traefik.crash()
        (traefik.directory / "tenant.yml").write_text(
            f"http:\n  routers:\n    diglett-{lucky[0]}:\n      rule: Host(`{lucky[0]}.{DOMAIN}`)\n      service: tenant\n"
            "      entryPoints: [web]\n  services:\n    tenant:\n      loadBalancer:\n"
            f"        servers: [{{url: 'http://127.0.0.1:{backends.ports['tenant']}'}}]\n")
        visitors.wait_for(lucky, 10)
        traefik.program.wait_for_line(f"diglett-{lucky[0]}", 10, lines=traefik.program.out)
        assert len(registered(served)) == size, "ports rest"

        # Traefik is gone in the middle of changes, and the names that left come back to their own ports.
        agent_of(programs, served, "first", first, backends)
        visitors.expect(first)
        traefik.crash()
        visitors.wait_for([*first, *lucky], 30, more=3)
    print(f"{NAMES} names, {dict(visitors.statuses)}")
    assert not visitors.wrong, visitors.wrong[:10]
    assert set(name for name, count in visitors.right.items() if count) == {*first, *lucky}
    ports = dict(registered(served))
    assert set(ports) == {*first, *lucky} and len(set(ports.values())) == size
    assert set(registered(served)[:count]) == set(registered(served)[size:]), "each has its own port again"
