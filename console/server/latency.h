/* How long the server takes to score, from its metrics (harrierd's admin address): over the last
 * minute, as it counts itself. A thread of its own asks now and then, so that no page waits. */
#pragma once

#include "core/base/buffer.h"

struct latency;

/* address: HOST:PORT, which has passed address_split(). NULL gives NULL, for which latency_write()
 * writes null. */
struct latency *latency_open(const char *address);
void latency_close(struct latency *latency); /* NULL is allowed */

/* Appends "latency": null where no address was given, else an object with "requests" and "seconds"
 * (what was counted in how long), "p50_us" and "p99_us" (the upper bounds of the histogram's
 * buckets that hold them; null: beyond the last bound, or no requests) and "problem" ("": none).
 * Any thread. */
void latency_write(struct latency *latency, struct buffer *out);
