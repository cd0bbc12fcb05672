/* What was written, in portions that can be read back each by itself: so that several threads
 * compare what is in the tables with what was given. Private to store/.
 *
 * A portion is a run of entries of one table: its first key and how many there are. One hash runs
 * over all entries, and each portion keeps the place where it stood before it; read back, the
 * entries must lead from there to where it stands before the next one. */
#pragma once

#include "../base/error.h"
#include "../base/text.h"
#include "tables.h"

#include <stddef.h>
#include <stdint.h>

struct portions;
/* portion_bytes: of entries, about; a table begins a portion anyway. */
struct portions *portions_new(uint64_t portion_bytes);
void portions_free(struct portions *portions); /* NULL is allowed */

/* An entry, in the order of the content: table after table, in each by key. The name of a table
 * stays where it is as long as entries of it come. */
void portions_add(struct portions *portions, struct text table, struct text key, struct text value);
/* Several of one table, as content_put() lays them out. */
void portions_add_many(struct portions *portions, struct text table, struct text first_key,
                       uint64_t count, const uint8_t *entries, size_t length);
/* Over all entries so far, as content_add() has them. */
uint64_t portions_hash(struct portions *portions);

/* After the last entry. */
size_t portions_count(struct portions *portions);
/* Any thread, with tables of its own. ERROR_DAMAGED: the table holds something else there. */
int portions_check(const struct portions *portions, size_t index, const struct tables *tables,
                   struct error *ret_error);
/* Has the table as many entries as were added? With each portion as it was, that is all of it. */
int portions_check_count(const struct portions *portions, const char *table,
                         const struct tables *tables, struct error *ret_error);
