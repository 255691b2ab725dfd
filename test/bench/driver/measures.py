"""What is measured of each variant. A measure is run once a round for every variant and gives the
values of one or several metrics."""

import json
import re
import select
import shutil
import time

from . import procs
from .procs import Failed
from .variants import HOST

MESSAGE_BYTES = 64
PARALLEL_CONNECTIONS = 32
HTTP_CONNECTIONS = 32
HOLDERS = 4
BULK_WARMUP_SECONDS = 0.25


class Metric:
    """A row of the tables. `better` is "more" or "less"."""

    def __init__(self, key, title, unit, better):
        self.key, self.title, self.unit, self.better = key, title, unit, better


def _settle(lab, variant):
    """Waits until what lies in buffers has drained, so that no run pays for the one before."""
    pids = variant.middle() + [lab.backend.pid]
    before, end = procs.cpu_seconds(pids), time.monotonic() + 3
    while time.monotonic() < end:
        time.sleep(0.03)
        now = procs.cpu_seconds(pids)
        if now - before < 0.001:
            return
        before = now


def _load(lab, mode, port, *options):
    return [lab.program("bench_load"), mode, f"{HOST}:{port}", *options]


def _bulk_command(lab, variant, toward, streams, seconds, warmup=BULK_WARMUP_SECONDS):
    return _load(lab, "bulk", variant.ports[0], "--counter", f"{HOST}:{lab.load_port}",
                 "--toward", toward, "--count", streams, "--ms", int(seconds * 1000),
                 "--warmup-ms", int(warmup * 1000))


def _ping(lab, variant, seconds, cpus=None):
    command = _load(lab, "ping", variant.ports[0], "--size", MESSAGE_BYTES, "--ms",
                    int(seconds * 1000))
    return json.loads(procs.run(command, seconds + 15, cpus or lab.front))


class Bulk:
    def __init__(self, streams, toward):
        self.name = f"bulk.{streams}.{toward}"
        self.streams, self.toward = streams, toward
        noun = "stream" if streams == 1 else "streams"
        self.metrics = [Metric(self.name, f"bulk, {streams} {noun} toward {toward}", "GB/s",
                               "more")]
        if streams == 1:
            self.metrics.append(Metric(f"cpu.{toward}", f"CPU of both sides, toward {toward}",
                                       "s/GB", "less"))

    def run(self, lab, variant, seconds):
        before = procs.cpu_seconds(variant.middle())
        command = _bulk_command(lab, variant, self.toward, self.streams, seconds)
        result = json.loads(procs.run(command, seconds + 15, lab.front))
        _settle(lab, variant)
        values = {self.name: result["gb_per_s"], "slowest_share": result["slowest_share"]}
        if self.streams == 1 and variant.middle():
            used = procs.cpu_seconds(variant.middle()) - before
            values[f"cpu.{self.toward}"] = used / (result["moved_bytes"] / 1e9)
        return values


class Ping:
    """Round trips on one connection: with nothing else, or with everything on one core."""

    def __init__(self, name, title):
        self.name = name
        self.metrics = [Metric(f"{name}.p50", f"{title}, p50", "us", "less"),
                        Metric(f"{name}.p99", f"{title}, p99", "us", "less")]

    def values(self, result):
        return {f"{self.name}.p50": result["p50_us"], f"{self.name}.p99": result["p99_us"]}

    def run(self, lab, variant, seconds):
        return self.values(_ping(lab, variant, seconds))


class PingOneCore(Ping):
    def run(self, lab, variant, seconds):
        everything = variant.middle() + [lab.backend.pid]
        procs.pin(everything, lab.one_core)
        try:
            return self.values(_ping(lab, variant, seconds, lab.one_core))
        finally:
            lab.place(variant)


class PingUnderBulk(Ping):
    """The same beside one bulk stream through the same entry."""

    def __init__(self, name, title, toward):
        super().__init__(name, title)
        self.toward = toward

    def run(self, lab, variant, seconds):
        command = _bulk_command(lab, variant, self.toward, 1, seconds + 0.3)
        bulk = procs.start_tool(command, lab.front)
        try:
            time.sleep(BULK_WARMUP_SECONDS + 0.1)
            values = self.values(_ping(lab, variant, seconds))
            output, errors = bulk.communicate(timeout=20)
        finally:
            bulk.kill()
        if bulk.returncode != 0:
            raise Failed(f"bulk beside the ping failed: {errors.strip()[-200:]}")
        _settle(lab, variant)
        return {**values, "bulk_beside": json.loads(output)["gb_per_s"]}


