/* What was written, in chunks that can be read back independently, so that several threads compare
 * the tables with what was put in. Private to store/.
 *
 * A chunk is a run of entries of one table: its first key and their number. One hash runs over all
 * entries, and each chunk keeps the state of the hash before it; read back, its entries must lead
 * from there to the state before the next chunk. So the checks together prove what one pass over
 * everything would. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "tables.h"

#include <stddef.h>
#include <stdint.h>

struct hash_chunks;
/* chunk_bytes: of entries, roughly; a table starts a chunk in any case. */
struct hash_chunks *hash_chunks_new(uint64_t chunk_bytes);
void hash_chunks_free(struct hash_chunks *hash_chunks); /* NULL is allowed */

/* Adds an entry, in the order of the content: table after table, each by key. The name of a table
 * stays valid as long as entries of it come. */
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
/* Does the table have as many entries as were added? An entry between two chunks is in none of
 * them, so this is needed too. */
int hash_chunks_check_count(const struct hash_chunks *hash_chunks, const char *table,
                            const struct tables *tables, struct error *ret_error);
