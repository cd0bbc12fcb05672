/* The table of baselines. Private to batch/rebuild. */
#pragma once

#include "core/store/generation/generation_writer.h"

/* A put_baselines() whose user is the struct rebuild: writes the values that thresholds keep in the
 * tables, computed, or those of the generation adopted last if thresholds are kept. */
int rebuild_put_baselines(void *user, struct generation_writer *writer, struct error *ret_error);
