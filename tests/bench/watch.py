"""Runs a program and measures it with its children: wall time, processor time, and peak memory."""

import dataclasses
import os
import subprocess
import sys
import time

TICK_S = 0.01
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Run:
    seconds: float
    cpu_seconds: float
    resident_bytes: int  # peak of the resident set, including mapped files
    anonymous_bytes: int  # peak of the part that is not mapped from files
    output: bytes


def children_of(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass  # the process has ended
    return found


def sizes_of(pid):
    """(resident without shared, shared, anonymous) bytes of a process and its descendants. Shared memory is counted once, as
    the largest of any process: PostgreSQL's processes share it."""
    own = shared = anonymous = 0
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            sizes = dict(line.split(":", 1) for line in file if line.startswith(("VmRSS", "RssAnon", "RssShmem")))
        resident, anonymous, shared = (int(sizes[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "RssShmem"))
        own = resident - shared
    except (OSError, KeyError):
        pass
    for child in children_of(pid):
        more = sizes_of(child)
        own, shared, anonymous = own + more[0], max(shared, more[1]), anonymous + more[2]
    return own, shared, anonymous


def memory_of(pid):
    """(resident, anonymous) bytes of a process and its descendants."""
    own, shared, anonymous = sizes_of(pid)
    return own + shared, anonymous


def run(command, env=None, statuses=(0,)):
    """Runs the command and returns its Run. Ends this program if the exit status is not one of `statuses`."""
    before, begin = os.times(), time.monotonic()
    resident = anonymous = 0
    with (
        open(os.devnull, "rb") as nothing,
        subprocess.Popen(command, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process,
    ):
        os.set_blocking(process.stdout.fileno(), False)
        os.set_blocking(process.stderr.fileno(), False)
        output, messages = b"", b""
        while process.poll() is None:
            now = memory_of(process.pid)
            resident, anonymous = max(resident, now[0]), max(anonymous, now[1])
            output += process.stdout.read() or b""
            messages += process.stderr.read() or b""
            time.sleep(TICK_S)
        seconds = time.monotonic() - begin
        output += process.stdout.read() or b""
        messages += process.stderr.read() or b""
    after = os.times()
    if process.returncode not in statuses:
        sys.exit(f"{' '.join(command)}: status {process.returncode}\n{messages.decode(errors='replace')[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, cpu, resident, anonymous, output)


def figures_of(name, runs):
    """Lines of name, tab and value, one for each run of each figure."""
    for run in runs:
        yield f"{name}_s\t{run.seconds:.6g}"
        yield f"{name}_cpu_s\t{run.cpu_seconds:.6g}"
        yield f"{name}_bytes\t{run.resident_bytes}"


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
