/* The cost of adding, loading and merging: `apply` of state.c. */
#include "state_parts.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Processor time, which other load on the machine affects less than wall time. */
static int64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Entries made in advance, so that the time is that of adding: only times and ids differ. */
#define ENTRIES_MADE 64

struct supply {
    const struct entity_plan *entity;
    struct entry *entries; /* ENTRIES_MADE */
    size_t next;
};

static void supply_init(struct supply *supply, const struct entity_plan *entity) {
    supply->entity = entity;
    supply->entries = check_malloc(ENTRIES_MADE * sizeof *supply->entries);
    supply->next = 0;
    for (size_t i = 0; i < ENTRIES_MADE; i++)
        fill_entry(entity, 0, &supply->entries[i]);
}

/* Adds one entry, with a new id: entries of the same time and id would add up to one. */
static void supply_apply(struct supply *supply, struct state *state, int64_t time_us) {
    struct entry *entry = &supply->entries[supply->next++ % ENTRIES_MADE];
    entry->time_us = time_us;
    entry->id_hash = chance();
    state_apply(state, supply->entity, supply->entity->lateness_us, entry);
}

/* `count` entities with `rate` transactions a day each, for `days` days, of which the first `warm`
 * are not timed. `late` percent are up to an hour late. */
struct apply_case {
    const char *name;
    const char *entity; /* in rules/card-payments; NULL: make_plan()'s, with ten features */
    size_t count;
    double rate;
    int64_t days, warm;
    uint64_t late;
    bool by_entity; /* one entity after the other, as in a rebuild; else mixed, in order of time */
};

/* The time of an entry after `steps` steps of its entity, possibly moved back as a late one. */
static int64_t case_time(const struct apply_case *c, double steps) {
    int64_t time_us = START + (int64_t)(steps / c->rate * (double)DAY);
    return chance() % 100 < c->late ? time_us - (int64_t)(chance() % (3600 * SECOND)) : time_us;
}

/* Adds steps [first, last) of the entity at `states`, or of all entities. */
static void apply_steps(const struct apply_case *c, struct supply *supply, struct state *states,
                        size_t first, size_t last) {
    if (c->by_entity)
        for (size_t i = first; i < last; i++)
            supply_apply(supply, states, case_time(c, (double)i + chance_unit()));
    else
        for (size_t i = first * c->count; i < last * c->count; i++)
            supply_apply(supply, &states[chance() % c->count],
                         case_time(c, (double)i / (double)c->count));
}

/* Times one case. By entity, the states are freed as they are done; otherwise all exist at once. */
static void apply_case(const struct apply_case *c, const struct entity_plan *entity) {
    struct state *states = check_calloc(c->count, sizeof *states);
    struct supply supply;
    supply_init(&supply, entity);
    size_t all = (size_t)(c->rate * (double)c->days), warm = (size_t)(c->rate * (double)c->warm);
    int64_t spent_ns = 0, begun_ns = cpu_ns();
    uint64_t bytes = 0, memory = 0;
    for (size_t j = 0; j < (c->by_entity ? c->count : 1); j++) {
        apply_steps(c, &supply, &states[j], 0, warm);
        if (warm > 0) /* else begun_ns is already set: the clock is read once per case */
            begun_ns = cpu_ns();
        apply_steps(c, &supply, &states[j], warm, all);
        if (warm > 0)
            spent_ns += cpu_ns() - begun_ns;
        for (size_t k = c->by_entity ? j : 0; k < (c->by_entity ? j + 1 : c->count); k++) {
            bytes += encoded_length(entity, &states[k]);
            memory += sizeof states[k] + state_memory(&states[k]);
            state_deinit(&states[k]);
        }
    }
    spent_ns = warm > 0 ? spent_ns : cpu_ns() - begun_ns;
    printf("  %-28s %6.0f ns   %9.0f bytes encoded, %9.0f in memory\n", c->name,
           (double)spent_ns / (double)((all - warm) * c->count), (double)bytes / (double)c->count,
           (double)memory / (double)c->count);
    free(supply.entries);
    free(states);
}

