"""Runs every check and test of the tree, step by step, and counts them. scripts/test calls it.

A step whose files do not exist is left out of a whole run; one asked for by name has failed. A failure never
ends the run: the last line says how many passed and failed over all steps, and the exit code is 1 when one
failed or nothing was counted.
"""
import os
import pathlib
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ElementTree

import lint

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
RESULTS = BUILD / "results"
PROGRAMS = ("diglett", "diglett-server")
DRIVERS = ("custom_gateway", "grid_driver", "traefik_driver")  # what integration tests drive besides

STEP_SECONDS = 1200  # a step that takes longer is ended and has failed
TAIL_LINES = 150  # of what a failed command said
WORKERS = min(4, 1 + (os.cpu_count() or 1))  # integration tests at a time; harness.py has ports for four
SANITIZED_SCALE = "0.1"  # share of the full load that integration tests use under a sanitizer
SANITIZED_TIME_SCALE = "6"  # and how much longer they wait
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Counts:
    """How many of what a step ran passed, failed and were skipped."""

    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


PASSED, FAILED, SKIPPED = Counts(passed=1), Counts(failed=1), Counts(skipped=1)


def say(text):
    print(text, flush=True)


def run(command, env=None, quiet=True, seconds=STEP_SECONDS):
    """Runs a command with its own process group; (exit code, output). The group ends with it."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = f"ended after {seconds} s"
        finally:
            end_group(process)
        output.seek(0)
        text = output.read()
    if code != 0 and quiet:
        say("\n".join(["", f"$ {' '.join(map(str, command))}"] + text.splitlines()[-TAIL_LINES:]))
        say(f"exit code {code}\n")
    return code, text


def end_group(process):
    """Ends what a command of ours left running in the process group made for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.2)
    process.wait()


def worked(*command, **options):
    """One check: a command that must end with 0."""
    return PASSED if run(command, **options)[0] == 0 else FAILED


def read_junit(path):
    """The counts of a JUnit report (pytest, GoogleTest, ctest), or None when there is none."""
    try:
        cases = ElementTree.parse(path).getroot().iter("testcase")
    except (OSError, ElementTree.ParseError):
        return None
    counts = Counts()
    for case in cases:
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            counts += FAILED
        elif "skipped" in kinds or case.get("status") in ("notrun", "disabled"):
            counts += SKIPPED
        else:
            counts += PASSED
    return counts


def build(preset, *targets):
    """Configures and builds; True when it worked, else the output has been shown."""
    begin = time.monotonic()
    target = ["--target", *targets] if targets else []
    good = (run(["cmake", "--preset", preset])[0] == 0
            and run(["cmake", "--build", "--preset", preset, *target])[0] == 0)
    say(f"   {'built' if good else 'FAILED to build'} {preset} ({time.monotonic() - begin:.0f} s)")
    return good


def ctest(preset, label):
    """The tests of a preset, each GoogleTest case counted."""
    folder = RESULTS / f"{preset}-{label}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = folder / "ctest.junit"
    code, _ = run(["ctest", "--preset", preset, "-L", f"^{label}$", "--output-junit", report],
                  env={"GTEST_OUTPUT": f"xml:{folder}/"})
    counts = Counts()
    for case in ElementTree.parse(report).getroot().iter("testcase") if report.exists() else ():
        inner = read_junit(folder / f"{case.get('name')}.xml")
        failed = any(child.tag == "failure" for child in case)
        counts += inner or (FAILED if failed else PASSED)
        if inner and failed and not inner.failed:
            counts += FAILED  # it ended badly after its last test: a crash or a leak
    if code != 0 and not counts.failed:
        counts += FAILED
    return counts


def pytest(name, folder, env=None, marks=None, workers=0):
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    select = ["-m", marks] if marks else []
    beside = ["-n", str(workers), "--dist", "loadfile"] if workers else []
    code, _ = run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "--durations=5", f"--junitxml={report}", *select, *beside, folder], env=env)
    counts = read_junit(report) or Counts()
    if code != 0 and not counts.failed:
        counts += FAILED
    return counts


def integration(preset, scale=None):
    """Most of the tests wait most of the time, so they run side by side; those marked `alone` follow."""
    env = {"DIGLETT_BIN_DIR": str(BUILD / preset / "bin")}
    fitting = ""
    if scale:
        env |= {"DIGLETT_SCALE": scale, "DIGLETT_TIME_SCALE": SANITIZED_TIME_SCALE, **SANITIZER_OPTIONS}
        fitting = " and not full_size"
    counts = pytest(f"integration-{preset}", "test/integration", env, "not alone" + fitting, WORKERS)
    counts += pytest(f"integration-{preset}-alone", "test/integration", env, "alone" + fitting)
    return counts


def step_lint():
    """format, layers, coroutines, headers alone, clang-tidy"""
    counts = Counts()
    for check in lint.CHECKS:
        name, found, seconds = lint.judge(check)
        say(f"   {'FAILED' if found else 'ok'} {name} ({seconds:.1f} s)")
        if found:
            say(found)
        counts += FAILED if found else PASSED
    return counts


def step_unit():
    """unit tests, plain build"""
    return ctest("dev", "unit") if build("dev") else FAILED


