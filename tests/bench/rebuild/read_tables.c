/* Prints an entity's counts and sums from a generation of the policy in sums/, as of its newest
 * transaction, for compare.py: one row for each key, of 13 little-endian int64,
 *
 *   the number in the key (make_archive.c: token())
 *   for 1, 7 and 30 days: start and end of the window for which the values are exact, the count,
 *   and the sum in minor units
 *
 * usage: read_tables POLICY GENERATIONS ENTITY >ROWS */
#include "core/base/check.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/overlay.h"

#include "core/feature/state/state.h"
#include "core/policy/load/snapshot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS 3
#define ROW     (1 + 4 * WINDOWS)

static void fail(const struct error *error) {
    fprintf(stderr, "read_tables: %s\n", error->text);
    exit(1);
}

static struct snapshot *load_policy(const char *folder) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load_folder(folder, &snapshot, &messages, &error) < 0)
        fail(&error);
    buffer_deinit(&messages);
    return snapshot;
}

static size_t find_entity(const struct plan *plan, const char *name) {
    for (size_t i = 0; i < plan->entity_count; i++)
        if (text_is(plan->entities[i].name, name))
            return i;
    fprintf(stderr, "read_tables: the policy has no entity %s\n", name);
    exit(64);
}

/* "c_0123456789a" */
static int64_t number_in(struct text key) {
    char digits[32];
    check(key.length > 2 && key.length < sizeof digits);
    memcpy(digits, key.data + 2, key.length - 2);
    digits[key.length - 2] = '\0';
    return (int64_t)strtoull(digits, NULL, 16);
}

struct reading {
    const struct entity_plan *plan;
    struct state_scratch *scratch;
    int64_t at_us;
};

/* Features come in pairs by window: the count, then the sum (sums/features.yaml). */
static void read_row(const struct reading *reading, struct text key, struct text bytes,
                     int64_t row[ROW]) {
    const struct entity_plan *plan = reading->plan;
    struct state state = {0};
    struct value values[2 * WINDOWS];
    check(plan->feature_count == 2 * WINDOWS);
    state_assign(&state, plan, bytes.data, bytes.length);
    check(state_evaluate(&state, plan, plan->lateness_us, reading->at_us, NULL, reading->scratch,
                         values) == 0);
    row[0] = number_in(key);
    for (size_t i = 0; i < WINDOWS; i++) {
        const struct value *count = &values[2 * i], *sum = &values[2 * i + 1];
        check(count->type == VALUE_INT && sum->type == VALUE_DOUBLE);
        struct effective_window window =
            state_effective_window(&state, plan, 2 * i, reading->at_us);
        int64_t *cells = &row[1 + 4 * i];
        cells[0] = window.after_us;
        cells[1] = window.until_us;
        cells[2] = count->integer;
        cells[3] = (int64_t)llround(sum->number * 100); /* exact: far below 2^53 */
    }
    state_deinit(&state);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: read_tables POLICY GENERATIONS ENTITY >ROWS\n", stderr);
        return 64;
    }
    struct snapshot *snapshot = load_policy(argv[1]);
    struct generation *generation;
    struct error error;
    if (generation_open_current(argv[2], false, &generation, &error) < 0 ||
        generation_bind(generation, &snapshot->plan, &error) < 0)
        fail(&error);
    size_t entity = find_entity(&snapshot->plan, argv[3]);
    const struct reading reading = {.plan = &snapshot->plan.entities[entity],
                                    .scratch = state_scratch_new(),
                                    .at_us = generation_tally(generation).newest_event_time_us};
    struct generation_cursor *cursor = generation_cursor_open(generation, entity);
    struct text key, state;
    while (generation_cursor_next(cursor, &key, &state)) {
        int64_t row[ROW];
        read_row(&reading, key, state, row);
        check(fwrite(row, sizeof row, 1, stdout) == 1);
    }
    generation_cursor_close(cursor);
    state_scratch_free(reading.scratch);
    generation_close(generation);
    snapshot_unref(snapshot);
    return fflush(stdout) == 0 ? 0 : 74;
}