/* Loads a state's bytes from a table and adds a few entries. */
static void apply_to_assigned(const struct entity_plan *entity, double rate) {
    struct supply supply;
    supply_init(&supply, entity);
    const struct apply_case c = {.rate = rate};
    struct state stored = {0}, state = {0};
    struct buffer bytes;
    int64_t steps = (int64_t)(40 * rate);
    const int rounds = 20000, applies = 4;
    for (int64_t i = 0; i < steps; i++)
        supply_apply(&supply, &stored, case_time(&c, (double)i));
    buffer_init(&bytes);
    state_encode(&stored, entity, &bytes);
    int64_t begun_ns = cpu_ns();
    for (int i = 0; i < rounds; i++) {
        state_assign(&state, entity, bytes.bytes, bytes.length);
        for (int j = 0; j < applies; j++)
            supply_apply(&supply, &state, case_time(&c, (double)(steps + j)));
    }
    printf("  assigned, %4.1f a day, 4 more  %6.0f ns for all   %zu bytes\n", rate,
           (double)(cpu_ns() - begun_ns) / rounds, bytes.length);
    buffer_deinit(&bytes);
    state_deinit(&state);
    state_deinit(&stored);
    free(supply.entries);
}

/* Merges two halves of forty days, in either order. */
static void apply_merge(const struct entity_plan *entity, double rate) {
    struct supply supply;
    supply_init(&supply, entity);
    const struct apply_case c = {.rate = rate};
    struct state halves[2] = {{0}, {0}}, state = {0};
    struct buffer bytes[2];
    int64_t steps = (int64_t)(40 * rate);
    const int rounds = 2000;
    for (int64_t i = 0; i < steps; i++)
        supply_apply(&supply, &halves[i < steps / 2 ? 0 : 1], case_time(&c, (double)i));
    for (int half = 0; half < 2; half++) {
        buffer_init(&bytes[half]);
        state_encode(&halves[half], entity, &bytes[half]);
    }
    for (int way = 0; way < 2; way++) {
        int64_t begun_ns = cpu_ns();
        for (int i = 0; i < rounds; i++) {
            state_assign(&state, entity, bytes[way].bytes, bytes[way].length);
            state_merge(&state, entity, entity->lateness_us, bytes[1 - way].bytes,
                        bytes[1 - way].length);
        }
        printf("  merged, %4.1f a day, %s    %6.0f ns\n", rate, way ? "newer first" : "older first",
               (double)(cpu_ns() - begun_ns) / rounds);
    }
    state_deinit(&state);
    for (int half = 0; half < 2; half++) {
        buffer_deinit(&bytes[half]);
        state_deinit(&halves[half]);
    }
    free(supply.entries);
}

void measure_apply(void) {
    static const struct apply_case cases[] = {
        {"sparse cards, one by one", "card", 200000, 0.133, 90, 0, 0, true},
        {"sparse cards, live", "card", 200000, 0.133, 90, 45, 0, false},
        {"busy people, one by one", NULL, 10, 35, 300, 60, 0, true},
        {"busy people, live", NULL, 500, 35, 60, 40, 0, false},
        {"busy people, some late", NULL, 10, 35, 300, 60, 5, true},
        {"very busy people", NULL, 3, 300, 100, 40, 0, true},
        {"busy card", "card", 1, 6667, 30, 10, 0, true},
        {"busy device", "device", 1, 6667, 30, 10, 0, true},
        {"merchant with thousands", "merchant", 1, 5000, 60, 30, 0, true},
        {"merchant with millions", "merchant", 1, 100000, 20, 10, 0, true},
    };
    static struct plan plan;
    static struct entity_plan ten;
    struct snapshot *snapshot = load_card_payments();
    make_plan(&plan, &ten);
    printf("adding alone, per entry\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        apply_case(&cases[i], cases[i].entity ? entity_of(snapshot, cases[i].entity) : &ten);
    apply_to_assigned(&ten, 0.3);
    apply_to_assigned(&ten, 35);
    apply_merge(&ten, 0.5);
    apply_merge(&ten, 35);
    snapshot_unref(snapshot);
}