class Connections:
    name = "connect"
    metrics = [Metric("connect", f"new connections, {PARALLEL_CONNECTIONS} at a time", "1/s",
                      "more")]

    def run(self, lab, variant, seconds):
        command = _load(lab, "connect", variant.ports[0], "--count", PARALLEL_CONNECTIONS, "--ms",
                        int(seconds * 1000))
        result = json.loads(procs.run(command, seconds + 15, lab.front))
        _settle(lab, variant)
        if result["failed"] > 0:
            raise Failed(f"{result['failed']} connections failed")
        return {"connect": result["per_s"], "connect.p99_us": result["p99_us"]}


class Http:
    name = "http"
    metrics = [Metric("http", f"HTTP keep-alive, wrk -c{HTTP_CONNECTIONS}, nginx, 1 KiB", "1/s",
                      "more")]

    def run(self, lab, variant, seconds):
        if not lab.nginx or not shutil.which("wrk"):
            raise Failed("nginx and wrk are not both installed")
        url = f"http://{HOST}:{variant.ports[1]}/page"
        length = max(1, round(seconds))
        output = procs.run(["wrk", "-t1", f"-c{HTTP_CONNECTIONS}", f"-d{length}s", url],
                           length + 15, lab.front)
        wrong = re.search(r"(Non-2xx|Socket errors).*", output)
        if wrong:
            raise Failed(wrong.group(0))
        return {"http": float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))}


class Memory:
    """Resident bytes per idle stream of a fresh instance, one byte each way having passed."""

    name = "memory"
    metrics = [Metric("memory.gateway", "memory per idle stream, gateway", "B", "less"),
               Metric("memory.agent", "memory per idle stream, agent", "B", "less")]

    def __init__(self, streams):
        self.streams = streams

    def run(self, lab, variant, _seconds):
        _ping(lab, variant, 0.1)  # what is set up once, at the first use, is not counted
        before = self._resident(variant)
        holders = [procs.start_tool(_load(lab, "hold", variant.ports[0], "--count",
                                          self.streams // HOLDERS), lab.front)
                   for _ in range(HOLDERS)]
        try:
            for holder in holders:
                self._wait_until_held(holder)
            time.sleep(0.5)
            after = self._resident(variant)
        finally:
            for holder in holders:
                holder.kill()
                holder.wait()
        held = self.streams // HOLDERS * HOLDERS
        return {"memory.streams": held,
                **{key: (after[key] - before[key]) / held for key in before}}

    @staticmethod
    def _resident(variant):
        return {"memory.gateway": procs.rss_bytes([p.pid for p in variant.gateway]),
                "memory.agent": procs.rss_bytes([p.pid for p in variant.agent])}

    @staticmethod
    def _wait_until_held(holder):
        end = time.monotonic() + 60
        while not select.select([holder.stdout], [], [], 0.1)[0]:
            if time.monotonic() > end:
                raise Failed("the idle streams were not all open after 60 s")
        if not holder.stdout.readline():
            raise Failed(f"idle streams: {holder.stderr.read().strip()[-200:]}")


def all_measures():
    """Those of a round, the two that may void it first."""
    measures = [Bulk(streams, toward) for streams in (1, 8, 64) for toward in
                ("backend", "visitor")]
    return measures + [
        Ping("ping.idle", f"{MESSAGE_BYTES} B round trip"),
        PingOneCore("ping.one_core", f"{MESSAGE_BYTES} B round trip, all on one core"),
        PingUnderBulk("ping.bulk.backend", f"{MESSAGE_BYTES} B round trip beside bulk toward backend",
                      "backend"),
        PingUnderBulk("ping.bulk.visitor", f"{MESSAGE_BYTES} B round trip beside bulk toward visitor",
                      "visitor"),
        Connections(), Http()]
