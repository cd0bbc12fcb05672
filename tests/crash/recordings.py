"""Runs of the real programs that tests/crash/run records: each is a function with a Stage. What clients and people are
told becomes a mark in the journal (promises.h)."""
import csv
import ctypes
import datetime
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("HARRIER_ROOT", ROOT)
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from server import POLICY, START_US, WAIT, Server, transaction  # noqa: E402  (found by the line before)

HARRIER = os.environ["HARRIER"]
EXPLORE = os.environ["CRASH_EXPLORE"]
RECORD = os.environ["CRASH_RECORD"]
SHIFT = os.environ["CLOCK_SHIFT_LIBRARY"]
DAY_US = 86400 * 10**6
PERSON = "person-4711"
LISTS = "lists:\n  blocked: {about: cards that were reported lost}\n"
RULES = "rules:\n  - {name: blocked, when: card in lists.blocked, then: {verdict: decline}}\n"
THRESHOLDS = "thresholds:\n  - {name: usual, statistic: median, of: amount_minor, over: 20d, minimum: 1, fallback: 1.0}\n"
CUSTOMERS = POLICY["features.yaml"].replace("entities:\n", "entities:\n  customer: {key: customer}\n").replace(
    "features:\n", "features:\n  customer:\n    - {name: count_1d, aggregate: count, window: 1d}\n", 1)


