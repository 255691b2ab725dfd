"""The results as text: tables for the terminal and for docs/performance.md, raw data as JSON."""

import json
import os
import platform
import re
import subprocess

from .results import BASE

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def kernel_number(release):
    """The number alone: the rest of a release may name the machine."""
    return re.match(r"[\d.]*", release).group().rstrip(".") or "unknown"


def machine(congestion_control):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False)
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "kernel": kernel_number(platform.release()), "congestion_control": congestion_control,
            "openssl": openssl.stdout.strip()}


def _number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) < 10 else \
        f"{value:.1f}"


def _cell(spread, unit=""):
    if spread is None:
        return "-"
    text = f"{_number(spread.median)}{unit}"
    if spread.low == spread.high:
        return text
    return f"{text} ({_number(spread.low)}–{_number(spread.high)})"


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def ratio_table(results, metrics, variants):
    others = [name for name in variants if name != BASE]
    rows = []
    for metric in metrics:
        if metric.key.startswith("memory"):
            continue  # a thread's share of a few pages is no yardstick
        cells = [_cell(results.ratio(name, BASE, metric.key)) for name in others]
        if any(cell != "-" for cell in cells):
            rows.append([f"{metric.title} ({metric.better} is better)"] + cells)
    return _table([f"times the {BASE}"] + others, rows)


def value_table(results, metrics, variants):
    rows = []
    for metric in metrics:
        cells = [_cell(results.spread(name, metric.key)) for name in variants]
        if any(cell != "-" for cell in cells):
            rows.append([f"{metric.title}, {metric.unit}"] + cells)
    return _table(["measured"] + variants, rows)


class Report:
    def __init__(self, facts, results, floors, metrics, variants, left_out):
        self.facts, self.results, self.floors = facts, results, floors
        self.metrics, self.variants, self.left_out = metrics, variants, left_out

    def _notes(self):
        facts, results = self.facts, self.results
        lines = [f"Machine: {facts['cpu']}, {facts['cores']} cores, kernel {facts['kernel']}, "
                 f"{facts['openssl']}; congestion control {facts['congestion_control']}.",
                 f"Built from {facts['version']}; {len(results.rounds())} rounds of "
                 f"{facts['seconds']:g} s a run, placement {facts['placement']}, {len(results.void_rounds)} void; median "
                 "(least–greatest); order drawn with seed "
                 f"{facts['seed']}."]
        foreign = results.foreign_cores()
        if foreign:
            lines.append(f"CPU used by others meanwhile: {foreign.median:.2f} cores in the median "
                         f"run, {foreign.high:.2f} in the worst.")
            if not results.was_quiet():
                lines.append("**The machine was not quiet: do not trust these figures.**")
        return lines

    def _missing(self):
        lines = [f"- not measured, as asked: {what}" for what in self.facts.get("not_asked", ())]
        lines += [f"- not measured: {name}: {reason}" for name, reason in self.left_out.items()]
        return lines + [f"- no figure: {measure}, {variant}: {error}" for (measure, variant), error
                        in self.results.errors().items()]

    def markdown(self):
        floor_rows = [[floor.text, "-" if floor.seen is None else _number(floor.seen),
                       f"{'≥' if floor.at_least else '≤'} {floor.limit:g}", floor.verdict]
                      for floor in self.floors]
        parts = [self._notes(), _table(["floor", "seen", "asked", ""], floor_rows),
                 ratio_table(self.results, self.metrics, self.variants),
                 value_table(self.results, self.metrics, self.variants), self._missing()]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def text(self):
        parts = [ratio_table(self.results, self.metrics, self.variants),
                 value_table(self.results, self.metrics, self.variants),
                 self._notes() + self._missing(), [floor.line() for floor in self.floors]]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def lines(self):
        """One line a measured metric."""
        for metric in self.metrics:
            for name in self.variants:
                spread = self.results.spread(name, metric.key)
                if spread:
                    yield f"{metric.title}, {name}: {_cell(spread)} {metric.unit}"
        yield from self._missing()

    def json(self):
        results = self.results
        summary = {}
        for metric in self.metrics:
            for name in self.variants:
                spread = results.spread(name, metric.key)
                if spread:
                    entry = summary.setdefault(metric.key, {"unit": metric.unit})
                    ratio = results.ratio(name, BASE, metric.key)
                    entry[name] = {**spread.as_dict(),
                                   "ratio": ratio.as_dict() if ratio else None}
        return json.dumps({"facts": self.facts, "summary": summary,
                           "floors": [floor.as_dict() for floor in self.floors],
                           "left_out": self.left_out, "void_rounds": results.void_rounds,
                           "runs": results.runs}, indent=1) + "\n"

    def write_table(self, path):
        """Between the markers of a page that has them, else the whole file."""
        page = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                page = file.read()
        if BEGIN in page and END in page:
            head, rest = page.split(BEGIN, 1)
            tail = rest.split(END, 1)[1]
            page = f"{head}{BEGIN}\n{self.markdown()}{END}{tail}"
        else:
            page = self.markdown()
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
