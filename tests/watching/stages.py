"""The faults, each on a server of its own."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from prometheus import WAIT
from server import POLICY as PLAIN
from server import Server, free_port
from small_disk import SmallDisk
from wire import encode

HARRIER, WRONG_TABLES = os.environ["HARRIER"], os.environ["WRONG_TABLES"]
MIB = 1 << 20
# What codes of merchants do here; the rule `ratio` fails for a transaction without a terminal.
POLICY = {
    **PLAIN,
    "policy.yaml": PLAIN["policy.yaml"].replace("name: system", "name: watched"),
    "rules/velocity.yaml": """\
rules:
  - {name: gambling, about: declined, when: "mcc == '7995'", then: {verdict: decline}}
  - {name: quasi_cash, about: reviewed, when: "mcc == '6051'", then: {verdict: review}}
  - {name: transfer, about: challenged, when: "mcc == '4829'", then: {verdict: challenge}}
  - {name: many, about: tried, when: card.count_1h >= 3, then: {score: 100}, mode: shadow}
  - {name: ratio, about: fails, when: "100 / (terminal.size() - 3) > 1000", then: {score: 100}}
""",
}
MIX = {"7995": 2, "6051": 4, "4829": 2}  # percent


def now_us():
    return time.time_ns() // 1000


class Stage:
    """A server, its traffic, and what Prometheus says of it."""

    def __init__(self, name, folder, prometheus):
        self.name, self.job, self.folder, self.prometheus = name, f"harrier-{name}", folder, prometheus
        self.server, self.disk, self.numbers, self.lock = None, None, 0, threading.Lock()
        self.mix, self.stopping, self.thread, self.http_port = dict(MIX), threading.Event(), None, free_port()
        os.makedirs(folder)
        for path, text in POLICY.items():
            self.write_policy(path, text)

    # ---- the server ----

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    def write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def write_policy(self, path, text, folder="policy"):
        self.write(os.path.join(folder, path), text)

    def start(self, *flags, environment=(), traffic=True):
        self.server = Server(self.folder, "--lazy_sync_interval=50ms", *flags)
        self.server.start(environment=environment)
        self.prometheus.watch(self.job, self.server.admin_port)
        self.await_metric("up", 1)
        if traffic:
            self.begin_traffic()

    def again(self):
        self.server.stop()
        self.server.start()

    def small_disk(self, size):
        os.makedirs(self.data, exist_ok=True)
        self.disk = SmallDisk(self.data, size)

    def end(self):
        self.prometheus.forget(self.job)  # first: no traffic is a fault, too
        self.end_traffic()
        if self.server:
            self.server.kill()
        if self.disk:
            self.disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def harrier(self, *arguments, status=0, environment=()):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False,
                              env={**os.environ, **dict(environment)})  # fmt: skip
        if status is not None and done.returncode != status:
            raise AssertionError(f"{arguments} ended with {done.returncode}, expected {status}: {done.stdout}{done.stderr}")
        return done.stdout

    def night(self, *more, status=0, in_time=False):
        """With a clock of tomorrow, because a night reports on the day before; in_time: with the clock of now."""
        shift = os.path.join(self.folder, "tomorrow")
        with open(shift, "wb") as file:
            file.write((86400 * 1000000).to_bytes(8, "little"))
        clock = {} if in_time else {"LD_PRELOAD": os.environ["CLOCK_SHIFT_LIBRARY"], "CLOCK_SHIFT": shift}
        return self.harrier("night", "--data", self.data, "--priority=normal", "--drift=none", "--retry-delay=50ms",
                            "--threads=1", *more, status=status, environment=clock)  # fmt: skip

    # ---- its traffic ----

    def transaction(self):
        with self.lock:
            self.numbers += 1
            number = self.numbers
        place, mcc = number * 37 % 100, "5411"
        for code, percent in self.mix.items():
            if 0 <= place < percent:
                mcc = code
            place -= percent
        return {"id": f"{self.name}-{number}", "event_time_us": now_us(), "amount_minor": 100 + number % 9000, "currency": "EUR",
                "card": f"c{number}", "merchant": f"m{number % 5}", "terminal": "t-0001", "mcc": mcc}  # fmt: skip

    def send(self, count=20, **more):
        """Errors in answers are what stages are about: they are no failure here."""
        try:
            with self.server.connect(timeout=20) as connection:
                return connection.score([{**self.transaction(), **more} for _ in range(count)])
        except (OSError, KeyError):
            return []

    def begin_traffic(self, pause=0.1):
        self.stopping.clear()

        def run():
            while not self.stopping.wait(pause):
                self.send()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def end_traffic(self):
        self.stopping.set()
        if self.thread:
            self.thread.join()
            self.thread = None

    def load(self, threads, seconds, **more):
        """So many clients that send full messages, always several ahead: dry runs, so that nothing grows."""
        body = encode({"score": {"transactions": [self.transaction() for _ in range(1000)], "dry_run": True,
                                 "return_features": True}, **more})  # fmt: skip
        until = time.monotonic() + seconds

        def run():
            try:
                with self.server.connect(timeout=60) as connection:
                    reader = threading.Thread(target=drain, args=(connection.socket,), daemon=True)
                    reader.start()
                    while time.monotonic() < until:
                        connection.send(body)
            except OSError:
                pass

        def drain(connected):
            try:
                while connected.recv(1 << 20):
                    pass
            except OSError:
                pass

        group = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
        for one in group:
            one.start()
        return group

    def ask_http(self):
        """One answer of each kind over HTTP."""
        for path, body in (("/v1/score", b"{}"), ("/nothing", None), ("/v1/status", None)):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", data=body, timeout=20):
                    pass
            except urllib.error.HTTPError as error:
                error.close()

    # ---- what Prometheus says ----

    def value(self, name):
        series, _, labels = name.rstrip("}").partition("{")
        found = self.prometheus.instant(f'{series}{{job="{self.job}"{"," if labels else ""}{labels}}}')
        return float(found[0]["value"][1]) if found else None

    def await_metric(self, name, value):
        return self.prometheus.await_(f"{self.job}: {name} = {value}", lambda: self.value(name) == value)

    def fires(self, *names, doing=None):
        """Waits until each of them has fired. doing: repeated meanwhile."""
        left = set(names)

        def look():
            if self.server.process.poll() not in (None, -signal.SIGKILL):
                raise AssertionError(f"the server has ended with {self.server.process.returncode}")
            if doing:
                doing()
            left.difference_update(self.prometheus.firing(self.job))
            return not left

        self.prometheus.await_(f"{self.job}: {sorted(left)} fire", look)

    def quiet(self, *names, doing=None):
        def look():
            if doing:
                doing()
            return not set(names) & set(self.prometheus.firing(self.job))

        self.prometheus.await_(f"{self.job}: {names} end", look)


# ---- the stages ----


def healthy(stage):
    """Traffic, a night, a swap, a reload, a restart: no alert."""
    stage.start()
    time.sleep(8)
    stage.night()
    stage.await_metric('harrierd_swaps_total{result="adopted"}', 1)
    stage.harrier("reload", "--to", stage.server.address)
    time.sleep(25)
    stage.again()
    time.sleep(15)


def down(stage):
    stage.start()
    stage.await_metric("harrierd_ready", 1)
    stage.server.kill()
    stage.fires("HarrierDown")
    stage.server.start()
    stage.quiet("HarrierDown")


def restarts(stage):
    stage.start()
    for _ in range(3):
        time.sleep(2.5)
        stage.again()
    stage.fires("HarrierRestarts")


def latency(stage):
    """A machine that stands still for moments, as one that swaps or is overbooked."""
    stage.start()
    stage.load(2, 40)

    def freeze():
        stage.server.process.send_signal(signal.SIGSTOP)
        time.sleep(1.6)
        stage.server.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)

    stage.fires("HarrierLatency", doing=freeze)


def overload(stage):
    stage.start()
    stage.load(4, 90)
    stage.fires("HarrierBusy")


def overloaded(stage):
    """Full messages of four clients, more than can be decided within the deadlines that the server assumes."""
    stage.start("--queue_deadline=300ms", "--queue_patience=10")
    stage.load(4, 120)
    stage.fires("HarrierOverloaded")


def deadlines(stage):
    stage.start()

    def late():
        with stage.server.connect(timeout=60) as connection:
            for _ in range(20):
                connection.call({"deadline_us": 1, "score": {"transactions": [stage.transaction()]}})

    stage.fires("HarrierDeadlines", doing=late)


def disk(stage):
    """Filled slowly, then full, then empty again."""
    stage.small_disk(48 * MIB)
    stage.start(f"--rejects={stage.data}/rejects.jsonl")
    time.sleep(10)
    for left in (40, 34, 28, 22, 16, 10, 6):
        stage.disk.fill(leave=left * MIB)
        time.sleep(1.5)
    stage.fires("HarrierDiskFilling", "HarrierDiskLow")
    stage.disk.fill(leave=1 * MIB)
    stage.fires("HarrierDiskFull")
    stage.disk.fill(leave=0)

    def more():
        stage.disk.fill(leave=0)
        for _ in range(5):
            stage.send(200)
        stage.send(100, currency="nowhere")

    stage.fires("HarrierArchiveWriteFailed", "HarrierNotReady", "HarrierErrors", doing=more)
    stage.disk.make_room()
    stage.await_metric("harrierd_ready", 1)
    stage.quiet("HarrierNotReady", "HarrierDiskFull", "HarrierErrors", "HarrierArchiveWriteFailed")


def degrades(stage):
    """A full disk under a server that goes on in memory, then room again."""
    stage.small_disk(16 * MIB)
    stage.start("--archive_failure=degrade")
    stage.await_metric("harrierd_ready", 1)

    def fill():
        stage.disk.fill(leave=0)
        stage.send(100)

    stage.fires("HarrierArchiveDegraded", doing=fill)
    stage.disk.make_room()
    stage.quiet("HarrierArchiveDegraded")
    stage.await_metric("harrierd_archive_held_records", 0)


def rejects(stage):
    small = SmallDisk(os.path.join(stage.folder, "small"), MIB)
    stage.disk = small
    stage.start(f"--rejects={small.folder}/rejects.jsonl")
    stage.await_metric("harrierd_ready", 1)
    time.sleep(2)
    small.fill()
    stage.fires("HarrierRejectsDropped", doing=lambda: stage.send(50, currency="nowhere"))


def listener(stage):
    stage.start("--watchdog_interval=300ms")
    time.sleep(3)
    os.unlink(stage.server.address[len("ipc://") :])
    stage.fires("HarrierListenerReopened")


def clock(stage):
    shift = stage.write("shift", "")

    def set_clock(ahead):
        with open(shift, "r+b") as file:
            file.write((int(ahead) * 1000000).to_bytes(8, "little", signed=True))

    set_clock(0)
    stage.start(environment={"LD_PRELOAD": os.environ["CLOCK_SHIFT_LIBRARY"], "CLOCK_SHIFT": shift})
    time.sleep(3)
    set_clock(600)
    time.sleep(3)
    set_clock(0)
    stage.fires("HarrierClockBehind")


def no_traffic(stage):
    stage.start()
    time.sleep(36)
    stage.end_traffic()
    stage.fires("HarrierNoTraffic")


def old_events(stage):
    stage.start(traffic=False)
    stage.fires("HarrierEventTimesOld", doing=lambda: stage.send(event_time_us=now_us() - 7200 * 1000000))


def refused(stage):
    stage.start()
    stage.fires("HarrierRefused", doing=lambda: stage.send(30, currency="nowhere"))


def connections(stage):
    stage.start("--max_connections=8")
    time.sleep(3)
    held = []
    try:
        def knock():
            for _ in range(5):
                try:
                    held.append(stage.server.connect(timeout=1))
                except OSError:
                    pass

        stage.fires("HarrierConnectionsRefused", doing=knock)
    finally:
        for one in held:
            one.socket.close()


def buffers(stage):
    """Clients that begin large messages and never end them."""
    stage.start("--max_buffer_bytes=1MiB", "--stall_timeout=1h")
    time.sleep(3)
    held = []
    try:
        def hold():
            one = stage.server.connect(timeout=1)
            held.append(one)
            try:
                one.send_raw(b"\x01" + (1900000).to_bytes(8, "big") + bytes(400000))
            except OSError:
                pass

        stage.fires("HarrierBuffersFull", doing=hold)
    finally:
        for one in held:
            one.socket.close()


def scanners(stage):
    """Connections that speak something else."""
    stage.start()
    time.sleep(3)

    def scan():
        for _ in range(40):
            try:
                with socket.socket(socket.AF_UNIX) as raw:
                    raw.settimeout(5)
                    raw.connect(stage.server.address[len("ipc://") :])
                    raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    raw.recv(100)
            except OSError:
                pass

    stage.fires("HarrierConnectionsCut", doing=scan)


def tokens(stage):
    path = os.path.join(stage.folder, "tokens")
    token = stage.harrier("token", "new", "shop", "--scopes", "score", "--for", "2d", "--tokens", path).strip()
    stage.start(f"--tokens={path}", traffic=False)
    stage.fires("HarrierTokenEnds")

    def guess():
        with stage.server.connect() as connection:
            for _ in range(20):
                connection.call({"token": token[:-3] + "xyz", "score": {"transactions": [stage.transaction()]}})

    stage.fires("HarrierDenied", doing=guess)
    with open(path, "a", encoding="utf-8") as file:
        file.write("this is no token\n")
    stage.fires("HarrierTokensRefused")


def sources(stage):
    stage.start(traffic=False)
    numbers = iter(range(1, 10**9))

    def batch(count):
        with stage.server.connect() as connection:
            connection.score([{**stage.transaction(), "source": "shop", "sequence": next(numbers)} for _ in range(count)])

    for _ in range(6):
        batch(500)
        time.sleep(1)

    def with_gap():
        next(numbers)
        batch(400)

    stage.fires("HarrierSourceGaps", doing=with_gap)


def verdicts(stage):
    """A week, which is a minute here, then other shares."""
    stage.mix = {"7995": 2, "6051": 4, "4829": 20}
    stage.start()
    time.sleep(82)
    stage.mix = {"7995": 30, "6051": 30, "4829": 1}
    stage.fires("HarrierDeclinesSpike", "HarrierVerdictSpike", "HarrierVerdictDrop")


def degraded(stage):
    stage.start()
    time.sleep(3)
    fixed = {"card": "same", "merchant": "same"}
    stage.send(5, **fixed)
    # Far behind the newest transaction of their card: beyond `lateness`.
    stage.fires("HarrierDegraded", doing=lambda: stage.send(60, **fixed, event_time_us=now_us() - 30 * 86400 * 1000000))


def brake(stage):
    stage.start()
    stage.harrier("brake", "pull", "gambling", "--to", stage.server.address)
    stage.fires("HarrierBrake")
    stage.harrier("brake", "lift", "gambling", "--to", stage.server.address)
    stage.quiet("HarrierBrake")


def rules_fail(stage):
    stage.start()
    stage.send(2, terminal="abc")
    stage.prometheus.await_("a failed rule", lambda: stage.value('harrierd_rule_errors_total{rule="ratio"}'))
    time.sleep(2)
    stage.fires("HarrierRulesFail", doing=lambda: stage.send(1, terminal="abc"))


def policy(stage):
    """The policy, the shadow policy and the challenger are broken; then rules that lack features."""
    for folder in ("shadow", "challenger"):
        shutil.copytree(os.path.join(stage.folder, "policy"), os.path.join(stage.folder, folder))
    stage.write_policy("policy.yaml", POLICY["policy.yaml"].replace("watched", "challenger"), folder="challenger")
    stage.start(f"--shadow={stage.folder}/shadow", f"--challenger={stage.folder}/challenger", "--challenger_key=card",
                "--challenger_share=10%")  # fmt: skip
    stage.write_policy("rules/more.yaml", "rules: [{name: x, when: no.such >= 3, then: {score: 1}}]\n", folder="shadow")
    stage.write_policy("rules/more.yaml", "rules: [{name: x, when: no.such >= 3, then: {score: 1}}]\n", folder="challenger")
    stage.harrier("reload", "--to", stage.server.address, status=None)
    stage.fires("HarrierShadowPolicyRefused", "HarrierChallengerRefused")
    stage.write_policy("rules/more.yaml", "rules: [{name: x, when: no.such >= 3, then: {score: 1}}]\n")
    stage.harrier("reload", "--to", stage.server.address, status=None)
    stage.fires("HarrierPolicyRefused")


def warming(stage):
    stage.start()
    time.sleep(3)
    stage.night()
    stage.await_metric('harrierd_swaps_total{result="adopted"}', 1)
    with open(os.path.join(stage.folder, "policy", "features.yaml"), "a", encoding="utf-8") as file:
        file.write("    - {name: sum_7d, aggregate: sum, of: amount, window: 7d}\n")
    stage.write_policy("rules/more.yaml", "rules: [{name: x, about: x, when: merchant.sum_7d > 3.0, then: {score: 1}}]\n")
    stage.harrier("reload", "--to", stage.server.address)
    stage.fires("HarrierWarming")
    stage.harrier("rebuild", "--data", stage.data, "--priority=normal")
    stage.await_metric("harrierd_warming_rules", 0)
    stage.quiet("HarrierWarming")


def not_synced(stage):
    stage.start("--lazy_sync_interval=60s")
    stage.fires("HarrierArchiveNotSynced")


def overlay(stage):
    stage.start("--overlay_limit=6MiB")

    def fill():
        if stage.value("harrierd_overlay_memory_bytes") < 0.97 * 6 * MIB:
            stage.send(200)

    stage.fires("HarrierRebuildWanted", "HarrierOverlayFull", doing=fill)
    stage.night()
    stage.quiet("HarrierOverlayFull", "HarrierRebuildWanted")


def never(stage):
    stage.start()
    stage.fires("HarrierNeverNight", "HarrierNeverRebuilt", "HarrierNeverBackup")


def old(stage):
    """After one night there is none any more; the server has a short stale_after."""
    stage.start("--stale_after=60s")
    time.sleep(3)
    stage.night(in_time=True, status=2)  # it had no yesterday
    stage.fires("HarrierDecisionsStale", "HarrierRebuildWanted", "HarrierGenerationOld", "HarrierNightMissing")


def night_fails(stage):
    stage.start()
    time.sleep(3)
    stage.night("--hook", "/no/such/hook", status=None)
    stage.fires("HarrierNightFailed")
    stage.night("--hook", "/bin/true")
    stage.quiet("HarrierNightFailed")


def night_alerts(stage):
    """A night that has a day without transactions to report on."""
    stage.start()
    time.sleep(3)
    stage.night(in_time=True, status=2)
    stage.fires("HarrierNightAlerts")


def damage_tables(stage, size=None):
    """One bit, which a swap finds; or the file is cut off, which a start finds as well."""
    with open(os.path.join(stage.data, "generations", "current", "tables.mdb"), "r+b") as tables:
        tables.seek(9000)
        byte = tables.read(1)
        tables.seek(9000)
        tables.write(bytes([byte[0] ^ 1]))
        if size is not None:
            tables.truncate(size)


def generation(stage):
    """Tables that are damaged before the server reads them."""
    stage.start()
    time.sleep(3)
    stage.server.process.send_signal(signal.SIGSTOP)
    stage.harrier("rebuild", "--data", stage.data, "--priority=normal")
    damage_tables(stage)
    stage.server.process.send_signal(signal.SIGCONT)
    stage.fires("HarrierGenerationRefused")


def tables_damaged(stage):
    """A start from tables of which a part is lost; a rebuild mends it."""
    stage.start()
    time.sleep(3)
    stage.night()
    stage.await_metric('harrierd_swaps_total{result="adopted"}', 1)
    stage.server.stop()
    damage_tables(stage, size=8192)
    stage.server.start()
    stage.fires("HarrierTablesDamaged")
    stage.harrier("rebuild", "--data", stage.data, "--priority=normal", "--full")
    stage.quiet("HarrierTablesDamaged", "HarrierGenerationRefused")


def swap_abandoned(stage):
    """A disk that reads so slowly that with each round of catching up more records than can wait have come, three times."""
    stage.start(environment={"LD_PRELOAD": os.environ["STAGED_MACHINE_LIBRARY"], "STAGED_READ_MS": "400"})
    time.sleep(3)
    stage.night()
    for times in (1, 2, 3):
        stage.await_metric('harrierd_swaps_total{result="abandoned"}', times)
        stage.server.process.send_signal(signal.SIGHUP)  # otherwise the next try is in five minutes
    stage.fires("HarrierSwapAbandoned")


def states_differ(stage):
    """A rebuild that loses the state of a card."""
    stage.start()
    stage.prometheus.await_("a payment", lambda: stage.send(20))
    card = f"c{stage.numbers - 19}"
    time.sleep(3)
    stage.night()
    stage.await_metric('harrierd_comparisons_total{result="equal"}', 1)
    subprocess.run([WRONG_TABLES, stage.data, os.path.join(stage.folder, "policy"), card], check=True, timeout=WAIT)
    stage.fires("HarrierStatesDiffer")
    stage.harrier("rebuild", "--data", stage.data, "--priority=normal", "--full")
    stage.await_metric('harrierd_swaps_total{result="adopted"}', 3)


def sync_slow(stage):
    """A disk that takes eight seconds for a sync."""
    stage.start(environment={"LD_PRELOAD": os.environ["STAGED_MACHINE_LIBRARY"], "STAGED_SYNC_MS": "8000"})
    stage.fires("HarrierSyncSlow")


def backup_old(stage):
    """One backup, and none after it."""
    stage.start()
    time.sleep(3)
    stage.harrier("backup", stage.data, os.path.join(stage.folder, "kept"), "--quiet", "--priority=normal")
    stage.await_metric("harrierd_backup_position", stage.value("harrierd_backup_position"))
    stage.fires("HarrierBackupOld")


def events_lost(stage):
    """A receiver that fails each time, and room for a few events only."""
    stage.mix = {"7995": 50, "6051": 30, "4829": 1}
    stage.start("--event_command=/bin/false", "--events=verdict:decline,verdict:review", "--event_queue=64KiB")
    stage.fires("HarrierEventsLost", doing=lambda: stage.send(200))


def held_back(stage):
    """Amounts of one night are ten times those of the night before, and the policy allows half as much more."""
    stage.write_policy("thresholds.yaml", """\
