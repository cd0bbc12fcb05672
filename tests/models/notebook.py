#!/usr/bin/env python3
"""Runs the steps of "From a notebook" in docs/MODELS.md in a folder of its own. usage: tests/models/notebook"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def steps():
    """In order: ("shell", command), ("python", code), ("yaml", content)."""
    text = (ROOT / "docs/MODELS.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## From a notebook\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    for match in re.finditer(r"^    (harrier [^\n]*)$|^```(python|yaml)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        yield ("shell", match[1]) if match[1] else (match[2], match[3])


def call(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copytree(ROOT / "rules/card-payments", "rules/mine")
        os.makedirs("rules/mine/models")
        call(["harrier", "simulate", "--days=31", "--transactions-per-day=1500", "--customers=600", "--fraud-rate=0.03",
              "--out=all.csv"])
        call(["harrier", "import", "--quiet", "archive", "all.csv", "--policy=rules/mine"])
        names, kinds = {}, []
        for kind, content in steps():
            kinds.append(kind)
            if kind == "python":
                exec(compile(content, "docs/MODELS.md", "exec"), names)  # noqa: S102  # our own manual
            elif kind == "yaml":
                (path,) = re.findall(r"^# (\S+\.yaml)$", content, re.MULTILINE)
                pathlib.Path("rules/mine", path).write_text(content, encoding="utf-8")
            else:
                call(shlex.split(content.replace("/var/lib/harrier", "archive")))
        assert kinds == ["shell", "python", "yaml", "yaml", "shell", "shell"], kinds
        compare(names)


def compare(names):
    pandas, numpy = names["pandas"], __import__("numpy")
    metrics = __import__("sklearn.metrics").metrics
    later = pandas.read_csv("later.csv", low_memory=False)
    x = later[names["numbers"]].astype(float)
    x["channel"] = pandas.Categorical(later["channel"], categories=["ecom", "app", "pos", "atm", "moto"])
    y = later["outcome"].isin(["fraud", "chargeback"])
    first = names["xgboost"].Booster(model_file="rules/mine/models/first.ubj")
    second = names["lightgbm"].Booster(model_file="rules/mine/models/second.txt")
    predicted = {"first": first.predict(names["xgboost"].DMatrix(x, enable_categorical=True)), "second": second.predict(x)}
    assert len(later) > 1000 and y.sum() > 50, (len(later), y.sum())
    for name, values in predicted.items():
        far = numpy.abs(later[f"models.{name}"] - values).max()
        auc = metrics.roc_auc_score(y, later[f"models.{name}"])
        print(f"{name}: {len(later)} rows, largest difference {far:.1e}, AUC {auc:.3f}")
        assert far < 1e-6 and auc > 0.7, (name, far, auc)


if __name__ == "__main__":
    main()
