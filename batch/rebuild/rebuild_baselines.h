/* The table of baselines. Private to batch/rebuild. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/store/generation/generation_writer.h"

/* Does it have a threshold with "groups: many"? */
bool rebuild_has_baselines(const struct snapshot *snapshot);
/* A put_baselines() whose user is the struct rebuild: writes the values that thresholds keep in the
 * tables, computed, or those of the generation adopted last if thresholds are kept; if that one is
 * gone, the report's warning says so. */
int rebuild_put_baselines(void *user, struct generation_writer *writer, struct error *ret_error);