guard: 0.5
thresholds:
  - {name: usual, statistic: median, of: amount, over: 1d, minimum: 20, fallback: 1.0}
""")
    stage.write_policy("rules/usual.yaml", "rules: [{name: unusual, about: u, when: amount > 90.0 * thresholds.usual, then: {score: 1}}]\n")
    stage.start(traffic=False)
    stage.send(200, amount_minor=1000)
    time.sleep(1)
    stage.night(in_time=True, status=None)
    for _ in range(5):
        stage.send(200, amount_minor=10000)
    time.sleep(1)
    stage.night("--again", in_time=True, status=None)
    stage.fires("HarrierNightHeldBack", doing=lambda: stage.send(5, amount_minor=10000))


def night_models(stage):
    """A training that fails: the night goes on without it."""
    stage.write_policy("models.yaml", "models:\n  - name: risk\n    scorecard: {base: 100, points: {amount: [{below: 20, points: -40}, {points: 0}]}}\n")
    stage.write_policy("rules/risk.yaml", "rules: [{name: risky, about: risky, when: models.risk > 150, then: {score: 1}}]\n")
    stage.start()
    time.sleep(3)
    stage.night("--policy", os.path.join(stage.folder, "policy"), "--train", "risk", "--train-program", "/bin/false", status=2)
    stage.fires("HarrierNightModels")


def model_drift(stage):
    """A day of decisions, by a clock that goes on, about other amounts than the model's reference has."""
    from story import MODEL  # pylint: disable=import-outside-toplevel  (it uses this module)

    for path, text in MODEL.items():
        stage.write_policy(path, text)
    shift = stage.write("shift", "")

    def set_clock(ahead):
        with open(shift, "r+b") as file:
            file.write((int(ahead) * 1000000).to_bytes(8, "little", signed=True))

    set_clock(0)
    stage.start(environment={"LD_PRELOAD": os.environ["CLOCK_SHIFT_LIBRARY"], "CLOCK_SHIFT": shift}, traffic=False)
    stage.send(100)
    set_clock(25 * 3600)
    stage.fires("HarrierModelDrift", "HarrierModelScoreDrift",
                doing=lambda: stage.send(100, event_time_us=now_us() + 25 * 3600 * 1000000))  # fmt: skip


