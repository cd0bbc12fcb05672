/* Which numbers of which source have come: a fold of the archive's transactions, in their order.
 *
 * A source numbers what it sends: 1, 2, 3 and so on. Records are what was decided, so a repeated
 * request, which has no record, is no repeat, and a number whose transaction was refused is
 * missing.
 *
 *   gap      numbers that have not come although a number has that is SOURCE_WINDOW higher
 *   late     a number of a gap that comes after all
 *   repeat   a number that has come before, of another transaction
 *   restart  a number below SOURCE_WINDOW, or below the first one, that is at least two windows
 *            below the highest: the source counts anew, and its numbers so far say nothing about
 *            the new ones. Those of the old numbering may still come, until the new one has as many
 *            numbers as the window.
 * Memory is bounded: a table has SOURCES_MAX names, and each the last SOURCE_RANGES_MAX ranges that
 * are missing. A number of a range that is older than those counts as a repeat when it comes. */
#pragma once

#include "core/wire/bytes/source_state.h"
#include "core/wire/record/record.h"

#define SOURCES_MAX 256u

struct source_table;

/* Is called for each range of numbers as it becomes a gap. A range that continues the one reported
 * last for this source is no new gap. */
struct source_watch {
    void (*gap)(struct source_watch *self, const struct source_state *state,
                struct source_range range);
};

struct source_table *source_table_new(void);
void source_table_free(struct source_table *table); /* NULL is allowed */
void source_table_watch(struct source_table *table, struct source_watch *watch);

/* Has it a number that counts? Not history that came late: it numbers what its producer sent long
 * ago, below everything that the producer sends now. */
static inline bool source_table_takes(const struct record *record) {
    return record->type == RECORD_TRANSACTION &&
           record->transaction.transaction.source.length > 0 && !record->transaction.is_backfilled;
}
/* The transaction of a record that it takes. NULL: no room for this source, which was
 * counted with others. The state lives as long as the table and never moves. */
const struct source_state *source_table_add(struct source_table *table,
                                            const struct transaction *transaction,
                                            int64_t receive_time_us);

/* Its last transaction was received then, if there is room for this source. */
void source_table_touch(struct source_table *table, struct text name, int64_t receive_time_us);
/* NULL: it has not come, or there was no room. */
const struct source_state *source_table_find(const struct source_table *table, struct text name);
size_t source_table_count(const struct source_table *table);
/* In the order in which they came first. */
const struct source_state *source_table_at(const struct source_table *table, size_t index);
/* Transactions of sources without room. */
uint64_t source_table_others(const struct source_table *table);

/* For the tables of a generation. Visits states in the order in which they came first, then, if
 * there were others, one without a name that has their number. Stops when visit returns nonzero. */
int source_table_visit(const struct source_table *table,
                       int (*visit)(void *user, const struct source_state *state), void *user);
/* Takes what source_table_visit() gave, in that order. ERROR_DAMAGED. */
int source_table_restore(struct source_table *table, const struct source_state *state,
                         struct error *ret_error);
/* Equal for equal tables. */
uint64_t source_table_hash(const struct source_table *table);
