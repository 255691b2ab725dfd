"""Figures out of the runs: medians, spreads, ratios within a round, floors."""

import statistics

BASE = "plain relay"
OURS = "diglett"
TLS_BASE = "asio TLS relay"
VOID_BELOW = 0.25
QUIET_CORES = 0.1  # a single busy core beside the run already turns the order of variants around


class Spread:
    """Median, least and greatest of some values."""

    def __init__(self, values):
        self.median = statistics.median(values)
        self.low, self.high = min(values), max(values)

    def as_dict(self):
        return {"median": self.median, "min": self.low, "max": self.high}


class Results:
    """`runs` are dictionaries: round, measure, variant, values or error."""

    def __init__(self):
        self.runs = []
        self.void_rounds = []

    def add(self, run):
        self.runs.append(run)

    def value(self, round_number, variant, key):
        for run in self.runs:
            if (run["round"], run["variant"]) == (round_number, variant) and key in run["values"]:
                return run["values"][key]
        return None

    def rounds(self):
        return sorted({run["round"] for run in self.runs} - set(self.void_rounds))

    def is_void(self, round_number):
        """Whether something disturbed the round so much that even the plain relay got nowhere."""
        for toward in ("backend", "visitor"):
            direct = self.value(round_number, "direct", f"bulk.1.{toward}")
            relay = self.value(round_number, BASE, f"bulk.1.{toward}")
            if direct and relay and relay < VOID_BELOW * direct:
                return True
        return False

    def spread(self, variant, key):
        values = [self.value(number, variant, key) for number in self.rounds()]
        values = [value for value in values if value is not None]
        return Spread(values) if values else None

    def pairs(self, variant, base, key):
        """(variant's, base's) value of each round that has both."""
        found = [(self.value(number, variant, key), self.value(number, base, key))
                 for number in self.rounds()]
        return [pair for pair in found if None not in pair and pair[1] != 0]

    def ratio(self, variant, base, key):
        ratios = [mine / other for mine, other in self.pairs(variant, base, key)]
        return Spread(ratios) if ratios else None

    def difference(self, variant, base, key):
        differences = [mine - other for mine, other in self.pairs(variant, base, key)]
        return Spread(differences) if differences else None

    def errors(self):
        seen = {}
        for run in self.runs:
            if run.get("error"):
                seen.setdefault((run["measure"], run["variant"]), run["error"])
        return seen

    def failures(self, required, left_out):
        """Why the figures of the variants in `required` are not complete; empty when they are. Any other
        variant may be missing, and what a void round met does not count."""
        found = [f"{name}: {reason}" for name, reason in left_out.items() if name in required]
        found += [f"{run['measure']}, {run['variant']}: {run['error']}" for run in self.runs
                  if run.get("error") and run["variant"] in required
                  and run["round"] not in self.void_rounds]
        return found if self.rounds() else found + ["no round counts"]

    def foreign_cores(self):
        cores = [run["foreign_cores"] for run in self.runs if run["round"] in self.rounds()]
        return Spread(cores) if cores else None

    def was_quiet(self):
        foreign = self.foreign_cores()
        return foreign is not None and foreign.median <= QUIET_CORES


class Floor:
    def __init__(self, text, seen, limit, at_least):
        self.text, self.seen, self.limit, self.at_least = text, seen, limit, at_least

    @property
    def verdict(self):
        if self.seen is None:
            return "not measured"
        good = self.seen >= self.limit if self.at_least else self.seen <= self.limit
        return "pass" if good else "FAIL"

    def line(self):
        seen = "-" if self.seen is None else f"{self.seen:.2f}"
        sign = ">=" if self.at_least else "<="
        return f"{self.verdict:12}  {self.text}: {seen} (floor {sign} {self.limit:g})"

    def as_dict(self):
        return {"text": self.text, "seen": self.seen, "limit": self.limit,
                "at_least": self.at_least, "verdict": self.verdict}


def _median(spread):
    return spread.median if spread else None


def floors(results):
    found = []
    for toward in ("backend", "visitor"):
        key = f"bulk.1.{toward}"
        for base, limit in ((BASE, 0.45), (TLS_BASE, 1.3)):
            found.append(Floor(f"bulk, one stream toward {toward}, over the {base}",
                               _median(results.ratio(OURS, base, key)), limit, True))
    found.append(Floor(f"round trip p50 on one core, us more than the {BASE}",
                       _median(results.difference(OURS, BASE, "ping.one_core.p50")), 40, False))
    found.append(Floor(f"new connections, over the {BASE}",
                       _median(results.ratio(OURS, BASE, "connect")), 0.8, True))
    for side in ("gateway", "agent"):
        found.append(Floor(f"bytes resident per idle stream, {side}",
                           _median(results.spread(OURS, f"memory.{side}")), 4096, False))
    return found