class Stage:
    """A folder with a policy and the data folder that is recorded, on one file system with nothing else of ours."""

    def __init__(self, folder, journal, seed):
        self.folder, self.journal = folder, journal
        self.recorded = os.path.join(folder, "recorded")
        self.data = os.path.join(self.recorded, "data")
        self.random = random.Random(seed)
        self.clock = os.path.join(folder, "clock")
        self.policy = os.path.join(folder, "policy")
        self.sent, self.spares_person = 0, False
        self.lock = threading.Lock()
        self.servers = []
        self.marks, self.earlier = None, []
        os.makedirs(self.data)
        os.symlink("recorded/data", os.path.join(folder, "data"))
        self.set_clock(0)
        for name, text in {**POLICY, "features.yaml": CUSTOMERS, "lists.yaml": LISTS, "rules/more.yaml": RULES,
                           "thresholds.yaml": THRESHOLDS}.items():
            self.write_policy(name, text)

    def write_policy(self, name, text):
        path = os.path.join(self.policy, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def set_clock(self, shift_us):
        with open(self.clock, "wb") as file:
            file.write(struct.pack("=q", int(shift_us)))

    def before_midnight(self, seconds):
        """The programs' clock is so long before a day ends."""
        now = datetime.datetime.now(datetime.timezone.utc)
        rest = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
        self.set_clock((rest - seconds) * 10**6)

    # ---- what is recorded ----

    def begin(self):
        """From here on."""
        subprocess.run([EXPLORE, "begin", self.journal, self.recorded], check=True)
        os.environ["CRASH_JOURNAL"] = self.journal
        self.marks = ctypes.CDLL(RECORD)
        for line in self.earlier:
            self.marks.record_mark(line)

    def mark(self, *words):
        """Before the recording begins it is kept for it: the folder is on disk then, with all that was promised."""
        line = " ".join(str(word) for word in words).encode()
        if self.marks:
            self.marks.record_mark(line)
        else:
            self.earlier.append(line)

    def environment(self):
        libraries = f"{RECORD} {SHIFT}" if self.marks else SHIFT
        return {"LD_PRELOAD": libraries, "CLOCK_SHIFT": self.clock,
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def run(self, *arguments, good=(0,)):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False,
                              env={**os.environ, **self.environment()})
        if done.returncode not in good:
            raise AssertionError(f"{arguments}: {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def server(self, *flags, environment=()):
        server = Server(self.folder, *flags)
        self.servers.append(server)
        return server.start(environment={**self.environment(), **dict(environment)})

    def end(self):
        """The journal must explain every byte of the folder: else the recorder has missed something."""
        for server in self.servers:
            server.kill()
        subprocess.run([EXPLORE, "end", self.journal, self.recorded], check=True)

    # ---- clients ----

    def new(self):
        with self.lock:
            number = self.sent
            self.sent += 1
        is_theirs = number % 9 == 4 and not self.spares_person
        return {**transaction(number, cards=13), "customer": PERSON if is_theirs else f"k{number % 11}"}

    def score(self, connection, count):
        batch = [self.new() for _ in range(count)]
        for result in connection.score(batch):
            decision = result["decision"]
            self.mark("decided", decision["transaction_id"], decision["verdict"][len("VERDICT_"):].lower(),
                      decision.get("score", 0), decision["position"])
        return [one["id"] for one in batch]

    def report(self, connection, key, label):
        accepted = connection.report(key, label)["accepted"]
        assert accepted.get("changed"), accepted
        self.mark("reported", key, label)

    def block(self, connection, card):
        connection.call({"change_list": {"changes": [{"list": "blocked", "value": card, "reason": "lost"}]}})
        self.mark("listed", "blocked", card)

    def look(self, connection):
        self.mark("synced", connection.status().get("synced_position", 0))

    def client(self, server, messages, number):
        """One connection's day."""
        chance = random.Random(number)
        with server.connect() as connection:
            for turn in range(messages):
                keys = self.score(connection, chance.choice((1, 1, 2, 5, 20)))
                if chance.random() < 0.3:
                    self.report(connection, keys[0], chance.choice(("fraud", "legit")))
                if chance.random() < 0.1:
                    self.block(connection, f"x{number}-{turn}")
                if chance.random() < 0.3:
                    self.look(connection)

    def clients(self, server, count, messages):
        threads, failures = [], []

        def work(number):
            try:
                self.client(server, messages, number)
            except BaseException as failure:  # noqa: BLE001  # told by the main thread
                failures.append(failure)

        for _ in range(count):
            number = self.random.randrange(10**9)
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def rebuild(self):
        report = json.loads(self.run("rebuild", "--data", self.data, "--progress=none", "--priority=normal"))
        self.mark("published", report["generation"])
        return report

    def await_synced(self, server):
        deadline = time.monotonic() + WAIT
        with server.connect() as connection:
            while True:
                status = connection.status()
                if status.get("synced_position") == status["position"]:
                    return status
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def await_adopted(self, server, generation):
        deadline = time.monotonic() + WAIT
        server.process.send_signal(1)
        with server.connect() as connection:
            while connection.status().get("generation_id") != int(generation, 16):
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def import_history(self, days=3, a_day=120, first=0):
        """Days that are closed, before the recording or in it. first: the number of the first one."""
        path = os.path.join(self.folder, "history.csv")
        columns = ["id", "event_time", "amount_minor", "currency", "card", "merchant", "customer"]
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            for number in range(first, first + days * a_day):
                row = self.new()
                at = START_US + number * DAY_US // a_day
                row["event_time"] = datetime.datetime.fromtimestamp(at / 10**6, datetime.timezone.utc).strftime(
                    "%Y-%m-%dT%H:%M:%SZ")
                del row["event_time_us"]
                writer.writerow(row)
        self.run("import", self.data, path, "--policy", self.policy, "--quiet")


def serve(stage, durability):
    """Clients at once, policies, midnight, tables that are built and adopted, a restart."""
    stage.before_midnight(2)
    stage.begin()
    server = stage.server(f"--durability={durability}", "--lazy_sync_interval=20ms")
    stage.clients(server, 3, 12)
    stage.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace("400", "800"))
    server.process.send_signal(1)
    time.sleep(2)
    stage.clients(server, 2, 8)
    stage.await_synced(server)
    report = stage.rebuild()
    stage.await_adopted(server, report["generation"])
    stage.clients(server, 2, 6)
    assert server.stop() == 0
    server = stage.server(f"--durability={durability}", "--lazy_sync_interval=20ms")
    stage.clients(server, 2, 4)
    assert server.stop() == 0


def synced(stage):
    serve(stage, "synced")


def written(stage):
    serve(stage, "written")


def night(stage):
    """Two nights beside a server, the second of which removes the tables of the first; then sealing by hand."""
    stage.import_history()
    stage.before_midnight(2)
    stage.begin()
    server = stage.server("--durability=synced")
    stage.clients(server, 2, 6)
    for _ in range(2):
        stage.run("night", "--data", stage.data, "--quiet", "--priority=normal", "--generations=1", "--again",
                  good=(0, 2))  # 2: it also found something unusual
        with open(os.path.join(stage.data, "generations", "current", "manifest.json"), encoding="utf-8") as file:
            stage.mark("published", json.load(file)["id"])
        time.sleep(2)  # midnight, the first time
        stage.clients(server, 2, 6)
        stage.await_synced(server)
    stage.rebuild()
    stage.run("find", stage.data, "--entity", "customer=k1", "--limit", "3")  # makes an index
    stage.run("archive", "seal", stage.data, "--quiet")
    assert server.stop() == 0


def backup(stage):
    """Backups beside a server; the second one drops the first. Then a restore of it."""
    stage.import_history(days=2)
    stage.run("rebuild", "--data", stage.data, "--quiet", "--priority=normal")
    stage.begin()
    server = stage.server("--durability=synced")
    kept = os.path.join(stage.recorded, "kept")
    for number in range(2):
        stage.clients(server, 2, 6)
        end = stage.await_synced(server)["position"]
        stage.run("backup", stage.data, kept, "--quiet", "--priority=normal", "--keep=1")
        stage.mark("backed-up", 1)
        if number == 0:
            stage.rebuild()
    restored = os.path.join(stage.recorded, "restored")
    stage.run("restore", kept, restored, "--quiet")
    stage.mark("restored", end)
    assert server.stop() == 0


def erase(stage):
    """An erasure beside a server that goes on deciding about others."""
    stage.import_history()
    server = stage.server("--durability=synced")
    stage.clients(server, 1, 10)
    assert server.stop() == 0
    stage.run("rebuild", "--data", stage.data, "--quiet", "--priority=normal")
    stage.begin()
    server = stage.server("--durability=synced")
    stage.clients(server, 1, 6)
    stage.await_synced(server)
    naming = sum(PERSON in line for line in stage.run("inspect", stage.data).splitlines())
    assert naming > 10
    stage.spares_person = True
    stage.mark("person", PERSON, naming, stage.sent)
    other = threading.Thread(target=stage.clients, args=(server, 1, 10))
    other.start()
    stage.run("erase", stage.data, "--entity", f"customer={PERSON}", "--quiet")
    stage.mark("erased")
    other.join()
    stage.clients(server, 1, 3)
    assert server.stop() == 0


def prune(stage):
    """A prune beside a server, tables after it, and another prune."""
    stage.import_history(days=5)
    stage.run("rebuild", "--data", stage.data, "--quiet", "--priority=normal")
    stage.begin()
    server = stage.server("--durability=synced")
    stage.clients(server, 1, 6)
    for before in ("2026-01-03", "2026-01-04"):
        stage.run("archive", "prune", stage.data, "--before", before, "--quiet")
        with open(os.path.join(stage.data, "archive", "begins"), "rb") as file:
            stage.mark("pruned", struct.unpack("<Q", file.read(24)[16:])[0])
        stage.clients(server, 1, 4)
        stage.rebuild()
    assert server.stop() == 0


def imported(stage):
    """History of closed days, twice; tables of it."""
    stage.begin()
    for _ in range(2):
        stage.import_history(days=2, first=stage.sent)
        stage.mark("synced", json.loads(stage.run("archive", "verify", stage.data, "--json").splitlines()[-1])["position"])
    stage.rebuild()


def begun(stage):
    """A start after a crash that left a segment without a header; by then it is another day, so the next segment is in
    another folder."""
    server = stage.server("--durability=synced")
    stage.clients(server, 1, 4)
    assert server.stop() == 0
    end = json.loads(stage.run("archive", "verify", stage.data, "--json").splitlines()[-1])["position"]
    day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    folder = os.path.join(stage.data, "archive", day.strftime("%Y-%m-%d"))
    os.mkdir(folder)
    with open(os.path.join(folder, f"{end + 1:020}.seg"), "wb"):
        pass
    stage.set_clock(2 * DAY_US)
    stage.begin()
    server = stage.server("--durability=synced")
    stage.clients(server, 1, 4)
    assert server.stop() == 0


def full(stage):
    """The disk is full just when a segment was begun, for an erasure: it is removed again, and the one before goes on."""
    stage.import_history(days=1)
    stage.begin()
    stage.mark("synced", 120)
    full_disk = os.path.join(stage.folder, "full")
    server = stage.server("--durability=synced", environment={"CRASH_FULL": full_disk})
    stage.clients(server, 1, 4)
    with open(full_disk, "wb"):
        pass
    erasing = subprocess.Popen([HARRIER, "erase", stage.data, "--entity", f"customer={PERSON}", "--quiet"],
                               stderr=subprocess.PIPE, env={**os.environ, **stage.environment()})
    server.await_said("could not be written")
    erasing.kill()
    erasing.communicate()
    os.remove(full_disk)
    server.await_ready()
    stage.clients(server, 1, 6)
    assert server.stop() == 0


def move_plan(recorded, journal):
    """A restore that was interrupted is of the backup's folder by its path; an image of the journal has it elsewhere."""
    plan = os.path.join(recorded, "restored", ".restore", "plan")
    if not os.path.exists(plan):
        return
    with open(plan, encoding="utf-8") as file:
        text = file.read()
    there = os.path.join(journal.removesuffix(".journal"), "recorded", "kept")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(text.replace(os.path.realpath(there), os.path.realpath(os.path.join(recorded, "kept"))))


def recovery(stage, promises, is_due):
    """What happens after a crash, on an image of one: a server starts, and what was interrupted goes on. is_due: whether
    everything that was promised must be there; else only what was said to be synced."""
    synced = max([int(line.split()[1]) for line in promises if line.startswith("synced ")], default=0)
    for line in promises:
        kind, *words = line.split()
        if is_due or kind not in ("decided", "reported", "listed") or (kind == "decided" and int(words[3]) <= synced):
            stage.mark(line)
    stage.spares_person = any(line.startswith("person ") for line in promises)
    stage.sent = 10**6  # none was sent before
    server = stage.server("--durability=synced")
    stage.clients(server, 1, 4)
    if stage.spares_person:
        stage.run("erase", stage.data, "--finish", "--quiet")
        if "erased" in promises or os.path.exists(os.path.join(stage.data, "archive", "epoch")):
            stage.mark("erased")
    stage.rebuild()
    kept, restored = os.path.join(stage.recorded, "kept"), os.path.join(stage.recorded, "restored")
    if os.path.exists(restored) and not os.path.exists(os.path.join(restored, "archive")):
        stage.run("restore", kept, restored, "--quiet")
    if os.path.exists(kept):
        stage.run("backup", stage.data, kept, "--quiet", "--priority=normal", "--keep=1")
        stage.mark("backed-up", 1)
    assert server.stop() == 0


RECORDINGS = {"imported": imported, "synced": synced, "written": written, "night": night, "backup": backup, "erase": erase, "prune": prune,
              "begun": begun, "full": full}


def record_recovery(stage, journal, image, *flags):
    """On image number `image` of another journal."""
    done = subprocess.run([EXPLORE, "image", journal, stage.recorded, "--image", image, *flags],
                          capture_output=True, text=True, check=True)
    print(done.stderr.strip())
    move_plan(stage.recorded, journal)
    stage.begin()
    recovery(stage, done.stdout.splitlines(), "--synced" in flags or "programs killed" in done.stderr)


def main():
    name, folder, journal, seed, *more = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    stage = Stage(folder, journal, int(seed))
    try:
        if more:
            os.rmdir(stage.data)
            record_recovery(stage, *more)
        else:
            RECORDINGS[name](stage)
    except BaseException:
        for server in stage.servers:
            print(server.said()[-3000:], file=sys.stderr)
        raise
    finally:
        for server in stage.servers:
            server.kill()
    stage.end()


if __name__ == "__main__":
    main()
