/* The sources and numbers of some transactions in their order, in about two bytes each: for jobs
 * that read parts of an archive in parallel, or elsewhere, and can apply them to a table only in
 * turn.
 */
#pragma once

#include "core/base/buffer.h"
#include "source_table.h"

/* What an item is told apart from: the names so far, and what came last. */
struct source_tape_names {
    struct text of[SOURCES_MAX]; /* their own copies */
    uint64_t last[SOURCES_MAX];  /* sequence */
    int64_t receive_us[SOURCES_MAX];
    size_t count;
};

struct source_tape {
    struct buffer bytes;
    struct source_tape_names *names; /* NULL until there is an item */
};

void source_tape_init(struct source_tape *tape);
void source_tape_deinit(struct source_tape *tape);

/* A transaction that has a source. */
void source_tape_put(struct source_tape *tape, const struct transaction *transaction,
                     int64_t receive_time_us);
/* After the last of them, before the bytes are used. More may follow, and another end. */
void source_tape_end(struct source_tape *tape);
/* Does with each what source_table_add() would have done. ERROR_DAMAGED. */
int source_tape_apply(struct text bytes, struct source_table *table, struct error *ret_error);
