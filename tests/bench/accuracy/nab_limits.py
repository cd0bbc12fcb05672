"""The rules of rules/metrics once more, with limits that can be changed: what they alert on, from the figures of a replay.

Serves two purposes: with the policy's own limits the alerts must be the policy's; and limits that are chosen on half of
the series can be judged on the other half.
"""
import dataclasses
import datetime
import itertools
import random
import statistics

import nab_scoring as scoring

PAUSE, RESTLESS = datetime.timedelta(hours=9), datetime.timedelta(days=4)


@dataclasses.dataclass(frozen=True)
class Limits:
    spike: float
    level: float
    hour: float
    caution: float


POLICY = Limits(4.0, 4.0, 3.25, 0.6)
CHOICES = tuple(itertools.starmap(Limits, itertools.product(
    (3.0, 3.5, 4.0, 4.5, 5.0), (3.5, 4.0, 5.0), (2.5, 2.75, 3.0, 3.25, 3.5, 4.0), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))))
LOWEST = Limits(*(min(getattr(limits, field.name) for limits in CHOICES) for field in dataclasses.fields(Limits)))


@dataclasses.dataclass(frozen=True)
class Distances:
    """Of one reading, each 0 if its rule does not look at it."""
    row: int
    time: datetime.datetime
    spike: float
    level: float
    hour: float


def number(text):
    return float(text) if text else 0.0


def distances(row, time, value, figures):
    """Of a line of the replay, as a dict. None if no limit could make it an alert."""
    if number(figures["metric.age_60d"]) < 86400.0:
        return None
    extreme = value > number(figures["metric.highest_14d"]) or value < number(figures["metric.lowest_14d"])
    often = int(figures["same_hour.count_60d"]) >= 10
    found = Distances(row, time, number(figures["distance"]) if extreme else 0.0, number(figures["distance_45m"]),
                      number(figures["distance_from_hour"]) if often else 0.0)
    far = found.spike >= LOWEST.spike or found.level >= LOWEST.level or found.hour >= LOWEST.hour
    return found if far else None


def alerts(readings, limits):
    """The rows of a series that raise an alert."""
    rows, times = [], []
    for reading in readings:
        surplus = max(reading.spike / limits.spike, reading.level / limits.level, reading.hour / limits.hour)
        if surplus < 1.0 or times and reading.time - times[-1] < PAUSE:
            continue
        lately = sum(1 for time in times if reading.time - time < RESTLESS)
        caution = 1.0 + limits.caution * lately
        if (reading.spike >= limits.spike * caution or reading.level >= limits.level * caution
                or reading.hour >= limits.hour * caution):
            rows.append(reading.row)
            times.append(reading.time)
    return rows


def points(rows, worths, profile):
    """What alerts on these rows earn, before it is normalised; a series without alerts has 0 points."""
    best, false = {}, 0.0
    for row in rows:
        if row in worths:
            window, worth = worths[row]
            if window is None:
                false += worth
            else:
                best[window] = max(worth, best.get(window, -1.0))
    return sum(profile.found * worth + profile.missed for worth in best.values()) + profile.false * false


def halves(names, seed):
    """Two halves of the series' numbers, each with half of every folder of the benchmark."""
    shuffled = sorted(range(len(names)), key=lambda series, chance=random.Random(seed): (
        names[series].split("/")[0], chance.random()))
    return shuffled[::2], shuffled[1::2]


def left_out(corpus, readings, splits):
    """For each split, both ways: the total of the chosen half, of the other, and the limits that were chosen."""
    profile = scoring.PROFILES["standard"]
    worths = [{row: (window, worth) for row, window, worth in scoring.worths(len(series.times), series.windows)}
              for series in corpus]
    table = {limits: [points(alerts(read, limits), worth, profile) for read, worth in zip(readings, worths, strict=True)]
             for limits in CHOICES}

    def total(limits, numbers):
        windows = sum(len(corpus[series].windows) for series in numbers)
        return 100.0 * sum(table[limits][series] for series in numbers) / (windows * (profile.found + profile.missed))

    results = []
    for seed in range(splits):
        first, second = halves([series.name for series in corpus], seed)
        for chosen_on, tested_on in ((first, second), (second, first)):
            limits = max(CHOICES, key=lambda limits: total(limits, chosen_on))
            results.append((total(limits, chosen_on), total(limits, tested_on), limits))
    return results


def summary(results):
    chosen, tested = ([result[side] for result in results] for side in (0, 1))
    return (f"limits chosen on half of the series, {len(results)} times: {statistics.mean(chosen):.1f} there, "
            f"{statistics.mean(tested):.1f} on the other half (from {min(tested):.1f} to {max(tested):.1f})")
