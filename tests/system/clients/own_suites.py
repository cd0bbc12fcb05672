#!/usr/bin/env python3
"""Runs a client's own tests with its own tools, if these and its packages are installed.

usage: own_suites.py ROOT go|python|typescript

Nothing is downloaded. If something is missing, it prints what, with the command that installs it, and ends with exit
status 77, which meson counts as skipped."""
import os
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


def python(_folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    return python_lacks("pytest", "pynng", "google.protobuf"), command, {"PYTHONPATH": "src"}


def typescript(folder):
    return typescript_lacks(folder), ["npm", "test"], {}


def main():
    root, client = sys.argv[1:]
    folder = os.path.join(root, "clients", client)
    reason, command, environment = {"go": go, "python": python, "typescript": typescript}[client](folder)
    if reason:
        print(f"skipped: the {client} client's own tests: {reason}")
        return SKIPPED
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
