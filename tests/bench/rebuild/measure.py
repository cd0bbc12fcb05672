"""One rebuild from the first record on: rate, processor time, and the peak of anonymous memory.

usage: measure.py HARRIER FOLDER MEMORY THREADS"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time

harrier, folder, memory, threads = sys.argv[1:]
shutil.rmtree(f"{folder}/generations", ignore_errors=True)
command = [harrier, "rebuild", f"--data={folder}", f"--memory={memory}", f"--threads={threads}", "--priority=normal"]
begin = time.monotonic()
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                found = re.search(r"RssAnon:\s+(\d+)", status.read())
            peak = max(peak, int(found.group(1)) if found else 0)
        except OSError:
            pass
        time.sleep(0.01)
    report = json.loads(process.stdout.read())
seconds = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
count = report["transactions"]
size = os.stat(f"{folder}/generations/current/tables.mdb").st_size
print(
    f"\n{count:,} transactions, {report['entities']:,} states: {seconds:.2f} s, {count / seconds / 1e6:.2f} M/s;"
    f" processor {cpu:.2f} s, {cpu / count * 1e6:.2f} µs each"
)
print(
    f"  anonymous memory {peak / 1024:.0f} MiB of {report['memory_bytes'] / 2**20:.0f}, in files"
    f" {report['spilled_bytes'] / 2**20:.0f} MiB; tables {size / 2**20:.0f} MiB"
)
for name in report["phases_ms"]:
    wall, busy = report["phases_ms"][name] / 1000, report["phases_cpu_ms"][name] / 1000
    print(f"  {name:<8} {wall:8.2f} s  processor {busy:8.2f} s")
