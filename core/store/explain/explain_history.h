/* The states of one transaction's entities, as a decision about it has them: the fold of invariant
 * 1, applying only records that concern one of these entities. Private to store/. */
#pragma once

#include "core/engine/engine.h"
#include "core/store/explain/archive_search.h"
#include "core/store/generation/generation.h"
#include "core/wire/types/explanation.h"

struct explain_history {
    struct state_source source; /* first: what the deciding engine reads */
    struct snapshot *plan;
    struct engine *engine; /* that applies */
    size_t entity_count;
    struct text *keys; /* of the plan's entities; .data NULL: the transaction has none */
    struct state *states;
    struct buffer bytes; /* of the state read last */
    bool *in_tables;
    uint64_t *applied; /* records, since the tables */
    uint64_t base;     /* position that the states begin at; 0: no records yet */
    uint64_t applied_records;
    struct text *texts; /* a record that concerns an entity contains at least one of them */
    size_t text_count;
    struct arena arena; /* keys */
};

/* Takes a reference to the plan. The record is the transaction's. */
void explain_history_init(struct explain_history *history, struct snapshot *plan,
                          const struct record *record);
void explain_history_deinit(struct explain_history *history);

/* Starts from what this generation has of the entities. ERROR_UNSUPPORTED: its tables belong to
 * another plan. */
int explain_history_begin(struct explain_history *history, struct generation *generation,
                          struct error *ret_error);
/* Applies a record, each once and in order; those that concern no entity change nothing. */
void explain_history_apply(struct explain_history *history, const struct record *record);
/* Are all states empty? Then a rebuild has nothing to leave out. */
bool explain_history_is_empty(const struct explain_history *history);
/* A generation was built here: drops the idle states that it left out. newest_us: event time of the
 * newest transaction in the archive up to here. */
void explain_history_forget_idle(struct explain_history *history, int64_t newest_us);

/* Into the arena; NULL: it is full. */
const struct explained_entity *explain_history_entities(const struct explain_history *history,
                                                        struct arena *arena, size_t *ret_count);
