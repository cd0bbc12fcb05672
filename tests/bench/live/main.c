/* Measures the prototype of live.h beside core/feature, with the cards and merchants of
 * rules/card-payments.
 *
 * usage: live_bench check                               both give the same values, or it fails
 *        live_bench count KIND HOW ENTITIES STEP_S      for callgrind: --toggle-collect=counted_HOW
 *        live_bench speed KIND HOW ENTITIES PER         time to read and change four entities
 *        live_bench memory KIND HOW ENTITIES PER        bytes of each entity
 *
 *   KIND      card or merchant
 *   HOW       today or live
 *   STEP_S    seconds between two transactions, on average
 *   PER       transactions of four entities, for each entity, in 90 days */
#include "live.h"
#include "tests/bench/state_parts.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct snapshot *snapshot;
static const struct entity_plan *entity;
static struct live_plan live_plan;
static struct gather gather;
static struct state_scratch *scratch;
static struct state *states;
static struct live *lives;
static struct value values[2][PLAN_FEATURES_MAX];

static size_t skewed(size_t below) {
    size_t a = chance() % below, b = chance() % below;
    return a < b ? a : b;
}

static __attribute__((noinline, noclone)) void counted_today(struct state *state,
                                                             const struct entry *entry) {
    state_evaluate(state, entity, snapshot->plan.lateness_us, entry->time_us, entry, scratch,
                   values[0]);
    state_apply(state, entity, snapshot->plan.lateness_us, entry);
    __asm__ volatile("");
}
static __attribute__((noinline, noclone)) void counted_live(struct live *live,
                                                            const struct entry *entry) {
    struct live_hint hint;
    live_read(live, &live_plan, entry->time_us, entry, &gather, values[1], &hint);
    live_apply(live, &live_plan, entry, &hint);
    __asm__ volatile("");
}

static void open_kind(const char *kind, size_t entities, bool today, bool live) {
    snapshot = load_card_payments();
    entity = entity_of(snapshot, kind);
    live_plan_init(&live_plan, entity);
    gather_init(&gather);
    scratch = state_scratch_new();
    if (today)
        states = check_calloc(entities, sizeof *states);
    if (live)
        lives = check_calloc(entities, sizeof *lives);
}

static bool same(const struct value *a, const struct value *b) {
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_TEXT:
        return text_equal(a->text, b->text);
    case VALUE_ABSENT:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_DOUBLE:
        return a->number == b->number;
    default:
        return a->integer == b->integer;
    }
}

static void check_kind(const char *kind, size_t entities, size_t count, int64_t step_us) {
    open_kind(kind, entities, true, true);
    struct entry entry;
    int64_t time_us = START;
    for (size_t i = 0; i < count; i++) {
        time_us += 1 + (int64_t)(chance() % (uint64_t)(2 * step_us));
        fill_entry(entity, time_us, &entry);
        size_t at = skewed(entities);
        struct live_hint hint;
        state_evaluate(&states[at], entity, snapshot->plan.lateness_us, time_us, &entry, scratch,
                       values[0]);
        live_read(&lives[at], &live_plan, time_us, &entry, &gather, values[1], &hint);
        for (size_t f = 0; f < entity->feature_count; f++)
            if (!same(&values[0][f], &values[1][f])) {
                printf("%s %zu of %zu: %.*s differs: %d %" PRId64 " %d %" PRId64 "\n", kind, at, i,
                       (int)entity->features[f].name.length, entity->features[f].name.data,
                       values[0][f].type, values[0][f].integer, values[1][f].type,
                       values[1][f].integer);
                exit(1);
            }
        state_apply(&states[at], entity, snapshot->plan.lateness_us, &entry);
        live_apply(&lives[at], &live_plan, &entry, &hint);
    }
    size_t tiles = 0, windows = 0;
    for (size_t i = 0; i < entities; i++) {
        tiles += lives[i].windows != NULL;
        windows += states[i].length;
    }
    printf("%s: %zu transactions of %zu, all values equal; %zu with windows\n", kind, count,
           entities, tiles);
}