def step_release():
    """release build: hardened, installs, says its version"""
    if not build("release", *PROGRAMS):
        return FAILED
    counts = Counts()
    with tempfile.TemporaryDirectory() as prefix:
        counts += worked("cmake", "--install", "build/release", "--prefix", prefix)
        for program in PROGRAMS:
            binary = pathlib.Path(prefix, "bin", program)
            counts += worked(binary, "--version")
            counts += hardened(binary)
        for name in ("LICENSE", "NOTICE"):
            counts += PASSED if list(pathlib.Path(prefix).rglob(name)) else FAILED
    return counts


def hardened(binary):
    """Position independent, everything relocated read-only, stack protector and fortified calls."""
    _, text = run(["readelf", "--wide", "-hdlr", "--dyn-syms", binary], quiet=False)
    wanted = {
        "PIE": r"Type:\s+DYN", "RELRO": r"GNU_RELRO", "immediate binding": r"\bNOW\b",
        "a stack that cannot run": r"GNU_STACK.* RW ", "the stack protector": r"__stack_chk_fail",
        "fortified calls": r"__\w+_chk\b(?<!stack_chk)",
    }
    missing = [what for what, pattern in wanted.items() if not re.search(pattern, text)]
    if missing:
        say(f"   {binary.name} lacks {', '.join(missing)}")
    return FAILED if missing else PASSED


def step_demo():
    """scripts/demo --check"""
    return worked("scripts/demo", "--check", env={"DIGLETT_SKIP_BOOTSTRAP": "1"})


def step_integration():
    """real programs behind the tunnel and the commands in the documents, release build"""
    return integration("release") if build("release", *PROGRAMS, *DRIVERS) else FAILED


def step_traefik():
    """routes in a real Traefik, whose path is TRAEFIK"""
    if not os.environ.get("TRAEFIK"):
        say("   skipped: TRAEFIK names no Traefik")
        return SKIPPED
    env = {"DIGLETT_BIN_DIR": str(BUILD / "release" / "bin")}
    return pytest("traefik", "test/traefik", env) if build("release", *PROGRAMS, *DRIVERS) else FAILED


def sanitized(preset):
    if not build(preset):
        return FAILED
    counts = ctest(preset, "unit")
    say(f"   unit: {counts}")
    if (ROOT / "test" / "integration").is_dir():
        counts += integration(preset, SANITIZED_SCALE)
    return counts


def step_asan():
    """address and undefined behaviour sanitizers: unit tests, then a tenth of the integration load"""
    return sanitized("asan")


def step_tsan():
    """thread sanitizer: the same"""
    return sanitized("tsan")


def step_fuzz():
    """every fuzz target for some seconds, corpus and old crashes first"""
    _, text = run(["scripts/fuzz", "--smoke"], env={"DIGLETT_SKIP_BOOTSTRAP": "1"})
    say("   " + "\n   ".join(line for line in text.splitlines() if line.startswith(("passed", "failed"))))
    counts = Counts(passed=len(re.findall(r"^passed fuzz_", text, re.MULTILINE)),
                    failed=len(re.findall(r"^failed fuzz_", text, re.MULTILINE)))
    return counts if counts.passed + counts.failed else FAILED


def step_soak():
    """the long transfers, short"""
    return worked("scripts/soak", "--smoke", env={"DIGLETT_SKIP_BOOTSTRAP": "1"})


def step_bench():
    """the benchmark runs from end to end"""
    if os.geteuid() != 0:
        say("   skipped: it needs root for a network namespace of its own")
        return SKIPPED
    return worked("scripts/bench", "--smoke", env={"DIGLETT_SKIP_BOOTSTRAP": "1"})


# Each with the file or folder that must exist for it.
STEPS = {
    "lint": (step_lint, "tools/lint.py"),
    "release": (step_release, "src/app/agent_main.cpp"),
    "demo": (step_demo, "src/app/agent_main.cpp"),
    "unit": (step_unit, "src"),
    "integration": (step_integration, "test/integration"),
    "traefik": (step_traefik, "test/traefik"),
    "asan": (step_asan, "src"),
    "tsan": (step_tsan, "src"),
    "fuzz": (step_fuzz, "test/fuzz"),
    "soak": (step_soak, "test/soak/run.py"),
    "bench": (step_bench, "test/bench/run.py"),
}


def survive(step):
    """What a step counted, and one failure when it ended with an exception or counted nothing: a program that is
    missing, a report half written. The steps after it are to run."""
    try:
        counts = step()
    except Exception:
        say(traceback.format_exc())
        return FAILED
    return counts if counts.passed or counts.failed or counts.skipped else FAILED


def main(names):
    if "--list" in names or "--help" in names or "-h" in names:
        for name, (step, _) in STEPS.items():
            say(f"{name:12} {step.__doc__}")
        return 0
    if unknown := [name for name in names if name not in STEPS]:
        say(f"test: no step {', '.join(unknown)}; scripts/test --list shows them")
        return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    begin, total, summary = time.monotonic(), Counts(), []
    for name in names or STEPS:
        step, needs = STEPS[name]
        exists = (ROOT / needs).exists()
        if not exists and not names:
            continue
        say(f"== {name}: {step.__doc__}")
        started = time.monotonic()
        if exists:
            counts = survive(step)
        else:
            say(f"   there is no {needs}")
            counts = FAILED
        total += counts
        summary.append(f"{name:12} {time.monotonic() - started:6.0f} s   {counts}")
        say(f"   {summary[-1]}")
    say("\n".join(["", "== all", *summary, f"{'together':12} {time.monotonic() - begin:6.0f} s"]))
    say(str(total))
    return 1 if total.failed or not (total.passed or total.skipped) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
