/* What each rule did, over any time: fires, and how many of them turned out to be fraud or legit by
 * now, in number and in money.
 *
 * A thread reads the archive from its start, once, and then what is added to it. Of each
 * transaction for which a rule fired it keeps a few numbers in memory (32 bytes and 2 for each
 * rule), so a question about any time is a walk over memory. The newest FIGURES_MOST transactions
 * stay. */
#pragma once

#include "core/base/buffer.h"

#include <stdint.h>

#define FIGURES_MOST (UINT32_C(4) << 20) /* transactions: 150 MB or so */

struct figures;

/* archive: its folder, or the data folder around it; the text must outlive it. */
struct figures *figures_start(const char *archive);
void figures_stop(struct figures *figures); /* NULL is allowed */

/* Appends members to an object, for event times in [from, until); 0: no bound.
 *
 *   rules     for each rule and mode that fired (live, shadow, suppressed): fires; those whose
 *             outcome is fraud, legit, suspected or not known; precision, fraud among fraud and
 *             legit, with Wilson's interval; caught, amounts of frauds that were not approved;
 *             stopped, amounts of legit ones that were declined; both by currency, in its decimals
 *   since     the event time of the oldest transaction that is kept, if older ones were dropped
 *   position, synced: how far it has read; they differ by much while it reads for the first time
 *   problem   "" or why it cannot read */
void figures_write(struct figures *figures, int64_t from_us, int64_t until_us, struct buffer *out);
