"""The planted faults: one patch each, with two lines in front of it that say what it takes away, and which tests are to
find that."""
import dataclasses
import os
import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
# The simulator runs longer than in ./check: this many seeds, of so many steps.
SIMULATOR = "sim"
SIMULATOR_SEEDS = 100
SIMULATOR_STEPS = 20000


class Refused(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str  # room/what
    path: pathlib.Path
    takes_away: str
    tests: tuple


def _value(lines, number, name, path):
    key = name + ": "
    line = lines[number] if number < len(lines) else ""
    if not line.startswith(key) or not line[len(key) :].strip():
        raise Refused(f"{path}: line {number + 1}: expected \"{key}…\"")
    return line[len(key) :].strip()


def read(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    takes_away = _value(lines, 0, "Takes away", path)
    tests = tuple(test.strip() for test in _value(lines, 1, "Found by", path).split(","))
    return Fault(f"{path.parent.name}/{path.stem}", path, takes_away, tests)


def read_all(folder=FOLDER):
    return [read(path) for path in sorted(folder.glob("*/*.patch"))]


def apply(path, tree, *options):
    """None, or why the patch does not apply to the tree."""
    # A tree inside of another repository's build folder is no part of that repository.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(
        ["git", "apply", *options, str(path)], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode != 0 else None
