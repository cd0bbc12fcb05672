"""One server through a busy day, in some minutes: what the dashboard is drawn from."""
import os
import shutil
import time

from small_disk import is_possible
from stages import MIB, POLICY, now_us

LABELS = ("fraud", "legit", "chargeback")
# A model with a reference that saw other amounts: its drift is above 0.25.
MODEL = {
    "models.yaml": """\
models:
  - name: risk
    reference: models/risk.reference.json
    scorecard: {base: 100, points: {amount: [{below: 20, points: -40}, {below: 60, points: 0}, {points: 60}]}}
""",
    "models/risk.reference.json": """\
{"format": "harrier-reference-1", "rows": 10000,
 "inputs": [{"name": "amount", "missing": 0, "edges": [20, 60], "counts": [7000, 2000, 1000]}],
 "score": {"missing": 0, "edges": [80, 120], "counts": [7000, 2000, 1000]}}
""",
    "lists.yaml": "lists:\n  blocked_cards: {type: string, file: lists/cards.txt}\n",
    "lists/cards.txt": "nobody\n",
    "rules/more.yaml": """\
rules:
  - {name: risky, about: risky, when: models.risk > 150, then: {score: 100}}
  - {name: blocked, about: blocked, when: card in lists.blocked_cards, then: {verdict: decline}}
""",
}


class People:
    """Outcomes, amendments, lists and questions, as the console and other programs send them."""

    def __init__(self, stage, token):
        self.stage, self.token, self.round = stage, token, 0

    def call(self, **request):
        try:
            with self.stage.server.connect(timeout=20) as connection:
                return connection.call({"token": self.token, **request})
        except OSError:
            return {}

    def work(self):
        self.round += 1
        number = max(1, self.stage.numbers - 40)
        names = [f"story-{number + i}" for i in range(3)]
        self.call(report_outcome={"outcomes": [{"transaction_id": name, "label": f"LABEL_{label.upper()}"}
                                               for name, label in zip(names, LABELS)]})  # fmt: skip
        self.call(amend={"amendments": [{"transaction_id": names[0], "kind": "AMENDMENT_VOID", "source": "settlement"}]})
        self.call(change_list={"changes": [{"list": "blocked_cards", "value": f"x{self.round}", "source": "analyst:7"}]})
        self.call(get_entity={"entity": "card", "key": f"c{number}"})
        self.call(explain={"transaction_id": names[1]})
        self.call(score={"transactions": [self.stage.transaction()], "dry_run": True})


def shop(stage, people, seconds, batch=30):
    """Numbered transactions of a source, with a gap now and then, while people work."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rows = []
        for _ in range(batch):
            stage.sequence += 1 + (stage.sequence % 500 == 0)
            rows.append({**stage.transaction(), "source": "shop", "sequence": stage.sequence})
        rows.append({**rows[0]})  # a repeated one
        rows.append({**stage.transaction(), "currency": "nowhere"})
        rows.append({**stage.transaction(), "terminal": "abc"})
        people.call(score={"transactions": rows})
        people.work()
        time.sleep(0.1)


def begin(stage):
    stage.sequence = 0
    for path, text in MODEL.items():
        stage.write_policy(path, text)
    for folder in ("shadow", "challenger"):
        shutil.copytree(os.path.join(stage.folder, "policy"), os.path.join(stage.folder, folder))
    stage.write_policy("rules/other.yaml", "rules: [{name: other, about: o, when: amount > 80.0, then: {verdict: review}}]\n",
                       folder="shadow")  # fmt: skip
    stage.write_policy("policy.yaml", POLICY["policy.yaml"].replace("watched", "challenger"), folder="challenger")
    tokens = os.path.join(stage.folder, "tokens")
    token = {name: stage.harrier("token", "new", name, "--scopes", scopes, "--tokens", tokens).strip()
             for name, scopes in (("shop", "score"), ("console", "score,outcome,find,admin"))}  # fmt: skip
    if is_possible():
        stage.small_disk(96 * MIB)
    flags = [f"--tokens={tokens}", f"--shadow={stage.folder}/shadow", f"--challenger={stage.folder}/challenger",
             "--challenger_key=card", "--challenger_share=20%", "--max_connections=12", "--overlay_limit=64MiB",
             f"--rejects={stage.folder}/rejects.jsonl", f"--http_listen=127.0.0.1:{stage.http_port}"]  # fmt: skip
    stage.start(*flags, traffic=False)
    return token


def overload(stage, people):
    """Full messages of four clients, and more connections than are allowed."""
    held = []
    group = stage.load(4, 12, token=people.token)
    for _ in range(40):
        try:
            held.append(stage.server.connect(timeout=1))
        except OSError:
            pass
        time.sleep(0.05)
    shop(stage, people, 6)
    for one in held:
        one.socket.close()
    for one in group:
        one.join()


def full_disk(stage, people):
    for left in (60, 40, 20, 8, 1, 0):
        stage.disk.fill(leave=left * MIB)
        shop(stage, people, 2)
    for _ in range(8):
        stage.disk.fill(leave=0)
        shop(stage, people, 1, batch=400)
    stage.disk.make_room()
    stage.await_metric("harrierd_ready", 1)


def tell(stage):
    token = begin(stage)
    people = People(stage, token["console"])
    environment = ("--to", stage.server.address, "--token-file", stage.write("console.token", token["console"] + "\n"))
    os.chmod(os.path.join(stage.folder, "console.token"), 0o600)
    shop(stage, people, 25)
    stage.ask_http()
    stage.night(in_time=True, status=2)  # its report has alerts: a rule fails
    shop(stage, people, 10)
    stage.mix = {"7995": 10, "6051": 12, "4829": 3}
    shop(stage, people, 10)
    stage.harrier("brake", "pull", "gambling", *environment)
    stage.write_policy("rules/late.yaml", "rules: [{name: late, about: l, when: merchant.cards_1d > 3, then: {score: 1}}]\n")
    stage.harrier("reload", *environment, status=None)
    shop(stage, people, 8)
    stage.harrier("brake", "lift", "gambling", *environment)
    overload(stage, people)
    people.call(score={"transactions": [{**stage.transaction(), "event_time_us": now_us() - 86400 * 1000000 * 9}]})
    stage.night(in_time=True, status=2)  # its report has alerts: a rule fails
    shop(stage, people, 10)
    if stage.disk:
        full_disk(stage, people)
    shop(stage, people, 8)
    stage.again()
    time.sleep(3)
    shop(stage, people, 15)


