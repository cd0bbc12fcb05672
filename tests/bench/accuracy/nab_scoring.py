"""The scoring of the Numenta Anomaly Benchmark (Lavin and Ahmad, ICMLA 2015), written from its rules.

A detector gives each row of each series a score. A row is a detection if its score reaches the threshold,
one for the whole corpus, chosen for the best total. The first rows of a series are probation and do not
count. In a window around a labelled anomaly only the earliest detection counts, and early ones earn more; a
missed window costs; a detection outside of all windows costs less if it closely follows one. The total is
normalised: 0 for a detector that never detects anything, 100 for one that detects every window at its first
row and nothing else.
"""
import bisect
import dataclasses
import itertools
import math

PROBATION_SHARE, PROBATION_ROWS_MAX = 0.15, 750


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a window found at once earns, what a false detection costs at most, and what a missed window costs."""
    found: float
    false: float
    missed: float


PROFILES = {"standard": Profile(1.0, 0.11, 1.0), "reward_low_FP_rate": Profile(1.0, 0.22, 1.0),
            "reward_low_FN_rate": Profile(1.0, 0.11, 2.0)}


@dataclasses.dataclass(frozen=True)
class Result:
    total: float  # normalised
    threshold: float  # infinite if no detection at all is best
    found: int  # windows
    false: int  # rows


def sigmoid(place):
    """From 1 (far before the end of a window) over 0 (at its end) to -1 (far behind it)."""
    return -1.0 if place > 3.0 else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def probation(rows):
    return min(math.floor(PROBATION_SHARE * rows), PROBATION_ROWS_MAX)


def windows_of_rows(times, windows):
    """(first, last) row of each window of times, both ends included. Times must be in order."""
    placed = [(bisect.bisect_left(times, first), bisect.bisect_right(times, last) - 1) for first, last in windows]
    if any(first > last for first, last in placed):
        raise ValueError("a window without rows")
    return placed


def worths(rows, windows):
    """Of each row behind the probation: (window, worth). In a window, the worth is the share of the full reward;
    outside, window is None and the worth is the share of the full cost, negative."""
    ended = None  # the last window that lies behind
    following = iter([*enumerate(sorted(windows)), (None, (rows, rows))])
    number, (first, last) = next(following)
    for row in range(rows):
        if row > last:
            ended = first, last
            number, (first, last) = next(following)
        if row < probation(rows):
            continue
        if row >= first:
            yield row, number, sigmoid(-(last - row + 1) / (last - first + 1)) / sigmoid(-1.0)
        elif ended is None:
            yield row, None, -1.0
        else:
            length = max(ended[1] - ended[0], 1)
            yield row, None, sigmoid((row - ended[1]) / length)


def best(corpus, profile):
    """The best total over all thresholds. The corpus is a list of (scores, windows) with a score for each row."""
    windows = sum(len(windows) for _, windows in corpus)
    if not windows:
        raise ValueError("a corpus without windows")
    rows = [(scores[row], (series, window), worth) for series, (scores, windows_of) in enumerate(corpus)
            for row, window, worth in worths(len(scores), windows_of)]
    rows.sort(key=lambda row: -row[0])
    chosen = Result(0.0, math.inf, 0, 0)
    reached, false, total = {}, 0, 0.0  # of windows found: the worth of the earliest detection
    for threshold, detections in itertools.groupby(rows, key=lambda row: row[0]):
        for _, window, worth in detections:
            if window[1] is None:
                false += 1
                total += profile.false * worth
            elif worth > reached.get(window, -math.inf):
                if window not in reached:
                    total += profile.missed
                total += profile.found * (worth - reached.get(window, 0.0))
                reached[window] = worth
        normalised = 100.0 * total / (windows * (profile.found + profile.missed))
        if normalised > chosen.total:
            chosen = Result(normalised, threshold, len(reached), false)
    return chosen