static void count_kind(const char *kind, bool live, size_t entities, int64_t step_us) {
    open_kind(kind, entities, !live, live);
    struct entry entry;
    int64_t time_us = START;
    const size_t warm = 60000, counted = 10000;
    for (size_t i = 0; i < warm + counted; i++) {
        time_us += 1 + (int64_t)(chance() % (uint64_t)(2 * step_us));
        fill_entry(entity, time_us, &entry);
        size_t at = skewed(entities);
        if (i < warm) {
            static struct live_hint hint;
            if (live) {
                live_read(&lives[at], &live_plan, time_us, &entry, &gather, values[1], &hint);
                live_apply(&lives[at], &live_plan, &entry, &hint);
            } else {
                state_evaluate(&states[at], entity, snapshot->plan.lateness_us, time_us, &entry,
                               scratch, values[0]);
                state_apply(&states[at], entity, snapshot->plan.lateness_us, &entry);
            }
        } else if (live) {
            counted_live(&lives[at], &entry);
        } else {
            counted_today(&states[at], &entry);
        }
    }
    printf("%zu\n", counted);
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void prefetch_live(const struct live *live, int step) {
    if (step == 0) {
        prefetch(live);
        return;
    }
    if (step == 1) {
        if (live->windows)
            prefetch_far_all(live->windows,
                             24 + live_plan.border_count * 16 + live_plan.word_count * 8);
        if (live->rows) {
            size_t few = live->end - live->begin > 8 ? 2 : live->end - live->begin;
            size_t size = live_plan.layouts[live->is_wide].size;
            const uint8_t *from = live->rows + (live->end - few) * size;
            prefetch_far_all(from, (few + 1) * size);
        }
        return;
    }
    if (live->windows) {
        const uint32_t *cursors = (const uint32_t *)((const char *)live->windows + 24);
        for (size_t b = 0; b < live_plan.border_count; b++)
            if (cursors[4 * b] < live->end)
                prefetch_far_all(live->rows +
                                     cursors[4 * b] * live_plan.layouts[live->is_wide].size,
                                 live_plan.layouts[live->is_wide].size);
    }
}

static void speed_kind(const char *kind, bool live, size_t entities, size_t per, bool memory) {
    open_kind(kind, entities, !live, live);
    static struct entry entry;
    size_t count = entities * per, measured = memory ? 0 : count / 4;
    int64_t *ns = check_malloc((measured + 1) * sizeof *ns), total = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t time_us = START + (int64_t)((double)i / (double)count * 90 * DAY);
        fill_entry(entity, time_us, &entry);
        size_t at[4];
        for (int j = 0; j < 4; j++)
            at[j] = skewed(entities);
        int64_t begun = now_ns();
        for (int step = 0; step < 3; step++)
            for (int j = 0; j < 4; j++)
                if (live)
                    prefetch_live(&lives[at[j]], step);
                else
                    state_prefetch(&states[at[j]], entity, time_us, &entry, step);
        for (int j = 0; j < 4; j++) {
            if (j > 0 && (at[j] == at[0] || (j > 1 && at[j] == at[1]) || (j > 2 && at[j] == at[2])))
                continue;
            if (live)
                counted_live(&lives[at[j]], &entry);
            else
                counted_today(&states[at[j]], &entry);
        }
        if (i >= count - measured)
            ns[used++] = now_ns() - begun, total += ns[used - 1];
    }
    if (used > 0) {
        qsort(ns, used, sizeof *ns, by_number);
        printf("%s %s, four of %zu: median %" PRId64 " ns, mean %.0f\n", kind,
               live ? "live" : "today", entities, ns[used / 2], (double)total / (double)used);
    }
    double bytes = 0, canonical = 0, windows = 0, rows = 0;
    for (size_t i = 0; i < entities; i++) {
        if (live) {
            bytes += (double)live_bytes(&lives[i], &live_plan);
            windows += lives[i].windows != NULL;
            rows += lives[i].end - lives[i].begin;
        } else {
            bytes += (double)(sizeof states[i] + states[i].capacity +
                              state_kept_bytes(&states[i], entity));
            canonical += states[i].length;
        }
    }
    printf("%s %s: %.0f bytes each in memory (canonical %.0f; %.2f have windows, %.1f rows)\n",
           kind, live ? "live" : "today", bytes / (double)entities, canonical / (double)entities,
           windows / (double)entities, rows / (double)entities);
}

int main(int argc, char **argv) {
    if (argc == 2) {
        check_kind("card", 300, 200000, 200000000);
        check_kind("card", 2000, 400000, 20000000);
        check_kind("merchant", 300, 300000, 20000000);
        check_kind("merchant", 20, 300000, 20000000);
        check_kind("merchant", 3, 300000, 5000000);
        return 0;
    }
    const char *kind = argv[2];
    bool live = argv[3][0] == 'l';
    if (argv[1][0] == 'c')
        count_kind(kind, live, strtoul(argv[4], NULL, 10),
                   (int64_t)strtoul(argv[5], NULL, 10) * 1000000);
    else
        speed_kind(kind, live, strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10),
                   argv[1][0] == 'm');
    return 0;
}
