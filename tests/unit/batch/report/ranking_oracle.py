#!/usr/bin/env python3
"""Prints the figures that test_ranking_metrics.c expects, computed with scikit-learn, pandas and
numpy: AUC and average precision by their own functions, weighted by how often a day was drawn; the
rest from data frames. Run it with a Python that has the three; the test itself needs none of them.
"""
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

MASK = (1 << 64) - 1
DAYS, ROWS, REVIEWS, CARDS, DRAWS, SEED = 20, 3000, 12, 10, 200, 7


def split_mix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def rows():
    """As make_rows() of the test. Scores tie often on the first side, seldom on the second."""
    random = split_mix(1)
    table = []
    for i in range(ROWS):
        day = i * DAYS // ROWS
        positive = next(random) % 40 < 1 + day % 3
        coarse = next(random) % 20 + (6 if positive else 0)
        fine = (next(random) >> 40) / 1024.0 + (4096.0 if positive else 0)
        table.append((day, positive, float(coarse), fine, next(random) % 100000, next(random) % 400))
    return pd.DataFrame(table, columns=["day", "positive", "a", "b", "amount", "card"])


def reviewed_part(table, score):
    """Of each row, how much of it is reviewed: ties share the places that are left."""
    part = pd.Series(0.0, index=table.index)
    for _, of_day in table.groupby("day"):
        left = REVIEWS
        for _, tied in sorted(of_day.groupby(score), reverse=True):
            part[tied.index] = min(left, len(tied)) / len(tied)
            left -= min(left, len(tied))
    return part


def cards_found(table, score):
    found, each_day = set(), []
    for _, of_day in table.groupby("day"):
        of_day = of_day[~of_day.card.isin(found)]
        cards = of_day.groupby("card", sort=False).agg({score: "max", "positive": "max"})
        top = cards.sort_values(score, ascending=False, kind="stable").head(CARDS)
        hits = set(top.index[top.positive])
        each_day.append(len(hits))
        found |= hits
    return np.array(each_day)


def figures(table, score, part, cards, weights):
    w = weights[table.day]
    hit = w * part * table.positive
    return np.array([
        roc_auc_score(table.positive, table[score], sample_weight=w),
        average_precision_score(table.positive, table[score], sample_weight=w),
        hit.sum() / (w * part).sum(),
        hit.sum() / (w * table.positive).sum(),
        (hit * table.amount).sum() / (w * table.positive * table.amount).sum(),
        (weights * cards).sum() / (CARDS * DAYS),
    ])


def main():
    table = rows()
    parts = {s: reviewed_part(table, s) for s in "ab"}
    cards = {s: cards_found(table, s) for s in "ab"}
    both = lambda w: [figures(table, s, parts[s], cards[s], w) for s in "ab"]
    values = both(np.ones(DAYS, dtype=int))
    random, drawn = split_mix(SEED), []
    for _ in range(DRAWS):
        days = [next(random) * DAYS >> 64 for _ in range(DAYS)]
        drawn.append(both(np.bincount(days, minlength=DAYS)))
    drawn = np.array(drawn)
    print(f"rows {len(table)}, positive {table.positive.sum()}")
    for name, value, draws in (("a", values[0], drawn[:, 0]), ("b", values[1], drawn[:, 1]),
                               ("a - b", values[0] - values[1], drawn[:, 0] - drawn[:, 1])):
        low, high = np.percentile(draws, [2.5, 97.5], axis=0)
        print(f"/* {name} */")
        for v, lo, hi in zip(value, low, high):
            print(f"{{{v:.15g}, {lo:.15g}, {hi:.15g}}},")


if __name__ == "__main__":
    main()
