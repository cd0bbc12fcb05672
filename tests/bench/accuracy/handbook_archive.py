"""The Fraud Detection Handbook's payments as an archive: each fraud is reported seven days after its payment."""
import csv
import datetime
import os
import subprocess
import sys

import handbook_protocol as protocol

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
FILE = "handbook_raw.csv.zst"
FIRST_DAY = datetime.datetime(2018, 4, 1)
KNOWN_AFTER = datetime.timedelta(days=protocol.DELAY_DAYS)


def build(folder):
    """Builds the program; returns its path."""
    program = "clients/cli/harrier"
    subprocess.run([os.path.join(ROOT, "deploy", "build-release"), os.path.abspath(folder), program], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(folder, program)


def read_rows(path):
    with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE, text=True) as lines:
        yield from csv.DictReader(lines.stdout)
    if lines.returncode != 0:
        raise RuntimeError(f"zstd ended with status {lines.returncode}")


def convert(path, out):
    """Writes the file with the columns that `harrier import` reads. Returns for each payment what the
    protocol needs besides its score: day, customer, is it fraud? The ids are 0, 1, 2 …"""
    known = []
    with open(out, "w", encoding="utf-8") as rows:
        rows.write("id,event_time,amount,currency,customer,terminal,outcome,outcome_time\n")
        for number, row in enumerate(read_rows(path)):
            if row["TRANSACTION_ID"] != str(number):
                raise RuntimeError(f"the id of row {number} is {row['TRANSACTION_ID']}: not the expected file")
            when = datetime.datetime.fromisoformat(row["TX_DATETIME"])
            is_fraud = row["TX_FRAUD"] == "1"
            outcome = f"fraud,{(when + KNOWN_AFTER).isoformat()}Z" if is_fraud else ","
            rows.write(f"{number},{when.isoformat()}Z,{row['TX_AMOUNT']},EUR,{row['CUSTOMER_ID']},"
                       f"{row['TERMINAL_ID']},{outcome}\n")
            known.append(((when - FIRST_DAY).days, sys.intern(row["CUSTOMER_ID"]), is_fraud))
    return known


def decide(harrier, policy, rows, archive):
    os.mkdir(archive)
    subprocess.run([harrier, "import", archive, rows, "--policy", policy], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
