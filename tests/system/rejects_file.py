"""Files of --rejects: what they keep, read in two independent ways, and what the tests of them share."""
import csv
import io
import os
import subprocess
import time

from server import START_US, WAIT, ServerTest

HARRIER = os.environ["HARRIER"]
COLUMNS = b"id,event_time,amount,currency,card,merchant,note,outcome"
ADDED = b",harrier.source,harrier.line,harrier.code,harrier.field,harrier.reason,harrier.columns,harrier.raw"


def event_time(number):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START_US // 10**6 + number))


def good_row(number, note=b"", outcome=""):
    return f"t{number},{event_time(number)},1.00,EUR,c{number % 5},m1,".encode() + note + f",{outcome}".encode()


def read_rejects(path, columns=COLUMNS):
    """[(row as it came, or None; raw, or None; {column: text})] of CSV, by Python's reader and by the bytes."""
    with open(path, "rb") as file:
        data = file.read()
    header, rest = data.split(b"\n", 1)
    assert header == columns + ADDED, header
    names = header.decode().split(",")
    width = columns.count(b",") + 1
    kept = []
    text = io.StringIO(rest.decode("latin-1"), newline="")
    for cells in csv.reader(text):
        assert len(cells) == len(names), cells
        row = dict(zip(names, cells))
        raw = row["harrier.raw"].encode("latin-1")
        assert not raw or not any(cells[:width]), cells
        assert row["harrier.columns"].encode() == (columns if raw else b""), cells
        kept.append((raw or None, row))
    # The bytes of whole rows: what stands in front of the cells that were added.
    whole = []
    at = 0
    for raw, row in kept:
        added = io.StringIO(newline="")
        csv.writer(added, lineterminator="\n").writerow([row[name] for name in names[width:]])
        ending = b"," + added.getvalue().encode("latin-1")
        end = rest.index(ending, at)
        whole.append((raw or rest[at:end], raw is not None, row))
        at = end + len(ending)
    assert at == len(rest)
    return whole


class RejectsFileTest(ServerTest):
    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_it(self, command, *arguments, status=0, **more):
        done = subprocess.run([HARRIER, command, *arguments], capture_output=True, timeout=WAIT, check=False, **more)
        said = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, status, said)
        return done.stdout, said

    def score(self, server, *arguments, **more):
        """The ids that were decided."""
        out, said = self.run_it("score", *arguments, "--to", server.address, "--deadline", "60s", **more)
        return [line.split(b",")[0].decode() for line in out.splitlines()[1:]], said

    def transactions(self, server):
        return server.status().get("transactions", 0)

    def await_in(self, name, words):
        deadline = time.monotonic() + WAIT
        while not os.path.exists(self.path(name)) or words not in self.read(name):
            self.assertLess(time.monotonic(), deadline, f"{words} never came")
            time.sleep(0.01)
