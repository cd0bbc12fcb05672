"""A server started by a measurement: a process with a temporary folder, ended by its process id."""

import contextlib
import glob
import os
import signal
import subprocess
import time

WAIT = 60  # seconds; an idle machine needs one


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core), *command]


def processor_ns(process):
    """Processor time of the process, its children, and ended children that it has waited for. 0: it has just ended."""
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
    """One process, whose output goes to a file."""

    NOT_YET = (OSError, subprocess.CalledProcessError)  # errors of the readiness check before the server is up

    def __init__(self, name, folder, command, environment=None):
        self.name = name
        self.output_path = os.path.join(folder, f"{name}.output")
        with open(self.output_path, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
            )

    def await_(self, is_there):
        deadline = time.monotonic() + WAIT
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(*self.NOT_YET):
                if is_there():
                    return self
            time.sleep(0.05)
        self.stop()
        with open(self.output_path, encoding="utf-8", errors="replace") as output:
            raise SystemExit(f"{self.name} did not start:\n{output.read()[-4000:]}")

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
