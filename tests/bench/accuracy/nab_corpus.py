"""The series of the Numenta Anomaly Benchmark, as rows for Harrier, and a published detector for comparison."""
import csv
import dataclasses
import datetime
import itertools
import json
import math
import os
import subprocess

import nab_scoring as scoring

DATA, WINDOWS, PUBLISHED = "nab_v1.1.csv.zst", "nab_windows.json", "nab_final_results.json"
ROWS, SERIES, ANOMALIES = 365558, 58, 116


@dataclasses.dataclass(frozen=True)
class Series:
    name: str
    times: list
    values: list  # as written in the file
    windows: list  # (first, last) row of each labelled anomaly


def read_json(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def read(folder):
    labels = read_json(folder, WINDOWS)
    corpus = []
    with subprocess.Popen(["zstd", "-dcq", os.path.join(folder, DATA)], stdout=subprocess.PIPE, text=True) as lines:
        for name, rows in itertools.groupby(csv.DictReader(lines.stdout), key=lambda row: row["file"]):
            rows = list(rows)
            times = [datetime.datetime.fromisoformat(row["timestamp"]) for row in rows]
            windows = scoring.windows_of_rows(times, [tuple(map(datetime.datetime.fromisoformat, window))
                                                      for window in labels[name]])
            inside = {row for first, last in windows for row in range(first, last + 1)}
            if inside != {number for number, row in enumerate(rows) if row["in_window"] == "1"}:
                raise RuntimeError(f"{name}: the windows are not those of the column in_window")
            corpus.append(Series(name, times, [row["value"] for row in rows], windows))
    if lines.returncode != 0:
        raise RuntimeError(f"zstd ended with status {lines.returncode}")
    found = (sum(len(series.times) for series in corpus), len(corpus), sum(len(series.windows) for series in corpus))
    if found != (ROWS, SERIES, ANOMALIES):
        raise RuntimeError(f"{found} rows, series and windows instead of {(ROWS, SERIES, ANOMALIES)}: not the expected files")
    return corpus


def write_rows(corpus, path):
    """All series side by side, as they would arrive: in the order of time, each in the order of its file. The id of a
    row is its number in the corpus."""
    rows, number = [], 0
    for series in corpus:
        arrived = datetime.datetime.min
        for time, value in zip(series.times, series.values):
            arrived = max(arrived, time)
            rows.append((arrived, number, f"{number},{time.isoformat()}Z,{series.name},{value}\n"))
            number += 1
    with open(path, "w", encoding="utf-8") as out:
        out.write("id,event_time,attributes.series,attributes.value:double\n")
        out.writelines(line for *_, line in sorted(rows))


def split(corpus, rows):
    """Cuts a list with an item for each row of the corpus into one list for each series."""
    rows = iter(rows)
    return [list(itertools.islice(rows, len(series.times))) for series in corpus]


def windowed_gaussian(values, window=6400, step=100):
    """The benchmark's simplest detector: how improbable a value is, if the last values were drawn from a normal
    distribution. Its published scores were written with twelve digits; among those close to 1 that matters."""
    recent, waiting, mean, deviation, scores = [], [], 0.0, 1.0, []
    total = squares = 0.0
    for value in values:
        score = 1.0 - 0.5 * math.erfc(abs(value - mean) / deviation / 1.4142) if recent else 0.0
        scores.append(float(f"{score:.12g}"))
        if len(recent) < window:
            recent.append(value)
            total, squares = total + value, squares + value * value
        else:
            waiting.append(value)
            if len(waiting) < step:
                continue
            recent, waiting = recent[step:] + waiting, []
            total, squares = math.fsum(recent), math.fsum(value * value for value in recent)
        mean = total / len(recent)
        deviation = math.sqrt(max(squares / len(recent) - mean * mean, 0.0)) or 0.000001
    return scores
