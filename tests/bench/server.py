"""A server that a measurement starts: a process in a folder that goes, and ended by its process id."""

import contextlib
import glob
import os
import signal
import subprocess
import time

WAIT = 60  # seconds for what takes one on a machine that does nothing else


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core), *command]


def processor_ns(process):
    """Of the process, of its children, and of those that have ended and that it has waited for. 0: it has just gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as stat:
            waited_for = stat.read().rsplit(")", 1)[1].split()[13:15]
        total = sum(map(int, waited_for)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        for task in glob.glob(f"/proc/{process}/task/*"):
            with open(f"{task}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
            with open(f"{task}/children", encoding="ascii") as children:
                total += sum(map(processor_ns, children.read().split()))
        return total
    except OSError:
        return 0


class Server:
    """One process, its messages in a file."""

    NOT_YET = (OSError, subprocess.CalledProcessError)  # of asking whether it is there

    def __init__(self, name, folder, command, environment=None):
        self.name = name
        self.said = os.path.join(folder, f"{name}.said")
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **(environment or {})}
            )

    def await_(self, is_there):
        deadline = time.monotonic() + WAIT
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(*self.NOT_YET):
                if is_there():
                    return self
            time.sleep(0.05)
        self.stop()
        with open(self.said, encoding="utf-8", errors="replace") as said:
            raise SystemExit(f"{self.name} did not start:\n{said.read()[-4000:]}")

    def processor_ns(self):
        return processor_ns(self.process.pid)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
