/* Everything here is read from the overlay, which has it from the archive: so the counters go on
 * where they were after a restart, and those of another node of a cluster are the same. */
#include "sources.h"

#include <inttypes.h>

_Static_assert(STATUS_SOURCES_MAX == SOURCES_MAX, "an answer to Status has room for all sources");

static bool describe(const struct source_state *state, struct arena *arena,
                     struct status_source *ret_source) {
    const struct source_numbering *current = &state->current;
    size_t kept = current->missing_count;
    *ret_source = (struct status_source){.source = arena_text(arena, state->name),
                                         .transactions = state->transactions,
                                         .last_receive_us = state->last_receive_us,
                                         .first = current->first,
                                         .highest = current->highest,
                                         .gaps = state->counts.gaps,
                                         .missed = state->counts.missed,
                                         .late = state->counts.late,
                                         .repeats = state->counts.repeats,
                                         .restarts = state->counts.restarts};
    for (size_t i = kept > STATUS_RANGES_MAX ? kept - STATUS_RANGES_MAX : 0; i < kept; i++)
        ret_source->missing[ret_source->missing_count++] = current->missing[i];
    return ret_source->source.data != NULL;
}

void sources_describe(const struct service *service, struct arena *arena,
                      struct status_response *response) {
    const struct source_table *table = overlay_sources(service->states.overlay);
    size_t count = source_table_count(table);
    response->other_source_transactions = source_table_others(table);
    if (count == 0)
        return;
    struct status_source *out = arena_calloc(arena, count, sizeof *out);
    response->sources = out;
    while (out && response->source_count < count &&
           describe(source_table_at(table, response->source_count), arena,
                    &out[response->source_count]))
        response->source_count++;
}

void sources_note_others(struct service *service) {
    if (service->said_other_sources || !service->states.overlay ||
        source_table_others(overlay_sources(service->states.overlay)) == 0)
        return;
    service->said_other_sources = true;
    log_line(service->settings.log, LOG_WARNING,
             "transactions name more than %u sources: numbers of further ones are not looked at; "
             "a source is a program that numbers what it sends, not a request or a customer",
             SOURCES_MAX);
}

/* ---- metrics ---- */

static uint64_t transactions_of(const struct source_state *state) {
    return state->transactions;
}
static uint64_t gaps_of(const struct source_state *state) {
    return state->counts.gaps;
}
static uint64_t missed_of(const struct source_state *state) {
    return state->counts.missed;
}
static uint64_t late_of(const struct source_state *state) {
    return state->counts.late;
}
static uint64_t repeats_of(const struct source_state *state) {
    return state->counts.repeats;
}
static uint64_t restarts_of(const struct source_state *state) {
    return state->counts.restarts;
}

static const struct {
    const char *name, *help;
    uint64_t (*value)(const struct source_state *state);
} metrics[] = {
    {"harrierd_source_transactions_total", "Archived transactions that name a source, by source.",
     transactions_of},
    {"harrierd_source_gaps_total", "Ranges of a source's numbers that did not come in time.",
     gaps_of},
    {"harrierd_source_missed_total", "Numbers of a source that did not come in time.", missed_of},
    {"harrierd_source_late_total", "Missed numbers of a source that came after all.", late_of},
    {"harrierd_source_repeats_total",
     "Numbers of a source that came again, with another transaction.", repeats_of},
    {"harrierd_source_restarts_total", "How often a source's numbering began anew.", restarts_of},
};

static void put_label(struct buffer *out, struct text value) {
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            buffer_append_u8(out, '\\');
        buffer_append_u8(out, (uint8_t)value.data[i]);
    }
}

void sources_write(const struct service *service, struct buffer *out) {
    static const char unlisted[] = "harrierd_source_unlisted_total";
    const struct source_table *table =
        service->states.overlay ? overlay_sources(service->states.overlay) : NULL;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        buffer_printf(out, "# HELP %s %s\n# TYPE %s counter\n", metrics[i].name, metrics[i].help,
                      metrics[i].name);
        for (size_t j = 0; table && j < source_table_count(table); j++) {
            const struct source_state *state = source_table_at(table, j);
            buffer_printf(out, "%s{source=\"", metrics[i].name);
            put_label(out, state->name);
            buffer_printf(out, "\"} %" PRIu64 "\n", metrics[i].value(state));
        }
    }
    buffer_printf(out,
                  "# HELP %s Archived transactions of sources beyond the limit of %u.\n"
                  "# TYPE %s counter\n%s %" PRIu64 "\n",
                  unlisted, SOURCES_MAX, unlisted, unlisted,
                  table ? source_table_others(table) : 0);
}
