/* What was written, in portions that can be read back each by itself: so that several threads
 * compare what is in the tables with what was given. Private to store/.
 *
 * A portion is a run of entries of one table: its first key and how many there are. One hash runs
 * over all entries, and each portion keeps the place where it stood before it; read back, the
 * entries must lead from there to where it stands before the next one. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "tables.h"

#include <stddef.h>
#include <stdint.h>

struct hash_chunks;
/* chunk_bytes: of entries, about; a table begins a portion anyway. */
struct hash_chunks *hash_chunks_new(uint64_t chunk_bytes);
void hash_chunks_free(struct hash_chunks *hash_chunks); /* NULL is allowed */

/* An entry, in the order of the content: table after table, in each by key. The name of a table
 * stays where it is as long as entries of it come. */
void hash_chunks_add(struct hash_chunks *hash_chunks, struct text table, struct text key,
                     struct text value);
/* Several of one table, as content_hash_put() lays them out. */
void hash_chunks_add_many(struct hash_chunks *hash_chunks, struct text table, struct text first_key,
                          uint64_t count, const uint8_t *entries, size_t length);
/* Over all entries so far, as content_hash_add() has them. */
uint64_t hash_chunks_hash(struct hash_chunks *hash_chunks);

/* After the last entry. */
size_t hash_chunks_count(struct hash_chunks *hash_chunks);
/* Any thread, with tables of its own. ERROR_DAMAGED: the table holds something else there. */
int hash_chunks_check(const struct hash_chunks *hash_chunks, size_t index,
                      const struct tables *tables, struct error *ret_error);
/* Has the table as many entries as were added? With each portion as it was, that is all of it. */
int hash_chunks_check_count(const struct hash_chunks *hash_chunks, const char *table,
                            const struct tables *tables, struct error *ret_error);
