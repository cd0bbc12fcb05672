#!/usr/bin/env python3
"""Runs a client's own tests with its own tools, where they and its packages are installed.

usage: own_suites.py ROOT go|python|typescript

Exit status 77, skipped, with a message of what is missing. Nothing is downloaded."""
import os
import shutil
import subprocess
import sys

SKIPPED = 77


def runs(command, folder, **environment):
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def go(folder):
    if not shutil.which("go"):
        return "no go"
    if not runs(["go", "vet", "./..."], folder, GOPROXY="off", GOFLAGS="-mod=readonly"):
        return "its modules are not downloaded (go mod download in clients/go)"
    return ["go", "test", "-count=1", "./..."], {"GOPROXY": "off", "GOFLAGS": "-mod=readonly"}


def python(folder):
    missing = [name for name in ("pytest", "pynng", "google.protobuf") if not runs([sys.executable, "-c", f"import {name}"], folder)]
    if missing:
        return f"no {', '.join(missing)} for {sys.executable}"
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], {"PYTHONPATH": "src"}


def typescript(folder):
    if not shutil.which("npm"):
        return "no npm"
    if not os.path.isdir(os.path.join(folder, "node_modules")):
        return "its packages are not installed (npm ci in clients/typescript)"
    return ["npm", "test"], {}


def main():
    root, client = sys.argv[1:]
    folder = os.path.join(root, "clients", client)
    found = {"go": go, "python": python, "typescript": typescript}[client](folder)
    if isinstance(found, str):
        print(f"skipped: {found}")
        return SKIPPED
    command, environment = found
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
