#!/usr/bin/python3
"""The benchmark: every variant in one go, interleaved, in a network namespace of its own.

How to read the result: docs/performance.md. scripts/bench builds what this needs and calls it."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from driver import measures, peers, procs, report  # noqa: E402
from driver.netns import own_network  # noqa: E402
from driver.procs import Failed  # noqa: E402
from driver.results import Results, floors  # noqa: E402
from driver.variants import YARDSTICKS, Diglett, Lab  # noqa: E402

IDLE_STREAMS = 10000
IDLE_STREAMS_OF_OTHERS = 2000  # two descriptors a stream in one process, and up to 100 KB
SMOKE_MEASURES = ("bulk.1.backend", "bulk.1.visitor", "ping.idle", "ping.one_core", "connect",
                  "memory")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", "--bin-dir", required=True, metavar="DIR",
                        help="folder with the built programs")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="2 short rounds")
    length.add_argument("--smoke", action="store_true", help="1 short round of a few measures")
    parser.add_argument("--rounds", type=int, help="5 unless told")
    parser.add_argument("--seconds", type=float, help="length of a run; 0.8 unless told")
    parser.add_argument("--placement", choices=("free", "two"), default="two",
                        help="two (default): visitors and gateway on one core, agent and backend on "
                             "another; free: as the scheduler likes")
    parser.add_argument("--peers", action="store_true", help="other tunnels too")
    parser.add_argument("--peer-bin", metavar="DIR", help="where their programs are")
    parser.add_argument("--only", action="append", metavar="NAME",
                        help="only measures whose name begins so (bulk, ping, connect, http, "
                             "memory); repeatable")
    parser.add_argument("--variant", action="append", metavar="NAME",
                        help="only this variant (direct, plain relay, diglett, ...); repeatable")
    parser.add_argument("--json", metavar="FILE", help="raw results")
    parser.add_argument("--table", metavar="FILE",
                        help="tables as Markdown; between the markers where the file has them")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a floor is missed")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    short = arguments.quick or arguments.smoke
    arguments.rounds = arguments.rounds or (1 if arguments.smoke else 2 if short else 5)
    arguments.seconds = arguments.seconds or (0.3 if short else 0.8)
    return arguments


def say(text):
    print(text, file=sys.stderr, flush=True)


def chosen(name, arguments):
    if arguments.only:
        return any(name.startswith(only) for only in arguments.only)
    return not arguments.smoke or name in SMOKE_MEASURES


class Bench:
    def __init__(self, lab, arguments, factories, left_out):
        self.lab, self.arguments, self.left_out = lab, arguments, left_out
        self.factories = factories
        self.random = random.Random(arguments.seed)
        self.results = Results()
        self.measures = [m for m in measures.all_measures() if chosen(m.name, arguments)]
        self.variants = []
        self.names = []

    def run(self):
        try:
            self._start_all()
            self._rounds()
        finally:
            for variant in self.variants:
                variant.stop()
        if chosen("memory", self.arguments):
            self._memory()

    def _targets(self):
        return [port for port in (self.lab.load_port, self.lab.http_port) if port]

    def _start_all(self):
        for factory in list(self.factories):
            variant = factory()
            self.variants.append(variant)
            try:
                variant.start(self.lab, self._targets())
                self.lab.place(variant)
                self.names.append(variant.name)
            except Failed as error:
                self._leave_out(variant, str(error))
                self.factories.remove(factory)

    def _leave_out(self, variant, reason):
        say(f"left out: {variant.name}: {reason}")
        self.left_out[variant.name] = reason
        variant.stop()
        self.variants.remove(variant)

    def _rounds(self):
        number, good = 0, 0
        while good < self.arguments.rounds and number < 2 * self.arguments.rounds:
            number += 1
            say(f"round {number}")
            if self._round(number):
                good += 1
            else:
                say(f"round {number} is void: the plain relay was below a quarter of direct")
                self.results.void_rounds.append(number)

    def _round(self, number):
        for measure in self.measures:
            order = list(self.variants)
            self.random.shuffle(order)
            for variant in order:
                self._measure(number, measure, variant)
            if self.results.is_void(number):
                return False
        return True

    def _measure(self, number, measure, variant):
        run = {"round": number, "measure": measure.name, "variant": variant.name, "values": {}}
        foreign = procs.ForeignCpu()
        try:
            run["values"] = measure.run(self.lab, variant, self.arguments.seconds)
        except Failed as error:
            run["error"] = str(error)
            say(f"{measure.name}, {variant.name}: {error}")
        run["foreign_cores"] = foreign.cores()
        self.results.add(run)

    def _memory(self):
        for factory in self.factories:
            variant = factory()
            if not variant.name == "direct":
                say(f"memory, {variant.name}")
                self._memory_of(factory)

    def _memory_of(self, factory):
        """Three fresh instances of ours, one of the others; numbered as the first rounds that
        count."""
        rounds = self.results.rounds() or [1]
        ours = factory is Diglett
        for number in rounds[:3] if ours else rounds[:1]:
            variant = factory()
            count = IDLE_STREAMS if ours else IDLE_STREAMS_OF_OTHERS
            count = count // 10 if self.arguments.smoke else count
            try:
                variant.start(self.lab, [self.lab.load_port])
                self._measure(number, measures.Memory(count), variant)
            except Failed as error:
                say(f"memory, {variant.name}: {error}")
                self.results.add({"round": number, "measure": "memory", "variant": variant.name,
                                  "values": {}, "error": str(error), "foreign_cores": 0.0})
            finally:
                variant.stop()


def not_asked(arguments, factories):
    """What --smoke, --only and --variant leave out, for the report."""
    names = [m.name for m in measures.all_measures()] + ["memory"]
    missing = [name for name in names if not chosen(name, arguments)]
    told = [f"measures {', '.join(missing)}"] if missing else []
    return told + [f"variant {f().name}" for f in factories if f().name not in arguments.variant] \
        if arguments.variant else told


def version():
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "an unknown version"


def finish(arguments, bench, facts):
    metrics = [metric for m in measures.all_measures() + [measures.Memory(1)] for metric in
               m.metrics]
    checked = floors(bench.results)
    told = report.Report(facts, bench.results, checked, metrics, bench.names, bench.left_out)
    print("\n".join(told.lines()) if arguments.smoke else told.text(), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            file.write(told.json())
    if arguments.table:
        told.write_table(arguments.table)
    failures = bench.results.failures({f().name for f in YARDSTICKS}, bench.left_out)
    for failure in failures:
        say(f"failed: {failure}")
    missed = [floor for floor in checked if floor.verdict != "pass"]
    if failures:
        return 1
    return 1 if arguments.gate and missed else 0


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    factories, left_out = list(YARDSTICKS), {}
    if arguments.peers or arguments.peer_bin:
        found, left_out = peers.available(arguments.peer_bin, say)  # needs the network
        factories += found
    omitted = not_asked(arguments, factories)
    if arguments.variant:
        factories = [f for f in factories if f().name in arguments.variant]
    procs.raise_descriptor_limit()
    with own_network() as congestion_control, tempfile.TemporaryDirectory() as folder:
        say(f"congestion control: {congestion_control}")
        lab = Lab(os.path.abspath(arguments.bin), folder, arguments.placement)
        try:
            lab.start_backends()
            bench = Bench(lab, arguments, factories, left_out)
            bench.run()
        finally:
            lab.stop_backends()
    facts = {**report.machine(congestion_control), "version": version(),
             "seconds": arguments.seconds, "placement": arguments.placement, "seed": arguments.seed,
             "variants": {f().name: f().describe for f in factories},
             "not_asked": omitted,
             "took_seconds": round(time.monotonic() - started, 1)}
    return finish(arguments, bench, facts)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failed, OSError) as problem:
        sys.exit(f"benchmark: {problem}")
