"""A copy of the source with a build folder of its own, in which things may be broken."""
import json
import pathlib
import re
import shutil
import subprocess

from faults import ROOT, SIMULATOR, SIMULATOR_SEEDS, SIMULATOR_STEPS

OPTIONS = ("buildtype", "c_args", "b_sanitize", "b_lundef", "lock_order")


def call(*command, cwd=None):
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)


def output_of(*command, cwd=None):
    done = call(*command, cwd=cwd)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def as_given(value):
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else value


class Scratch:
    """A copy of the tree with a build folder of its own."""

    def __init__(self, folder, model):
        self.tree = folder.resolve() / "tree"
        self.build = self.tree / "build"
        self._copy()
        if not (self.build / "build.ninja").exists():
            options = json.loads(output_of("meson", "introspect", model, "--buildoptions"))
            given = [f"-D{o['name']}={as_given(o['value'])}" for o in options if o["name"] in OPTIONS]
            output_of("meson", "setup", self.build, *given, cwd=self.tree)
        else:
            output_of("ninja", "-C", self.build, "build.ninja")
        targets = json.loads(output_of("meson", "introspect", self.build, "--targets"))
        self._files = {t["id"]: pathlib.Path(t["filename"][0]).relative_to(self.build) for t in targets}
        self.tests = {t["name"]: t for t in json.loads(output_of("meson", "introspect", self.build, "--tests"))}

    def _copy(self):
        """Files that are the same stay as they are, so that nothing is built anew for them."""
        names = output_of("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
        wanted = {name for name in names if name and (ROOT / name).is_file()}
        for name in wanted:
            ours, theirs = self.tree / name, ROOT / name
            if ours.is_file() and ours.read_bytes() == theirs.read_bytes():
                continue
            ours.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(theirs, ours)
        for path in self.tree.rglob("*"):
            name = str(path.relative_to(self.tree))
            if path.is_file() and not name.startswith("build/") and name not in wanted and "__pycache__" not in name:
                path.unlink()

    def make(self, names):
        """What these tests need. None, or why it cannot be built."""
        files = {self._files[target] for name in names for target in self.tests[name]["depends"]}
        return self.make_files(sorted(files)) if files else None

    def make_files(self, files):
        made = call("ninja", "-C", self.build, *files)
        return made.stdout[-2000:] if made.returncode != 0 else None

    def test(self, name, seeds=SIMULATOR_SEEDS):
        """ok, found (with what was said), or skipped."""
        if name == SIMULATOR:
            program = self.build / "tests" / "sim" / "sim"
            done = call(program, "--seeds", seeds, "--steps", SIMULATOR_STEPS, cwd=self.build)
            needed = re.search(r"^(\d+) seeds?,", done.stdout, re.MULTILINE)
            if done.returncode == 0:
                return "ok", ""
            return "found", f"seed {needed.group(1)}" if needed else f"exit {done.returncode}"
        call("meson", "test", "-C", self.build, "--no-rebuild", "--timeout-multiplier", "3", name)
        with open(self.build / "meson-logs" / "testlog.json", encoding="utf-8") as log:
            result = json.loads(log.readline())["result"]
        if result == "SKIP":
            return "skipped", ""
        return ("ok", "") if result == "OK" else ("found", "" if result in ("FAIL", "ERROR") else result.lower())

    def test_all(self):
        call("ninja", "-C", self.build)
        call("meson", "test", "-C", self.build, "--no-rebuild", "--timeout-multiplier", "3")
        with open(self.build / "meson-logs" / "testlog.json", encoding="utf-8") as log:
            results = [json.loads(line) for line in log]
        return [one["name"].split(":")[-1].strip() for one in results if one["result"] not in ("OK", "SKIP")]
