/* Burst: how surprising it is that so many transactions fall into the last tick, given how many
 * there were in the whole window. Internal to core/feature.
 *
 * With a of s transactions in the last of t ticks, Pearson's chi-squared of the last tick against
 * its share s / t is
 *
 *     (a − s/t)² · t² / (s · (t − 1))  =  (a·t − s)² / (s · (t − 1)),
 *
 * the score of MIDAS (S. Bhatia, B. Hooi, M. Yoon, K. Shin, C. Faloutsos: "MIDAS:
 * Microcluster-Based Detector of Anomalies in Edge Streams", AAAI 2020). Two things differ from
 * there. t counts from the entity's own first transaction in the window, in fractions of ticks: who
 * is new is not suspicious for that alone. And a tick that is quieter than usual scores 0, as does
 * an entity without a past. */
#pragma once

#include <stdint.h>

/* in_tick ≤ in_window; the first of them was age_us before the end of window and tick. Exact
 * integers, and one division of two doubles. */
double burst_surprise(int64_t in_tick, int64_t in_window, uint64_t age_us, int64_t tick_us,
                      int64_t window_us);
