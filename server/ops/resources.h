/* What the server uses of its machine, and what is left: processor time, memory, room on the disks.
 * Read from the kernel whenever somebody asks for the metrics. */
#pragma once

#include "core/base/metric.h"

/* A folder that does not exist yet lies on its parent's disk. What the kernel does not tell leaves
 * its metric as it was; a disk that was never read has none. By one thread at a time. */
void resources_measure(struct metric_set *metrics, const char *archive, const char *generations);
