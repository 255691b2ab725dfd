"""Everything that is judged without running it. Used by scripts/lint and by tools/run_tests.py."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "lint"
JOBS = os.cpu_count() or 2


class Failed(Exception):
    """A check that found something; the text says what."""


def run(command, **options):
    """The output of a command; raises Failed with it when the command does."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)
    if done.returncode != 0:
        raise Failed(done.stdout.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def sources(*suffixes, top=("src", "test", "cmake", "examples")):
    return sorted(p for t in top for p in (ROOT / t).rglob("*") if p.suffix in suffixes)


def each(function, items):
    """Runs function over items in parallel; raises Failed with all that it returned."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        found = [text for text in pool.map(function, items) if text]
    if found:
        raise Failed("\n".join(found))


def compile_commands():
    """Compile commands without precompiled headers, by path; configures build/lint for them."""
    run(["cmake", "--preset", "dev", "-B", str(BUILD), "-DDIGLETT_PCH=OFF"])
    run(["cmake", "--build", str(BUILD), "--target", "diglett_version"])
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    return {pathlib.Path(entry["file"]): entry for entry in entries}


def check_format():
    """clang-format"""

    def formatted(path):
        done = subprocess.run(["clang-format-19", str(path)], stdout=subprocess.PIPE, check=True)
        if done.stdout != path.read_bytes():
            return f"{path.relative_to(ROOT)} is not formatted; scripts/lint --fix does it"
        return None

    each(formatted, sources(".hpp", ".cpp"))


def check_shell():
    """shell syntax"""
    for script in sorted((ROOT / "scripts").iterdir()):
        if script.is_file():
            run(["bash", "-n", str(script)])


def check_layers():
    """layer directions"""
    run([sys.executable, "tools/check_layers"])


def check_coroutines():
    """coroutine habits"""
    run([sys.executable, "tools/check_coroutines"])


def check_tools():
    """tests of the tools"""
    for path in sorted((ROOT / "tools").glob("*_test.py")):
        run([sys.executable, str(path)])


def header_command(header, commands):
    """How a header's own source, or else any source of its folder or of the tree, is compiled."""
    own = [header.with_suffix(".cpp"), header.with_name(header.stem + "_test.cpp")]
    beside = [p for p in commands if p.parent == header.parent]
    tests = [p for p in commands if p.name.endswith("_test.cpp")]
    # What test/support holds is for tests, whatever programs lie beside it.
    near = own + (tests + beside if header.parent.name == "support" else beside + tests)
    entry = next((commands[p] for p in near if p in commands), None)
    if entry is None:
        return None
    words = [w for w in shlex.split(entry["command"])]
    while not os.path.basename(words[0]).startswith(("clang", "g++", "c++")):
        words.pop(0)  # ccache and its settings
    keep = [w for w in words[:words.index("-o")] if w != "-c"]
    return keep + [f"-I{ROOT}", "-fsyntax-only", "-Wno-pragma-once-outside-header", "-x", "c++"]


def check_headers():
    """each header compiles alone, behind #pragma once"""
    commands = compile_commands()

    def alone(header):
        text = header.read_text()
        name = header.relative_to(ROOT)
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            return f"{name}: no #pragma once"
        command = header_command(header, commands)
        if command is None:
            return None
        done = subprocess.run([*command, str(header)], cwd=BUILD, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        return f"{name} does not compile alone:\n{done.stdout}" if done.returncode else None

    each(alone, sources(".hpp", top=("src", "test")))


def check_tidy():
    """clang-tidy, every source of src/ but the tests"""
    commands = compile_commands()
    files = [p for p in commands if (ROOT / "src") in p.parents and not p.name.endswith("_test.cpp")]

    def tidy(path):
        done = subprocess.run(
            ["clang-tidy-19", "--quiet", "--use-color=false", "-p", str(BUILD), str(path)], cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
        return done.stdout.strip() or f"{path}: clang-tidy failed" if done.returncode else None

    each(tidy, sorted(files))


QUICK = [check_format, check_shell, check_layers, check_coroutines, check_tools]
CHECKS = QUICK + [check_headers, check_tidy]


def judge(check):
    """Runs a check: (its name, what it found or None, seconds)."""
    begin = time.monotonic()
    try:
        check()
        found = None
    except Failed as failure:
        found = str(failure)
    return check.__doc__, found, time.monotonic() - begin


def main(arguments):
    if unknown := set(arguments) - {"--fix", "--quick"}:
        print(f"lint: unknown option {' '.join(unknown)} (there are --fix and --quick)", file=sys.stderr)
        return 2
    if "--fix" in arguments:
        run(["clang-format-19", "-i", *map(str, sources(".hpp", ".cpp"))])
    failures = 0
    for check in QUICK if "--quick" in arguments else CHECKS:
        name, found, seconds = judge(check)
        print(f"{'FAILED' if found else 'ok':6} {name} ({seconds:.1f} s)", flush=True)
        if found:
            failures += 1
            print(found, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