NEEDS_DISK = {"degrades", "disk", "rejects"}
# What must fire in each, and what may fire beside it.
STAGES = {
    "healthy": (healthy, set(), set()),
    "verdicts": (verdicts, {"HarrierDeclinesSpike", "HarrierVerdictSpike", "HarrierVerdictDrop"}, set()),
    "never": (never, {"HarrierNeverNight", "HarrierNeverRebuilt", "HarrierNeverBackup"}, set()),
    "old": (old, {"HarrierDecisionsStale", "HarrierRebuildWanted", "HarrierGenerationOld", "HarrierNightMissing",
                  "HarrierDegraded", "HarrierNightAlerts"}, {"HarrierNeverBackup"}),
    # Without tables and backup for more than two days of scaled time.
    "swap_abandoned": (swap_abandoned, {"HarrierSwapAbandoned"}, {"HarrierNeverBackup", "HarrierNeverRebuilt"}),
    "disk": (disk, {"HarrierDiskFilling", "HarrierDiskLow", "HarrierDiskFull", "HarrierArchiveWriteFailed", "HarrierNotReady",
                    "HarrierErrors"}, {"HarrierRefused", "HarrierRejectsDropped", "HarrierNoTraffic"}),
    "degrades": (degrades, {"HarrierArchiveDegraded"},
                 {"HarrierArchiveWriteFailed", "HarrierDiskFilling", "HarrierDiskLow", "HarrierDiskFull", "HarrierDegraded"}),
    "down": (down, {"HarrierDown"}, set()),
    "restarts": (restarts, {"HarrierRestarts"}, {"HarrierDown"}),
    "latency": (latency, {"HarrierLatency"}, {"HarrierBusy", "HarrierDown"}),
    "overload": (overload, {"HarrierBusy"}, {"HarrierOverloaded"}),
    "overloaded": (overloaded, {"HarrierOverloaded"}, {"HarrierBusy"}),
    "deadlines": (deadlines, {"HarrierDeadlines"}, set()),
    "rejects": (rejects, {"HarrierRejectsDropped"}, {"HarrierRefused"}),
    "listener": (listener, {"HarrierListenerReopened"}, set()),
    "clock": (clock, {"HarrierClockBehind"}, set()),
    "no_traffic": (no_traffic, {"HarrierNoTraffic"}, set()),
    "old_events": (old_events, {"HarrierEventTimesOld"}, set()),
    "refused": (refused, {"HarrierRefused"}, set()),
    "connections": (connections, {"HarrierConnectionsRefused"}, set()),
    "buffers": (buffers, {"HarrierBuffersFull"}, set()),
    "scanners": (scanners, {"HarrierConnectionsCut"}, set()),
    "tokens": (tokens, {"HarrierTokenEnds", "HarrierDenied", "HarrierTokensRefused"}, set()),
    "sources": (sources, {"HarrierSourceGaps"}, set()),
    "degraded": (degraded, {"HarrierDegraded"}, set()),
    "brake": (brake, {"HarrierBrake"}, set()),
    "rules_fail": (rules_fail, {"HarrierRulesFail"}, set()),
    "policy": (policy, {"HarrierPolicyRefused", "HarrierShadowPolicyRefused", "HarrierChallengerRefused"}, set()),
    "warming": (warming, {"HarrierWarming"}, {"HarrierDegraded"}),
    "not_synced": (not_synced, {"HarrierArchiveNotSynced"}, set()),
    "overlay": (overlay, {"HarrierRebuildWanted", "HarrierOverlayFull"}, set()),
    "night_fails": (night_fails, {"HarrierNightFailed"}, set()),
    "night_alerts": (night_alerts, {"HarrierNightAlerts"}, set()),
    "sync_slow": (sync_slow, {"HarrierSyncSlow"}, {"HarrierArchiveNotSynced"}),
    "backup_old": (backup_old, {"HarrierBackupOld"}, set()),
    "events_lost": (events_lost, {"HarrierEventsLost"}, set()),
    "held_back": (held_back, {"HarrierNightHeldBack"}, {"HarrierNightAlerts"}),
    "night_models": (night_models, {"HarrierNightModels"}, {"HarrierNightAlerts"}),
    "model_drift": (model_drift, {"HarrierModelDrift", "HarrierModelScoreDrift"}, set()),
    "generation": (generation, {"HarrierGenerationRefused"}, {"HarrierDown"}),
    "tables_damaged": (tables_damaged, {"HarrierTablesDamaged"}, {"HarrierDown", "HarrierGenerationRefused"}),
    "states_differ": (states_differ, {"HarrierStatesDiffer"}, set()),
}
