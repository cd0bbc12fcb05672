#!/usr/bin/env python3
"""Runs a client's own tests with its own tools, if these and its packages are installed.

usage: own_suites.py ROOT go|java|python|typescript

Nothing is downloaded. If something is missing, it prints what, with the command that installs it, and ends with exit
status 77, which meson counts as skipped."""
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77


def runs(command, folder, **environment):
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


# Each returns why a client cannot run on this machine, with the command that changes it; None if it can.


def go_lacks(folder):
    if not shutil.which("go"):
        return "there is no go command; install Go 1.19 or later"
    if not runs(["go", "vet", "./..."], folder, GOPROXY="off", GOFLAGS="-mod=readonly"):
        return "the Go modules that it needs are not in the module cache; run: (cd clients/go && go mod download)"
    return None


def java_lacks():
    """Its packages are not looked for: Maven names the first that it misses."""
    if not shutil.which("mvn"):
        return "there is no mvn command; install Maven 3.8 or later"
    done = subprocess.run(["mvn", "-v"], capture_output=True, text=True, check=False)
    version = re.search(r"Java version: (\d+)", done.stdout)
    if not version or int(version[1]) < 17:
        return "Maven finds no JDK 17 or later; install one, or set JAVA_HOME"
    return None


def python_lacks(*modules):
    missing = [name for name in modules if not runs([sys.executable, "-c", f"import {name}"], None)]
    if missing:
        return (f"{sys.executable} has no {', '.join(missing)}; run: {sys.executable} -m pip install "
                "'./clients/python[test]'")
    return None


def typescript_lacks(folder):
    if not shutil.which("npm"):
        return "there is no npm command; install Node 20 or later"
    if not os.path.isdir(os.path.join(folder, "node_modules")):
        return "its npm packages are not installed; run: (cd clients/typescript && npm ci)"
    return None


def go(folder):
    return go_lacks(folder), ["go", "test", "-count=1", "./..."], {"GOPROXY": "off", "GOFLAGS": "-mod=readonly"}


def java(_folder):
    # Without the example and the driver, which `run` builds and tests.
    modules = "harrier-client,harrier-client-micrometer,harrier-spring-boot-starter"
    return java_lacks(), ["mvn", "-o", "-q", "-B", "-pl", modules, "test"], {}


def python(_folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    return python_lacks("pytest", "pynng", "google.protobuf"), command, {"PYTHONPATH": "src"}


def typescript(folder):
    return typescript_lacks(folder), ["npm", "test"], {}


def main():
    root, client = sys.argv[1:]
    folder = os.path.join(root, "clients", client)
    reason, command, environment = {"go": go, "java": java, "python": python, "typescript": typescript}[client](folder)
    if reason:
        print(f"skipped: the {client} client's own tests: {reason}")
        return SKIPPED
    if client == "java":
        return run_maven(command, folder, environment)
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False).returncode


def run_maven(command, folder, environment):
    """Skipped if Maven lacks a package: what it needs of them shows only when it runs."""
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    print(done.stdout)
    if done.returncode and "in offline mode" in done.stdout:
        print("skipped: the java client's own tests: its packages are not in Maven's repository on this machine; run: "
              "(cd clients/java && mvn test)")
        return SKIPPED
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
