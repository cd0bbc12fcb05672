/* Aggregation: what the windows of a state hold as of the time of a read. Internal to core/feature.
 */
#pragma once

#include "values.h"

/* A state with no more rows than this, single transactions all of them, and nothing collapsed, is
 * looked through at each read: it needs no memory for windows, and the look costs no more than
 * keeping them up. */
#define SCAN_ROWS_MAX 16

/* All aggregations but those of quantiles, by a look at every row. Nothing has collapsed. */
void scan_rows(struct reading *reading, const struct state *state);
/* The same by windows that have been brought to the time of the read. */
void scan_windows(struct reading *reading, const struct state *state, struct windows *windows);
/* Those of quantiles. */
void scan_quantiles(struct reading *reading, const struct state *state);
