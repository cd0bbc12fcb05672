"""The values of a night's thresholds a second time, from the rows that were imported, and what a server on its tables has."""
import collections
import csv
import datetime
import os
import re
import shutil
import subprocess
import time
import zlib

OVER = datetime.timedelta(days=28)
RATES = {"EUR": (1, 1), "GBP": (116, 100), "USD": (92, 100)}  # rules/card-payments
SHARE = {"card": 997, "merchant": 97}  # one of so many keys is looked at
# Live, or its reason would not be in the answer; worth nothing. The numbers are exact: amounts have two decimals.
PROBE = """rules:
  - name: probe
    when: amount >= 0.0
    then: {score: 0}
    reason: "usual {thresholds.usual[card]} spread {thresholds.spread[card]} merchant {thresholds.merchant_usual[merchant]} end"
"""


def base_minor(row):
    """In minor units of the base currency, ties to the even one."""
    times, by = RATES[row["currency"]]
    minor = round(float(row["amount"]) * 100) * times
    whole, rest = divmod(minor, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2))


def chosen(kind, key):
    return zlib.crc32(key.encode()) % SHARE[kind] == 0


class Values:
    """Of one group: how often each amount occurs."""

    def __init__(self):
        self.counts = collections.Counter()
        self.total = 0

    def add(self, minor):
        self.counts[minor] += 1
        self.total += 1

    def quantile(self, q, distance_from=None):
        """The k-th smallest, k = ⌈q·n⌉; of the distances from a value, if that is given."""
        counts = self.counts
        if distance_from is not None:
            counts = collections.Counter()
            for minor, count in self.counts.items():
                counts[abs(minor - distance_from)] += count
        rank, values = -(-self.total * round(q * 10) // 10), sorted(counts)
        reached = 0
        for value in values:
            reached += counts[value]
            if reached >= rank:
                return value
        raise AssertionError("no values")


def newest_time(path):
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 4096))
        times = re.findall(rb"\n[^,\n]+,(\d{4}-[^,]+Z),", file.read())
    return max(parse(text.decode()) for text in times)


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def read(paths, newest):
    """The values of all rows and those of the chosen cards and merchants; a row of each such card, and one of each such
    merchant. paths: in the order of time."""
    everything, groups, samples = Values(), collections.defaultdict(Values), {}
    first = (newest - OVER).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["event_time"] <= first:
                    continue
                minor = base_minor(row)
                everything.add(minor)
                for kind in SHARE:
                    if row[kind] and chosen(kind, row[kind]):
                        groups[kind, row[kind]].add(minor)
                        samples[kind, row[kind]] = row
    return everything, groups, samples


def expected(everything, groups, row):
    """What a payment of this card at this merchant has to read: usual, spread, and the merchant's."""
    card, merchant = (groups.get((kind, row[kind])) for kind in ("card", "merchant"))
    card = card if card and card.total >= 5 else everything
    merchant = merchant if merchant and merchant.total >= 20 else everything
    usual = card.quantile(0.5)
    return usual, card.quantile(0.5, usual), merchant.quantile(0.9)


def probes(groups, samples):
    """Payments of chosen cards, each at a chosen merchant."""
    merchants = sorted(key for kind, key in groups if kind == "merchant")
    cards = sorted(key for kind, key in groups if kind == "card")
    for number, card in enumerate(cards):
        yield {**samples["card", card], "merchant": merchants[number % len(merchants)]}


def ask(build, policy, data, rows, newest):
    """What a server on these tables reads for each row, in minor units."""
    folder = os.path.join(os.path.dirname(data), "probe")
    shutil.copytree(policy, folder)
    with open(os.path.join(folder, "rules", "probe.yaml"), "w", encoding="utf-8") as file:
        file.write(PROBE)
    address, path = "ipc://" + os.path.join(os.path.dirname(data), "probe.sock"), os.path.join(os.path.dirname(data), "probe.csv")
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "event_time", "amount", *(set(rows[0]) - {"id", "event_time", "amount"})],
                                extrasaction="ignore")
        writer.writeheader()
        for number, row in enumerate(rows):
            at = newest + datetime.timedelta(milliseconds=number + 1)
            writer.writerow({**row, "id": f"probe-{number}", "event_time": at.isoformat().replace("+00:00", "Z"), "outcome": "",
                             "outcome_time": ""})
    with subprocess.Popen([os.path.join(build, "server", "harrierd"), f"--policy={folder}", f"--data_dir={data}",
                           f"--listen={address}"], stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 600
            harrier = os.path.join(build, "clients", "cli", "harrier")
            while "ready" not in subprocess.run([harrier, "status", "--to", address], capture_output=True, text=True,
                                                check=False).stdout.split("\n", maxsplit=1)[0]:
                assert server.poll() is None and time.monotonic() < deadline, "harrierd does not get ready"
                time.sleep(0.5)
            answer = subprocess.run([harrier, "score", path, "--to", address, "--quiet"], check=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, text=True).stdout
        finally:
            server.terminate()
    found = {}
    for decision in csv.DictReader(answer.splitlines()):
        said = re.search(r"usual (\S+) spread (\S+) merchant (\S+) end", decision["reasons"])
        found[decision["transaction_id"]] = tuple(round(float(number) * 100) for number in said.groups())
    return [found[f"probe-{number}"] for number in range(len(rows))]


def compare(build, policy, data, paths):
    """Returns how many values of single groups were compared, how many rows there are in all, and the differences."""
    newest = newest_time(paths[-1])
    everything, groups, samples = read(paths, newest)
    rows = list(probes(groups, samples))
    answers = ask(build, policy, data, rows, newest)
    differences = [f"{row['card']} at {row['merchant']}: the server has {got}, expected {wanted}"
                   for row, got in zip(rows, answers, strict=True) if got != (wanted := expected(everything, groups, row))]
    own = sum(groups["card", row["card"]].total >= 5 for row in rows)
    return len(rows), own, everything.total, differences
