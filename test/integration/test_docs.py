"""What the documents tell a reader to type does what they say.

A fenced block marked `sh` is run, in an empty folder, with the programs in PATH. One marked `sh skip: REASON` is
not, and must say why. Blocks marked `toml` and the files of examples/ are validated with `check`.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import harness

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^(?P<mark>```+|~~~+)(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=mark)\s*$", re.MULTILINE | re.DOTALL)
SKIP = re.compile(r"sh skip: \S+ \S+")
# What a block of another kind may be. A block without any mark could hide commands.
OTHER_KINDS = {"toml", "text", "cpp", "json", "dockerfile", "ini"}


def blocks():
    for document in DOCUMENTS:
        text = document.read_text()
        for found in FENCE.finditer(text):
            line = text[:found.start()].count("\n") + 1
            yield f"{document.relative_to(ROOT)}:{line}", found["info"].strip(), found["text"]


BLOCKS = list(blocks())
COMMANDS = {where: text for where, info, text in BLOCKS if info == "sh"}
TOML = {where: text for where, info, text in BLOCKS if info == "toml"}


def run(command, folder, **options):
    surroundings = {"PATH": f"{harness.bin_dir()}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C",
                    "STATE_DIRECTORY": str(folder / "state")}
    return subprocess.run(command, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=harness.scaled(60), check=False, **options)


def test_there_is_something_to_test():
    assert any(where.startswith("README.md") for where in COMMANDS) and TOML


@pytest.mark.parametrize("where, info", [(where, info) for where, info, _ in BLOCKS], ids=lambda each: each)
def test_each_block_says_what_it_is(where, info):
    if info.startswith("sh") and info != "sh":
        assert SKIP.match(info), f"{where}: write `sh` or `sh skip: REASON`"
    else:
        assert info == "sh" or info in OTHER_KINDS, f"{where}: a block without a kind"


@pytest.mark.parametrize("where", COMMANDS)
def test_commands_run(where, tmp_path):
    done = run(["bash", "-euo", "pipefail", "-c", COMMANDS[where]], tmp_path)
    assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"


def check_command(text, path):
    """How a file is validated: what it holds tells whose it is."""
    if "[[identity]]" in text:
        return ["diglett-server", "check", "--auth", "tokens", "--tokens-file", path]
    if re.search(r"^(gateway *=|\[\[service\]\])", text, re.MULTILINE):
        return ["diglett", "check", "--config", path]
    return ["diglett-server", "check", "--offline", "--config", path]


def assert_valid(where, text, path, folder):
    for directory in re.findall(r'^dir *= *"(.*)"', text, re.MULTILINE):
        (folder / "routes").mkdir()
        text = text.replace(directory, str(folder / "routes"))
        (folder / path).write_text(text)
    done = run(check_command(text, path), folder)
    assert (done.returncode, done.stdout) == (0, "the configuration is valid\n"), f"{where}\n{done.stderr}"


@pytest.mark.parametrize("where", TOML)
def test_toml_of_the_documents_is_valid(where, tmp_path):
    (tmp_path / "block.toml").write_text(TOML[where])
    assert_valid(where, TOML[where], "block.toml", tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.toml")), ids=lambda path: path.name)
def test_examples_are_valid(path, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    assert_valid(path.name, path.read_text(), path.name, tmp_path / "examples")


def test_the_original_example_is_the_one_that_is_tested():
    """The README's block is not run here but, word for word, in test_original_example.py."""
    lines = next(text for where, info, text in BLOCKS if where.startswith("README.md") and "diglett-server -d\n" in text)
    tested = Path(__file__).with_name("test_original_example.py").read_text()
    for line in lines.splitlines():
        assert f'"{line}"' in tested
