#include "night_sources.h"

#include "batch/base/day.h"
#include "core/base/check.h"

#include <stdlib.h>

/* The table's index of a state. */
static size_t index_of(const struct night_sources *sources, const struct source_state *state) {
    size_t i = 0;
    while (source_table_at(sources->table, i) != state)
        i++;
    return i;
}

static void take_gap(struct source_watch *self, const struct source_state *state,
                     struct source_range range) {
    struct night_sources *sources = (struct night_sources *)self;
    if (!sources->is_on_day)
        return;
    struct night_source *source = &sources->of[index_of(sources, state)];
    struct source_range *last =
        source->missing_count > 0 ? &source->missing[source->missing_count - 1] : NULL;
    if (last && last->last + 1 == range.first)
        last->last = range.last;
    else if (source->missing_count < NIGHT_SOURCE_RANGES_MAX)
        source->missing[source->missing_count++] = range;
}

void night_sources_init(struct night_sources *sources, int64_t day) {
    *sources = (struct night_sources){.watch.gap = take_gap,
                                      .table = source_table_new(),
                                      .of = check_calloc(SOURCES_MAX, sizeof *sources->of),
                                      .day = day};
    source_table_watch(sources->table, &sources->watch);
}

/* What the day adds to the state's counts: as of now, minus those before the record. */
static void add(struct night_source *source, const struct source_state *state,
                const struct source_counts *before, uint64_t sequence) {
    source->name = state->name;
    source->transactions++;
    if (sequence > 0 && source->first == 0)
        source->first = sequence;
    if (sequence > 0)
        source->last = sequence;
    source->counts.gaps += state->counts.gaps - before->gaps;
    source->counts.missed += state->counts.missed - before->missed;
    source->counts.late += state->counts.late - before->late;
    source->counts.repeats += state->counts.repeats - before->repeats;
    source->counts.restarts += state->counts.restarts - before->restarts;
}

void night_sources_take(struct night_sources *sources, const struct record *record) {
    const struct transaction *transaction = &record->transaction.transaction;
    int64_t day = day_of_us(record->receive_time_us);
    if (day > sources->day)
        return;
    sources->is_on_day = day == sources->day;
    const struct source_state *known = source_table_find(sources->table, transaction->source);
    struct source_counts before = known ? known->counts : (struct source_counts){0};
    const struct source_state *state =
        source_table_add(sources->table, transaction, record->receive_time_us);
    sources->count = source_table_count(sources->table);
    if (!sources->is_on_day)
        return;
    if (state)
        add(&sources->of[index_of(sources, state)], state, &before, transaction->sequence);
    else
        sources->others++;
}

void night_sources_deinit(struct night_sources *sources) {
    source_table_free(sources->table);
    free(sources->of);
    *sources = (struct night_sources){0};
}
